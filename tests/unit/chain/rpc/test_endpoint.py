"""Connections, chain ids, and the secrets in a URL."""

import logging
import sys
import traceback

import pytest

from chalicelib.chain.rpc.client import RpcClient
from chalicelib.chain.rpc.endpoint import RECURSION_LIMIT
from chalicelib.errors import ChainUnavailable, ConfigurationError
from tests.unit.chain.rpc.faults import FAULTS, KEY, RAW, free_port
from tests.unit.chain.stub_node import Http, Refusal


def test_one_connection_serves_all_requests_and_a_stale_one_is_not_reused(stub, client, clock):
    stub.methods["eth_blockNumber"] = "0x1"
    rpc = client(stub)
    for _ in range(5):
        rpc.call("eth_blockNumber")
        clock.now += 10
    assert len(stub.connections) == 1
    clock.now += 60
    rpc.call("eth_blockNumber")
    assert len(stub.connections) == 2


def test_the_chain_is_asked_for_its_id_once(stub, client):
    stub.methods["eth_blockNumber"] = "0x1"
    rpc = client(stub)
    for _ in range(3):
        rpc.call("eth_blockNumber")
    assert [body["method"] for body in stub.bodies].count("eth_chainId") == 1


def test_an_endpoint_of_another_chain_is_a_fault_of_the_configuration_and_gets_nothing(stub, client):
    stub.methods["eth_chainId"] = "0x7b"
    with pytest.raises(ConfigurationError, match=r"chain 123.*chain id is 122"):
        client(stub).batch([RAW])
    assert stub.asked == []


@pytest.mark.parametrize("answer", [None, "122", "", 122, "0xzz", Refusal({"code": -32601, "message": "no such method"})])
def test_an_endpoint_that_does_not_tell_its_chain_gets_nothing(stubs, client, answer):
    first, second = stubs(), stubs()
    first.methods["eth_chainId"] = answer
    second.methods["eth_blockNumber"] = "0x2"
    assert client(first, second).call("eth_blockNumber") == "0x2"
    assert first.asked == []


def test_deep_json_is_not_read_to_the_end_of_the_stack_whatever_a_library_has_set(stub, client):
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        client(stub)
        assert sys.getrecursionlimit() <= RECURSION_LIMIT
    finally:
        sys.setrecursionlimit(limit)


def test_no_url_or_no_http_url_is_a_fault_of_the_configuration():
    for urls in ([], ["ftp://rpc.example"], ["rpc.example"], [f"http:///{KEY}"], ["wss://rpc.example"], [""]):
        with pytest.raises(ConfigurationError) as raised:
            RpcClient(urls, chain_id=122)
        assert KEY not in raised.value.message


@pytest.mark.parametrize("fault", [*FAULTS, "nobody there", "another chain", "an error that quotes it", "a hang"])
def test_an_api_key_in_a_url_reaches_no_error_and_no_log(stub, client, caplog, fault):
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "urllib3.connectionpool"):
        assert logging.getLogger(name).level in (logging.NOTSET, logging.ERROR)
    url = stub.url
    if fault == "nobody there":
        url = f"http://127.0.0.1:{free_port()}"
    elif fault == "another chain":
        stub.methods["eth_chainId"] = "0x7b"
    elif fault == "an error that quotes it":
        stub.http = lambda body: Http(400, {"error": {"code": -32000, "message": f"no such path /v3/{KEY}"}})
    else:
        stub.http = lambda body: FAULTS.get(fault, Http(hang=True))
    url = url.replace("http://", f"http://user:{KEY}@")
    rpc = client(url, suffix=f"/v3/{KEY}?token={KEY}", answer_seconds=0.3)
    with pytest.raises((ChainUnavailable, ConfigurationError)) as raised:
        rpc.call("eth_blockNumber")
    told = "".join(traceback.format_exception(raised.value)) + repr(rpc) + caplog.text
    assert KEY not in told
    assert raised.value.__context__ is None
    assert "127.0.0.1" in repr(rpc)
