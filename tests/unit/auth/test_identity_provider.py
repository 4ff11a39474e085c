"""Tokens of an identity provider: real keys, served by a real HTTP server on the loopback."""

import base64
import hmac
import json
import logging
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.auth import jwks
from chalicelib.auth.jwks import IdentityProvider, PublicKeys, fetch_keys
from chalicelib.auth.jwt import LEEWAY_SECONDS, TokenVerifier
from chalicelib.auth.secrets import token_keys
from chalicelib.cached import EARLY_SECONDS, FRESH_SECONDS, KEPT_SECONDS, Cached
from chalicelib.errors import ServiceUnavailable, Unauthorized
from chalicelib.jobs.principal import Principal
from tests.fakes.identity_provider import (
    AUDIENCE,
    ISSUER,
    IdentityProviderServer,
    ec_key,
    public_jwk,
    rsa_key,
    secret_jwk,
    signed,
)

ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
SECRET = "kZ8vXr2Qp5Lw9TnB4cYh7GdJ3mFs6AeU"
RSA, OTHER_RSA, EC = rsa_key(), rsa_key(), ec_key()


class Provider(IdentityProviderServer):
    """With a cache in front, on a clock of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.keys = [public_jwk(RSA, kid="r"), public_jwk(EC, kid="e")]
        cached: Cached[PublicKeys] = Cached("identity provider's keys", lambda: fetch_keys(self.url), lambda: self.now)
        self.cached = cached

    def verify(self, token: str, *, with_secret: bool = False) -> Principal:
        shared = Cached("JWT secret", lambda: token_keys(SECRET, "test")) if with_secret else None
        return TokenVerifier(shared, IdentityProvider(self.cached, ISSUER, AUDIENCE)).verify(f"Bearer {token}")

    def refuses(self, token: str, **how: bool) -> str:
        with pytest.raises(Unauthorized) as refused:
            self.verify(token, **how)
        return refused.value.message


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Provider() as running:
        yield running


def rs256(key: Any = RSA, kid: str | None = "r", **claims: Any) -> str:
    return signed(key, kid, "RS256", **{"accountAddress": ADDRESS, **claims})


def es256(key: Any = EC, kid: str | None = "e", **claims: Any) -> str:
    return signed(key, kid, "ES256", **{"accountAddress": ADDRESS, **claims})


def test_its_rs256_and_es256_tokens_are_taken_with_all_their_claims(provider: Provider) -> None:
    claims = {"sub": "user-1", "isAdmin": True, "role": "minters"}
    for token in (rs256(**claims), es256(**claims)):
        assert provider.verify(token) == Principal("user-1", ADDRESS, is_admin=True, role="minters")
    assert provider.requests == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": None},
        {"iss": "https://login.example"},
        {"iss": "https://evil.example/"},
        {"iss": [ISSUER]},
        {"aud": None},
        {"aud": "another-api"},
        {"aud": []},
        {"aud": ["another-api"]},
        {"aud": 7},
        {"exp": None},
        {"exp": time.time() - LEEWAY_SECONDS - 5},
        {"nbf": time.time() + 3_600},
        {"accountAddress": "0x1"},
    ],
)
def test_a_token_for_others_or_for_another_time_is_refused(provider: Provider, claims: dict[str, Any]) -> None:
    provider.refuses(rs256(**claims))


def test_a_token_for_several_audiences_is_taken_when_one_is_ours(provider: Provider) -> None:
    assert provider.verify(rs256(aud=["another-api", AUDIENCE])).owner == ADDRESS


@pytest.mark.parametrize(
    "forged",
    [
        lambda: rs256(OTHER_RSA),
        lambda: rs256()[:-4] + "AAAA",
        lambda: es256(ec_key()),
        lambda: es256(kid="r"),
        lambda: rs256(kid="e"),
        lambda: signed(RSA, "r", "RS512", accountAddress=ADDRESS),
        lambda: signed(RSA, "r", "PS256", accountAddress=ADDRESS),
    ],
    ids=["another key", "bad signature", "another curve key", "an RSA kid", "an EC kid", "RS512", "PS256"],
)
def test_what_its_keys_have_not_signed_by_their_own_algorithm_is_refused(provider: Provider, forged: Any) -> None:
    provider.refuses(forged())


def test_a_token_that_names_no_key_is_told_so_and_asks_nobody(provider: Provider) -> None:
    assert "kid" in provider.refuses(rs256(kid=None))
    assert provider.requests == 0


def hs256(secret: bytes, kid: str | None) -> str:
    """By hand: PyJWT refuses to sign with a public key."""

    def segment(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    header = {"alg": "HS256", "typ": "JWT"} | ({} if kid is None else {"kid": kid})
    claims = {"iss": ISSUER, "aud": AUDIENCE, "accountAddress": ADDRESS, "exp": time.time() + 600}
    parts = f"{segment(json.dumps(header).encode())}.{segment(json.dumps(claims).encode())}"
    return f"{parts}.{segment(hmac.digest(secret, parts.encode(), 'sha256'))}"


@pytest.mark.parametrize("with_secret", [True, False])
@pytest.mark.parametrize("kid", ["r", "e", None])
@pytest.mark.parametrize("form", [(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), (Encoding.DER, PublicFormat.PKCS1)])
def test_a_public_key_never_passes_for_a_secret(provider: Provider, form: Any, kid: str | None, with_secret: bool) -> None:
    public = RSA.public_key().public_bytes(*form)
    for secret in (public, public.strip(), json.dumps(provider.keys[0]).encode()):
        provider.refuses(hs256(secret, kid), with_secret=with_secret)


def test_a_secret_that_is_published_is_never_used(provider: Provider) -> None:
    provider.keys.append(secret_jwk(SECRET.encode(), kid="s"))
    for with_secret in (True, False):
        provider.refuses(hs256(SECRET.encode(), "s"), with_secret=with_secret)


def test_tokens_of_the_secret_are_refused_unless_the_stage_takes_both(provider: Provider) -> None:
    provider.refuses(hs256(SECRET.encode(), None))
    assert provider.requests == 0
    claims = {"accountAddress": ADDRESS, "iss": None, "aud": None}
    assert provider.verify(signed(SECRET, None, "HS256", **claims), with_secret=True).owner == ADDRESS
    assert provider.verify(rs256(), with_secret=True).owner == ADDRESS


@pytest.mark.parametrize("algorithm", ["none", "None", "", "rs256", "HS512", None, 7, ["RS256"]])
def test_an_algorithm_that_is_not_taken_asks_nobody(provider: Provider, algorithm: Any) -> None:
    def segment(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = {"iss": ISSUER, "aud": AUDIENCE, "accountAddress": ADDRESS, "exp": time.time() + 600}
    provider.refuses(f"{segment({'alg': algorithm, 'kid': 'r'})}.{segment(claims)}.")
    assert provider.requests == 0


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
@pytest.mark.parametrize(
    ("key", "algorithm", "more"),
    [
        (rsa_key(1_024), "RS256", {}),
        (OTHER_RSA, "RS256", {"use": "enc"}),
        (OTHER_RSA, "RS256", {"alg": "PS256"}),
        (OTHER_RSA, "RS256", {"alg": "HS256"}),
        (OTHER_RSA, "RS256", {"key_ops": ["sign"]}),
        (OTHER_RSA, "RS256", {"key_ops": "verify"}),
        (OTHER_RSA, "RS256", {"d": "AQAB"}),
        (OTHER_RSA, "RS256", {"n": 7}),
        (OTHER_RSA, "RS256", {"e": ""}),
        (OTHER_RSA, "RS256", {"kty": ["RSA"]}),
        (OTHER_RSA, "RS256", {"kty": "EC", "crv": "P-256"}),
        (ec_key(ec.SECP384R1()), "ES384", {}),
        (ec_key(ec.SECP256K1()), "ES256K", {}),
        (EC, "ES256", {"x": "AAAA"}),
        (EC, "ES256", {"crv": ["P-256"]}),
    ],
)
def test_a_key_of_another_kind_size_or_use_checks_nothing(
    provider: Provider, key: Any, algorithm: str, more: dict[str, Any]
) -> None:
    provider.keys.append({**public_jwk(key, kid="x"), **more})
    provider.refuses(signed(key, "x", algorithm, accountAddress=ADDRESS))
    assert provider.verify(rs256()).owner == ADDRESS, "the others are used all the same"


def test_a_key_that_says_what_it_is_for_is_used(provider: Provider) -> None:
    provider.keys = [public_jwk(EC, kid="e", alg="ES256", key_ops=["verify"]), public_jwk(RSA, kid="r", alg="RS256")]
    assert {provider.verify(token).owner for token in (es256(), rs256())} == {ADDRESS}


def test_a_published_private_key_is_told_and_never_used(provider: Provider, caplog: pytest.LogCaptureFixture) -> None:
    provider.keys.append({**public_jwk(OTHER_RSA, kid="x"), "d": "AQAB"})
    with caplog.at_level(logging.ERROR):
        provider.refuses(rs256(OTHER_RSA, "x"))
    assert any("private key" in record.message for record in caplog.records)


def test_a_new_key_is_seen_by_its_first_token(provider: Provider) -> None:
    assert provider.verify(rs256()).owner == ADDRESS
    provider.keys = [public_jwk(OTHER_RSA, kid="next"), *provider.keys]
    assert provider.verify(rs256(OTHER_RSA, "next")).owner == ADDRESS
    assert provider.requests == 2


def test_a_key_that_is_taken_back_is_refused_after_five_minutes(provider: Provider) -> None:
    provider.verify(rs256())
    provider.keys = [public_jwk(EC, kid="e")]
    provider.now += FRESH_SECONDS + 1
    provider.refuses(rs256())


def test_made_up_kids_make_one_request_in_thirty_seconds(provider: Provider) -> None:
    provider.verify(rs256())
    for number in range(100):
        provider.refuses(rs256(kid=f"made up {number}"))
    assert provider.requests == 2
    provider.now += EARLY_SECONDS + 1
    provider.refuses(rs256(kid="x"))
    assert provider.requests == 3


def test_in_an_outage_known_keys_are_used_for_an_hour_and_unknown_ones_are_nobodys_fault(provider: Provider) -> None:
    assert provider.verify(rs256()).owner == ADDRESS
    provider.answers(503, b"")
    provider.now += KEPT_SECONDS
    assert provider.verify(rs256()).owner == ADDRESS
    for _ in range(2):
        with pytest.raises(ServiceUnavailable):
            provider.verify(rs256(OTHER_RSA, "next"))
    provider.now += 1
    with pytest.raises(ServiceUnavailable):
        provider.verify(rs256())
    provider.recovers()
    assert provider.verify(rs256()).owner == ADDRESS


def test_with_nothing_known_an_outage_is_an_unavailable_service(provider: Provider) -> None:
    provider.__exit__()
    with pytest.raises(ServiceUnavailable) as caught:
        provider.verify(rs256())
    assert "jwks.json" not in caught.value.message, "no more of the URL than its host"


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, b""),
        (200, b"<html>"),
        (200, b"null"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"keys": {}}'),
        (200, b'{"keys": []}'),
        (200, b'{"keys": [null, 7, {}, {"kty": "oct", "kid": "s"}]}'),
        (200, b'{"keys":' * 30_000),
        (200, b"[" * 256_000),
        (200, b"\xff\xfe\x00"),
        (404, b'{"keys": []}'),
        (500, b""),
        (204, b""),
    ],
)
def test_an_answer_without_keys_is_an_unavailable_service(provider: Provider, status: int, content: bytes) -> None:
    provider.answers(status, content)
    with pytest.raises(ServiceUnavailable):
        provider.verify(rs256())


def test_a_redirect_is_not_followed(provider: Provider) -> None:
    with IdentityProviderServer() as elsewhere:
        elsewhere.keys = [public_jwk(OTHER_RSA, kid="x")]
        provider.answers(302, b"", Location=elsewhere.url)
        with pytest.raises(ServiceUnavailable):
            provider.verify(rs256(OTHER_RSA, "x"))
        assert elsewhere.requests == 0


@pytest.mark.parametrize(("size", "is_taken"), [(jwks.MAX_BYTES, True), (jwks.MAX_BYTES + 1, False), (10**8, False)])
def test_an_answer_of_more_than_256_kb_is_not_read(provider: Provider, size: int, is_taken: bool) -> None:
    provider.answers(200, json.dumps({"keys": provider.keys}).encode().ljust(size))
    if is_taken:
        assert provider.verify(rs256()).owner == ADDRESS
    else:
        with pytest.raises(ServiceUnavailable):
            provider.verify(rs256())


def test_a_compressed_answer_is_not_unpacked(provider: Provider) -> None:
    provider.answers(200, b"\x1f\x8b\x08\x00", **{"Content-Encoding": "gzip"})
    with pytest.raises(ServiceUnavailable):
        fetch_keys(provider.url)


def test_an_answer_that_trickles_in_is_given_up(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "FETCH_SECONDS", 0.3)

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(1_000):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.02)

    provider.answer = trickle
    started = time.monotonic()
    with pytest.raises(ServiceUnavailable):
        fetch_keys(provider.url)
    assert time.monotonic() - started < 10


def test_only_the_first_hundred_keys_are_looked_at(provider: Provider) -> None:
    one = public_jwk(RSA)
    provider.keys = [{**one, "kid": f"k{number}"} for number in range(150)]
    assert len(fetch_keys(provider.url)) == jwks.MAX_KEYS
