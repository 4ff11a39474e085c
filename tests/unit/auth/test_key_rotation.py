"""The secret of the tokens: which keys it may hold, and how one takes the place of another without refusing anybody."""

import base64
import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from chalicelib.auth.jwt import TokenVerifier, issuer_token
from chalicelib.auth.secrets import TokenKeys, rotated, token_keys, without_old
from chalicelib.cached import EARLY_SECONDS, Cached
from chalicelib.errors import ConfigurationError, ServiceUnavailable, Unauthorized
from chalicelib.jobs.model import Account

FIRST = "kZ8vXr2Qp5Lw9TnB4cYh7GdJ3mFs6AeU"
SECOND = "Uj3mWq8Zt1Rb6Yc0Xv5Ns9Ld4Hf7Kg2P"
THIRD = "Bn5Vx7Mc2Qa9Ws4Ed6Rf1Tg8Yh3Uj0Ik"
ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
STAGE = "spark"


class Secret:
    """Secrets Manager with one secret, and a clock."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.now = 0.0
        self.reads = 0
        self.away = False
        self.keys: Cached[TokenKeys] = Cached("JWT secret", self.read, lambda: self.now)

    def read(self) -> TokenKeys:
        self.reads += 1
        if self.away:
            raise ServiceUnavailable("away")
        return token_keys(self.text, STAGE)

    def takes(self, token: str) -> bool:
        try:
            return TokenVerifier(self.keys).verify(f"Bearer {token}").owner == ADDRESS
        except Unauthorized:
            return False


def issued(secret: str) -> str:
    """As POST accounts makes it."""
    account = Account(122, ADDRESS, "kms:1", app_name="shop")
    return issuer_token(token_keys(secret, STAGE), account, datetime(2099, 1, 1, tzinfo=UTC))


def token(key: str, headers: dict[str, Any] | None = None) -> str:
    return jwt.encode({"accountAddress": ADDRESS, "exp": time.time() + 600}, key, "HS256", headers)


def test_a_plain_secret_is_one_key_whose_tokens_name_none() -> None:
    assert "kid" not in jwt.get_unverified_header(issued(FIRST))
    assert Secret(FIRST).takes(issued(FIRST))


def test_through_two_rotations_every_token_is_taken_until_its_key_is_taken_out() -> None:
    of_first = issued(FIRST)
    text = rotated(FIRST, SECOND, "2026-05", STAGE)
    of_second = issued(text)
    assert jwt.get_unverified_header(of_second)["kid"] == "2026-05"
    assert (Secret(text).takes(of_first), Secret(text).takes(of_second)) == (True, True)
    text = without_old(text, STAGE)
    assert (Secret(text).takes(of_first), Secret(text).takes(of_second)) == (False, True)
    text = rotated(text, THIRD, "2026-11", STAGE)
    of_third = issued(text)
    assert (Secret(text).takes(of_second), Secret(text).takes(of_third)) == (True, True)
    text = without_old(text, STAGE)
    assert (Secret(text).takes(of_second), Secret(text).takes(of_third)) == (False, True)
    assert without_old(text, STAGE) == text


def test_the_documented_form_is_read() -> None:
    keys = token_keys(json.dumps({"current": "2026-11", "keys": {"2026-11": FIRST, "2026-05": SECOND}}), STAGE)
    assert (keys.signing, keys.all, keys.headers) == (FIRST, (FIRST, SECOND), {"kid": "2026-11"})
    assert FIRST not in repr(keys)


def test_a_client_that_signs_with_the_current_key_and_does_not_name_it_is_taken() -> None:
    secret = Secret(rotated(FIRST, SECOND, "b", STAGE))
    assert secret.takes(token(SECOND))
    named = Secret(rotated(without_old(secret.text, STAGE), THIRD, "c", STAGE))
    assert named.takes(token(THIRD))
    assert not named.takes(token(SECOND)), "an old key that has a name has to be named"


def test_a_rotation_is_seen_by_its_first_token() -> None:
    secret = Secret(FIRST)
    assert secret.takes(issued(FIRST))
    secret.text = rotated(FIRST, SECOND, "b", STAGE)
    assert secret.takes(issued(secret.text))
    assert secret.reads == 2


def test_made_up_names_of_keys_read_the_secret_once_in_thirty_seconds() -> None:
    secret = Secret(FIRST)
    for number in range(200):
        assert not secret.takes(token(FIRST, {"kid": f"made up {number}"}))
    assert secret.reads == 2
    secret.now += EARLY_SECONDS + 1
    assert not secret.takes(token(FIRST, {"kid": "x"}))
    assert secret.reads == 3


@pytest.mark.parametrize("kid", ["", "b ", "B", "../b", "b\x00", 7, None, ["b"], {"b": 1}])
def test_a_token_that_names_no_key_that_there_is_is_refused(kid: Any) -> None:
    def segment(value: Any) -> str:
        return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).rstrip(b"=").decode()

    claims = {"accountAddress": ADDRESS, "exp": time.time() + 600}
    signed = f"{segment({'alg': 'HS256', 'kid': kid})}.{segment(claims)}"
    made_up = f"{signed}.{segment(hmac.digest(SECOND.encode(), signed.encode(), 'sha256'))}"
    assert not Secret(rotated(FIRST, SECOND, "b", STAGE)).takes(made_up)


def test_a_key_does_not_sign_under_the_name_of_another() -> None:
    secret = Secret(json.dumps({"current": "b", "keys": {"b": SECOND, "a": FIRST}}))
    assert secret.takes(token(FIRST, {"kid": "a"}))
    assert not secret.takes(token(FIRST, {"kid": "b"}))


def test_a_token_of_a_key_nobody_can_look_up_now_is_not_called_wrong() -> None:
    secret = Secret(FIRST)
    secret.takes(issued(FIRST))
    secret.away = True
    with pytest.raises(ServiceUnavailable):
        secret.takes(token(SECOND, {"kid": "b"}))
    assert secret.takes(issued(FIRST))


def test_a_rotation_gone_wrong_leaves_the_keys_there_were() -> None:
    secret = Secret(FIRST)
    assert secret.takes(issued(FIRST))
    secret.text = '{"current": "b", "keys": {}}'
    secret.now += 600
    assert secret.takes(issued(FIRST))


@pytest.mark.parametrize(
    "document",
    [
        '{"current": "b"',
        '{"current": "b"}',
        '{"keys": {}}',
        '{"current": "b", "keys": {}}',
        '{"current": "b", "keys": []}',
        '{"current": "b", "keys": null}',
        json.dumps({"current": "b", "keys": {"a": FIRST}}),
        json.dumps({"current": ["a"], "keys": {"a": FIRST}}),
        json.dumps({"current": None, "keys": {"a": FIRST}}),
        json.dumps({"current": "a", "keys": {"a": FIRST, "b": SECOND, "c": THIRD}}),
        json.dumps({"current": "a", "keys": {"a": FIRST, "b c": SECOND}}),
        json.dumps({"current": "a", "keys": {"a": [FIRST]}}),
        json.dumps({"current": "a", "keys": {"a": FIRST}, "old": SECOND}),
        json.dumps({"current": "a", "keys": {"a": FIRST, "b": "changeme" * 8}}),
        json.dumps({"current": "a", "keys": {"a": FIRST, "b": "short"}}),
        '{"a":' * 100_000,
    ],
)
def test_a_document_of_another_form_or_with_a_weak_key_is_refused_without_telling_a_key(document: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        token_keys(document, STAGE)
    assert STAGE in refused.value.message
    assert not any(key in refused.value.message for key in (FIRST, SECOND, THIRD, "changemechangeme"))


def test_a_plain_secret_may_begin_like_json() -> None:
    """What the emulator generates has punctuation."""
    plain = "{" + FIRST
    assert token_keys(plain, STAGE).signing == plain


@pytest.mark.parametrize(
    ("secret", "key", "kid"),
    [
        (FIRST, "short", "b"),
        (FIRST, "a" * 64, "b"),
        (FIRST, FIRST, "b"),
        (FIRST, SECOND, ""),
        (FIRST, SECOND, "b c"),
        (FIRST, SECOND, "b\n"),
        (FIRST, SECOND, "x" * 65),
        (json.dumps({"current": "b", "keys": {"b": FIRST}}), SECOND, "b"),
        (rotated(FIRST, SECOND, "b", STAGE), THIRD, "c"),
        ('{"current": "b"}', SECOND, "c"),
    ],
)
def test_a_rotation_that_would_refuse_somebody_or_weaken_anything_is_refused(secret: str, key: str, kid: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        rotated(secret, key, kid, STAGE)
    assert not any(one in refused.value.message for one in (FIRST, SECOND, THIRD))
