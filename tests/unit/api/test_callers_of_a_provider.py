"""A stage with an identity provider, over HTTP: whose tokens are taken, what an outage says, and who issues tokens."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from chalicelib.auth.jwks import IdentityProvider, fetch_keys
from chalicelib.cached import Cached
from chalicelib.errors import ServiceUnavailable
from chalicelib.settings import settings_from
from tests.fakes.identity_provider import AUDIENCE, ISSUER, IdentityProviderServer, ec_key, public_jwk, signed
from tests.unit.api.harness import ISSUER as ACCOUNT
from tests.unit.api.harness import Api, environment, new_api

JOBS = "/api/v2/jobs"
NEW = {"role": "shop", "bridgeType": "home", "appName": "Market"}
KEY = ec_key()


@pytest.fixture
def provider() -> Iterator[IdentityProviderServer]:
    with IdentityProviderServer() as running:
        running.keys = [public_jwk(KEY, kid="e")]
        yield running


def api_of(provider: IdentityProviderServer, **more: str) -> Api:
    variables = {"JWKS_URL": provider.url, "JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE, **more}
    keys = Cached("identity provider's keys", lambda: fetch_keys(provider.url))
    settings = settings_from(environment() | variables)
    return replace(new_api(), settings=settings, identity_provider=IdentityProvider(keys, ISSUER, AUDIENCE))


def of_provider(**claims: object) -> str:
    return signed(KEY, "e", "ES256", accountAddress=ACCOUNT, **claims)


def test_the_providers_tokens_are_taken_and_the_secrets_are_not(provider: IdentityProviderServer) -> None:
    api = api_of(provider)
    assert api.get(JOBS, token=of_provider()).status == 200
    answer = api.get(JOBS, token=api.token())
    assert (answer.status, answer.body["code"]) == (401, "Unauthorized")


def test_both_are_taken_where_the_stage_says_so(provider: IdentityProviderServer) -> None:
    api = api_of(provider, SECRET_TOKENS="true")
    assert [api.get(JOBS, token=token).status for token in (of_provider(), api.token())] == [200, 200]


def test_where_the_provider_issues_the_tokens_an_account_comes_without_one(provider: IdentityProviderServer) -> None:
    admin = of_provider(isAdmin=True)
    made = api_of(provider).post("/api/v2/accounts", NEW, token=admin)
    assert made.status == 201
    assert made.body["data"].keys() == {"account"}
    both = api_of(provider, SECRET_TOKENS="true")
    token = both.post("/api/v2/accounts", NEW, token=admin).body["data"]["jwt"]
    assert token.count(".") == 2


def test_a_weak_secret_is_nothing_to_the_providers_tokens(provider: IdentityProviderServer) -> None:
    api = replace(api_of(provider), key="weak")
    assert api.get(f"{JOBS}/62b17abc8c26160014940e87", token=of_provider()).status == 404


def test_an_outage_of_the_provider_says_when_to_come_back(provider: IdentityProviderServer) -> None:
    api = api_of(provider)
    provider.answers(500, b"")
    answer = api.get(JOBS, token=of_provider())
    assert (answer.status, answer.body["code"]) == (503, "ServiceUnavailable")
    assert int(answer.headers["Retry-After"]) > 0
    provider.recovers()
    assert api.get(JOBS, token=of_provider()).status == 200


def test_an_outage_of_the_secrets_says_when_to_come_back(api: Api) -> None:
    def away() -> None:
        raise ServiceUnavailable("A secret of the service cannot be read now: try again.")

    api.token_keys = Cached("JWT secret", away)  # type: ignore[arg-type]
    answer = api.get(JOBS)
    assert (answer.status, answer.body["code"]) == (503, "ServiceUnavailable")
    assert int(answer.headers["Retry-After"]) > 0
