"""Who may call, how often and from where, on a stack of its own that is set up for it: over HTTP, with IAM enforced."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests

from chalicelib.auth.secrets import rotated
from stack.machine.local import LocalStack, Options
from stack.operation.tokens import token
from tests.fakes.identity_provider import AUDIENCE, ISSUER, IdentityProviderServer, public_jwk, rsa_key, signed
from tests.stack.client import PATIENCE_SECONDS, Client, aws

SHOP = "https://shop.example"
PER_MINUTE = 40
KEY = rsa_key()
NEXT_KEY = "Uj3mWq8Zt1Rb6Yc0Xv5Ns9Ld4Hf7Kg2P"


@dataclass(frozen=True)
class Callers:
    env: dict[str, str]
    provider: IdentityProviderServer

    def of_secret(self, sub: str, **claims: object) -> Client:
        return Client(self.env, token(self.secret, sub=sub, accountAddress=self.env["ISSUER_ACCOUNT"], **claims))

    def of_provider(self, kid: str = "r", **claims: object) -> Client:
        account = self.env["ISSUER_ACCOUNT"]
        return Client(self.env, signed(KEY, kid, "RS256", **{"sub": "of provider", "accountAddress": account, **claims}))

    @property
    def secret(self) -> str:
        return str(aws(self.env, "secretsmanager").get_secret_value(SecretId=self.secret_id)["SecretString"])

    @property
    def secret_id(self) -> str:
        return f"{self.env['STACK_NAME']}/jwt"


@pytest.fixture(scope="module")
def callers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callers]:
    with IdentityProviderServer() as provider:
        provider.keys = [public_jwk(KEY, kid="r")]
        parameters = {
            "JwksUrl": provider.url,
            "JwtIssuer": ISSUER,
            "JwtAudience": AUDIENCE,
            "SecretTokens": "true",
            "CorsOrigins": f"{SHOP},http://localhost:3000",
            "RequestsPerMinute": str(PER_MINUTE),
        }
        with LocalStack(tmp_path_factory.mktemp("callers"), Options(parameters=parameters)) as stack:
            yield Callers(stack.env, provider)


def test_a_token_of_the_identity_provider_is_taken_and_a_forged_one_is_not(callers: Callers) -> None:
    assert callers.of_provider().get("/api/v2/jobs").status_code == 200
    for claims in ({"aud": "another-api"}, {"iss": "https://evil.example/"}, {"exp": time.time() - 600}):
        assert callers.of_provider(**claims).get("/api/v2/jobs").status_code == 401
    assert callers.of_provider(kid="made up").get("/api/v2/jobs").status_code == 401


def test_tokens_are_taken_through_a_rotation_of_the_secret(callers: Callers) -> None:
    before = callers.of_secret("rotated")
    job = before.get("/api/v2/jobs")
    assert job.status_code == 200
    aws(callers.env, "secretsmanager").put_secret_value(
        SecretId=callers.secret_id, SecretString=rotated(callers.secret, NEXT_KEY, "2026-11", "local")
    )
    after = callers.of_secret("rotated")
    assert [client.get("/api/v2/jobs").status_code for client in (after, before)] == [200, 200]


def test_an_issuer_that_asks_too_often_is_told_when_to_go_on_and_the_others_are_served(callers: Callers) -> None:
    busy = callers.of_secret("busy")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := busy.get("/api/v2/jobs")).status_code != 429:
        assert answer.status_code == 200
        assert time.monotonic() < deadline, f"never refused at {PER_MINUTE} requests a minute"
    assert answer.json()["code"] == "TooManyRequests"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert callers.of_secret("quiet").get("/api/v2/jobs").status_code == 200
    rows = aws(callers.env, "dynamodb").scan(TableName=callers.env["LIMITS_TABLE"])["Items"]
    of_busy = [row for row in rows if row["limitId"]["S"].startswith("busy#")]
    assert of_busy
    assert all(int(row["leased"]["N"]) <= PER_MINUTE for row in of_busy)
    assert all(int(row["expiresAt"]["N"]) > time.time() for row in of_busy)


def preflight(callers: Callers, origin: str) -> requests.Response:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    return requests.options(f"{callers.env['API_URL']}/api/v2/jobs", headers=headers, timeout=PATIENCE_SECONDS)


def test_a_browser_lets_pages_of_the_named_origins_call_and_no_others(callers: Callers) -> None:
    asked = preflight(callers, SHOP)
    assert (asked.status_code, asked.content) == (204, b"")
    assert asked.headers["Access-Control-Allow-Origin"] == SHOP
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    refused = requests.get(f"{callers.env['API_URL']}/api/v2/jobs", headers={"Origin": SHOP}, timeout=PATIENCE_SECONDS)
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, SHOP)
    elsewhere = preflight(callers, "https://evil.example")
    assert "Access-Control-Allow-Origin" not in elsewhere.headers
    assert elsewhere.headers["Vary"] == "Origin"
