"""Both makers of signatures are one: what the fast one makes the slow one would have made, and each reads the other's."""

import random

import pytest

from chalicelib.chain.signing import curve
from chalicelib.chain.signing.curve import SECP256K1_N, public_key, recover, signing_with

DICE = random.Random(7)  # noqa: S311 -- a test's keys, the same in every run
CASES = [(DICE.randrange(1, SECP256K1_N).to_bytes(32, "big"), DICE.randbytes(32)) for _ in range(40)]


INSTALLED = curve.coincurve
"""None on a Python that it has no wheels for: then there is one maker."""


@pytest.fixture(
    params=[INSTALLED, None] if INSTALLED else [None], ids=lambda module: "libsecp256k1" if module else "pure Python"
)
def maker(request, monkeypatch):
    monkeypatch.setattr(curve, "coincurve", request.param)
    return request.param


def with_the_other(monkeypatch, maker) -> None:
    monkeypatch.setattr(curve, "coincurve", None if maker else INSTALLED)


def test_a_signature_is_the_same_whoever_makes_it_and_low(maker, monkeypatch):
    made = [(public_key(key), signing_with(key)(digest)) for key, digest in CASES]
    with_the_other(monkeypatch, maker)
    assert made == [(public_key(key), signing_with(key)(digest)) for key, digest in CASES]
    assert {parity for _, (parity, _, _) in made} == {0, 1}
    assert all(0 < r < SECP256K1_N and 0 < s <= SECP256K1_N // 2 for _, (_, r, s) in made)


def test_a_signature_leads_back_to_its_key_and_to_no_other(maker):
    for key, digest in CASES[:10]:
        parity, r, s = signing_with(key)(digest)
        assert recover(digest, parity, r, s) == public_key(key)
        assert recover(digest, 1 - parity, r, s) not in (None, public_key(key))
        assert recover(bytes(32), parity, r, s) != public_key(key)


def test_a_signature_with_s_high_leads_back_with_the_other_parity(maker):
    for key, digest in CASES[:10]:
        parity, r, s = signing_with(key)(digest)
        assert recover(digest, 1 - parity, r, SECP256K1_N - s) == public_key(key)


def test_an_r_that_is_no_point_s_coordinate_is_nobody_s(maker):
    told = {r: recover(bytes(range(32)), 0, r, 1) for r in range(1, 40)}
    assert None in told.values()
    assert {r for r, key in told.items() if key is None} == {r for r in told if pow(r**3 + 7, (P - 1) // 2, P) != 1}


P = 2**256 - 2**32 - 977
"""The field's prime: r is a coordinate where r³ + 7 is a square (Euler's criterion)."""
