"""What an error of eth_sendRawTransaction means."""

import pytest

from chalicelib.chain.rpc.classify import classify_broadcast, classify_estimate, is_throttled
from chalicelib.jobs.ports import Unavailable, Unfunded
from tests.unit.chain.rpc.broadcast_texts import KNOWN, LOW, SENDING, UNKNOWN


@pytest.mark.parametrize(("client", "status", "code", "message"), SENDING)
def test_every_text_of_a_refused_transaction_has_its_meaning(client, status, code, message):
    assert classify_broadcast({"code": code, "message": message}).status is status


@pytest.mark.parametrize(("client", "status", "code", "message"), SENDING)
def test_the_code_alone_never_decides(client, status, code, message):
    for other in (-32000, -32003, -32005, -32010, -32602, None):
        told = classify_broadcast({"code": other, "message": message}).status
        hinted = code in (3, 429, "429") or message == "Invalid params"
        assert told is status or hinted


@pytest.mark.parametrize(
    "error",
    [
        None,
        "",
        [],
        7,
        {},
        {"code": True},
        {"message": None},
        {"message": 7},
        {"error": "x"},
        {"message": ["a"], "data": {"a": 1}},
    ],
)
def test_an_error_of_no_known_shape_is_unknown_for_both(error):
    assert classify_broadcast(error).status is UNKNOWN
    assert isinstance(classify_estimate(error), Unavailable)


def test_an_error_that_is_only_text_counts_like_a_message():
    assert classify_broadcast("nonce too low").status is LOW
    assert classify_broadcast({"data": "AlreadyKnown"}).status is KNOWN
    assert isinstance(classify_estimate("insufficient funds for transfer"), Unfunded)


def test_limits_and_syncing_are_throttled_and_reverts_that_speak_of_limits_are_not():
    assert is_throttled(
        {"code": -32005, "message": "project ID request rate exceeded", "data": {"see": "…", "backoff_seconds": 30}}
    )
    assert is_throttled({"code": -32000, "message": "node is syncing"})
    assert not is_throttled({"code": 3, "message": "execution reverted: rate limit exceeded"})
    assert not is_throttled(None)


def test_a_message_is_fit_for_a_log():
    raw = "02f8" + "ab" * 120
    told = classify_broadcast(
        {
            "code": -32000,
            "message": f"bad\x00\x1b[31m\n  tx 0x{raw} at https://user:pa55word@rpc.example/v3/0123456789abcdef?key=s3cret!",
        }
    )
    assert told.message == "bad[31m tx 0x02f8abab… at rpc.example"
    assert len(classify_broadcast({"message": "x" * 5_000}).message) == 300
    assert "\ud800" not in classify_broadcast({"message": "half a pair \ud800"}).message
