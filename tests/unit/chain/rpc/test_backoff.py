"""An endpoint that failed is left out for a while, and comes back."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from chalicelib.errors import ChainUnavailable
from tests.unit.chain.stub_node import Http


def two(stubs, client):
    first, second = stubs(), stubs()
    first.methods["eth_blockNumber"], second.methods["eth_blockNumber"] = "0x1", "0x2"
    return first, second, client(first, second)


def test_an_endpoint_that_failed_comes_back_after_a_pause_that_grows(stubs, client, clock):
    first, _, rpc = two(stubs, client)
    first.http = lambda body: Http(500, b"")
    for pause in (1, 2, 4, 8, 16, 32, 60, 60):
        asked = len(first.asked)
        assert rpc.call("eth_blockNumber") == "0x2"
        assert len(first.asked) == asked + 1
        clock.now += pause - 0.01
        assert rpc.call("eth_blockNumber") == "0x2"
        assert len(first.asked) == asked + 1, f"still out after {pause - 0.01} s"
        clock.now += 0.01
    first.http = None
    assert rpc.call("eth_blockNumber") == "0x1"
    first.http = lambda body: Http(500, b"")
    assert rpc.call("eth_blockNumber") == "0x2"
    clock.now += 1
    first.http = None
    assert rpc.call("eth_blockNumber") == "0x1", "an answer in between makes the pause short again"


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_respected(stubs, client, clock, status):
    first, _, rpc = two(stubs, client)
    first.http = lambda body: Http(status, b"", {"Retry-After": "40"})
    assert rpc.call("eth_blockNumber") == "0x2"
    first.http = None
    clock.now += 39.9
    assert rpc.call("eth_blockNumber") == "0x2"
    clock.now += 0.1
    assert rpc.call("eth_blockNumber") == "0x1"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("86400", 300),
        ("-5", 1),
        ("soon", 1),
        ("", 1),
        (format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True), 300),
    ],
)
def test_retry_after_is_bounded_and_forgiving(stubs, client, clock, value, seconds):
    first, _, rpc = two(stubs, client)
    first.http = lambda body: Http(429, b"", {"Retry-After": value})
    assert rpc.call("eth_blockNumber") == "0x2"
    first.http = None
    clock.now += seconds - 0.01
    assert rpc.call("eth_blockNumber") == "0x2"
    clock.now += 0.01
    assert rpc.call("eth_blockNumber") == "0x1"


def test_when_all_are_left_out_the_one_that_comes_back_soonest_is_asked(stubs, client, clock):
    first, second, rpc = two(stubs, client)
    first.http = lambda body: Http(429, b"", {"Retry-After": "100"})
    second.http = lambda body: Http(429, b"", {"Retry-After": "50"})
    with pytest.raises(ChainUnavailable):
        rpc.call("eth_blockNumber")
    second.http = None
    assert rpc.call("eth_blockNumber") == "0x2"
    assert len(first.asked) == 1


def test_an_endpoint_alone_is_asked_again_at_once(stub, client):
    stub.methods["eth_blockNumber"] = "0x1"
    stub.http = lambda body: Http(429, b"", {"Retry-After": "100"})
    rpc = client(stub)
    with pytest.raises(ChainUnavailable):
        rpc.call("eth_blockNumber")
    stub.http = None
    assert rpc.call("eth_blockNumber") == "0x1"
