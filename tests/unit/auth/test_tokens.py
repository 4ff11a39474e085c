"""JWT → Principal: which tokens are let in, and as whom."""

import base64
import json
import time
from typing import Any

import jwt
import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.auth.checksums import keccak256
from chalicelib.auth.jwt import LEEWAY_SECONDS, TokenVerifier
from chalicelib.auth.secrets import token_keys
from chalicelib.cached import Cached
from chalicelib.errors import ConfigurationError, Unauthorized
from chalicelib.jobs.principal import Principal

KEY = "kZ8vXr2Qp5Lw9TnB4cYh7GdJ3mFs6AeUy1RtWq0oNiSbEaMzDxHfVgKjCuPl-_42"
ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


def token(key: str = KEY, algorithm: str = "HS256", headers: dict[str, Any] | None = None, **claims: Any) -> str:
    payload = {"accountAddress": ADDRESS, "exp": time.time() + 600} | claims
    return jwt.encode({name: value for name, value in payload.items() if value is not None}, key, algorithm, headers)


def verify(authorization: str | None, key: str = KEY) -> Principal:
    return TokenVerifier(Cached("JWT secret", lambda: token_keys(key, "test"))).verify(authorization)


def refusal(authorization: str | None) -> str:
    with pytest.raises(Unauthorized) as refused:
        verify(authorization)
    assert KEY not in refused.value.message
    return refused.value.message


def segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_the_owner_is_the_account_unless_sub_is_given() -> None:
    assert verify(f"Bearer {token()}") == Principal(owner=ADDRESS, account_address=ADDRESS)
    assert verify(f"Bearer {token(sub='the shop')}").owner == "the shop"
    assert verify(f"Bearer {token(sub='')}").owner == ADDRESS


def test_all_claims_arrive() -> None:
    principal = verify(f"Bearer {token(sub='s', isAdmin=True, isCommunityAdmin=True, role='minters', appName='shop')}")
    assert principal == Principal("s", ADDRESS, is_admin=True, is_community_admin=True, role="minters", app_name="shop")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_the_scheme_is_taken_in_any_case(scheme: str) -> None:
    assert verify(f"{scheme} {token()}").owner == ADDRESS


@pytest.mark.parametrize("address", [ADDRESS.lower(), "0x" + ADDRESS[2:].upper()])
def test_an_address_without_a_checksum_is_the_same_owner_as_with_it(address: str) -> None:
    assert verify(f"Bearer {token(accountAddress=address)}") == Principal(owner=ADDRESS, account_address=ADDRESS)


@pytest.mark.parametrize("claim", ["true", "True", 1, "1", [True], {}, None, False])
def test_only_json_true_makes_an_administrator(claim: Any) -> None:
    principal = verify(f"Bearer {token(isAdmin=claim, isCommunityAdmin=claim)}")
    assert not principal.is_admin
    assert not principal.is_community_admin


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer garbage",
        "Bearer a.b",
        "Bearer a.b.c.d",
        "Bearer ä.ö.ü",
        "Basic dXNlcjpwYXNz",
        "garbage",
        f"Token {token()}",
        token(),
        f"Bearer {token()} {token()}",
    ],
)
def test_what_is_no_bearer_token_is_refused(authorization: str | None) -> None:
    refusal(authorization)


def test_a_token_of_another_key_is_refused() -> None:
    refusal(f"Bearer {token(key='Q' + KEY[1:])}")


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_with_the_right_key_is_refused(algorithm: str) -> None:
    refusal(f"Bearer {token(algorithm=algorithm)}")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, ["HS256"], {}, 256])
def test_a_token_without_a_signature_is_refused(algorithm: Any) -> None:
    payload = segment({"accountAddress": ADDRESS, "exp": time.time() + 600})
    refusal(f"Bearer {segment({'alg': algorithm, 'typ': 'JWT'})}.{payload}.")


def test_a_changed_payload_is_refused() -> None:
    header, _, signature = token().split(".")
    refusal(f"Bearer {header}.{segment({'accountAddress': ADDRESS, 'exp': time.time() + 600, 'isAdmin': True})}.{signature}")


def test_an_expired_token_is_refused_and_says_so() -> None:
    assert "expired" in refusal(f"Bearer {token(exp=time.time() - LEEWAY_SECONDS - 2)}")
    assert verify(f"Bearer {token(exp=time.time() - LEEWAY_SECONDS + 10)}")


def test_a_token_that_never_expires_is_refused() -> None:
    assert "exp" in refusal(f"Bearer {token(exp=None)}")


@pytest.mark.parametrize("exp", ["soon", float("inf"), float("nan"), [], {}, "9" * 5_000])
def test_an_expiry_that_is_no_number_is_refused(exp: Any) -> None:
    refusal(f"Bearer {token(exp=exp)}")


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
def test_a_time_that_is_digits_in_a_string_is_refused(claim: str) -> None:
    assert claim in refusal(f"Bearer {token(**{claim: str(int(time.time()) + (600 if claim == 'exp' else -600))})}")


@pytest.mark.parametrize("changed", [ADDRESS.replace("A", "a", 1), ADDRESS.swapcase().replace("0X", "0x"), ADDRESS[:-1] + "D"])
def test_an_address_that_fails_its_checksum_is_refused(changed: str) -> None:
    assert "checksum" in refusal(f"Bearer {token(accountAddress=changed)}")


@given(st.binary(max_size=300))
def test_the_hash_of_the_checksum_is_keccak_256(data: bytes) -> None:
    assert keccak256(data) == keccak(data)


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_a_token_of_the_future_is_refused(claim: str) -> None:
    refusal(f"Bearer {token(**{claim: time.time() + LEEWAY_SECONDS + 60})}")
    assert verify(f"Bearer {token(**{claim: time.time() + LEEWAY_SECONDS - 10})}")


@pytest.mark.parametrize(
    "address", [None, "", "0x", 7, ["x"], ADDRESS[:-1], ADDRESS + "0", ADDRESS[2:], "0x" + "g" * 40, f"{ADDRESS}\n"]
)
def test_a_token_without_an_account_is_refused(address: Any) -> None:
    refusal(f"Bearer {token(accountAddress=address, sub='s')}")


@pytest.mark.parametrize("claim", ["sub", "role", "appName"])
@pytest.mark.parametrize("value", [7, ["x"], {"a": 1}, "x" * 257, "a\0b", "a\nb", "\ud800"])
def test_a_name_that_could_pass_for_another_is_refused(claim: str, value: Any) -> None:
    refusal(f"Bearer {token(**{claim: value})}")


def test_a_header_nested_too_deep_is_refused() -> None:
    deep = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 100_000 + b"]" * 100_000 + b"}").rstrip(b"=").decode()
    refusal(f"Bearer {deep}.{segment({})}.x")


@given(
    header=st.dictionaries(
        st.text(max_size=5) | st.sampled_from(["alg", "kid", "crit", "b64", "typ"]),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()),
    )
)
def test_no_header_lets_an_unsigned_token_in(header: dict[str, Any]) -> None:
    refusal(f"Bearer {segment(header)}.{segment({'accountAddress': ADDRESS, 'exp': time.time() + 600})}.AAAA")


@pytest.mark.parametrize("key", ["", "short", "a" * 64, "changeme" * 8])
def test_nobody_is_let_in_with_a_weak_key(key: str) -> None:
    with pytest.raises(ConfigurationError):
        verify(f"Bearer {token()}", key=key)
