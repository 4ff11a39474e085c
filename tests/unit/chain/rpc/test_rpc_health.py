"""What is told of the endpoints: failures by the host alone (a path may be a key), and requests that nobody answered."""

import pytest

from chalicelib.chain.reading.node import Node
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.errors import ChainUnavailable
from chalicelib.networks import FUSE
from tests.unit.chain.stub_node import Http, Refusal, StubNode

KEY = "s3cr3t-api-key-0123456789"


class Counting:
    def __init__(self) -> None:
        self.failures: list[str] = []
        self.downs = 0

    def failed(self, endpoint: str) -> None:
        self.failures.append(endpoint)

    def down(self) -> None:
        self.downs += 1


@pytest.fixture
def health() -> Counting:
    return Counting()


def client(health: Counting, *stubs: StubNode) -> RpcClient:
    urls = [f"{stub.url}/{KEY}" for stub in stubs]
    return RpcClient(urls, chain_id=122, answer_seconds=5, monotonic=lambda: 1_000.0, health=health)


def host(stub: StubNode) -> str:
    return stub.url.removeprefix("http://")


def test_answers_and_refusals_of_the_node_are_no_failures(health: Counting, stub: StubNode) -> None:
    stub.methods |= {"eth_blockNumber": "0x10", "eth_call": Refusal({"code": 3, "message": "execution reverted"})}
    rpc = client(health, stub)
    rpc.call("eth_blockNumber")
    rpc.request("eth_call", {}, "latest")
    rpc.read_together([("eth_blockNumber", [])])
    assert (health.failures, health.downs) == ([], 0)


@pytest.mark.parametrize("answer", [Http(500, b"oops"), Http(429, b"slow down"), Http(200, b"[]"), Http(drop=True)])
def test_a_request_that_an_endpoint_fails_is_told_by_its_host(health: Counting, stub: StubNode, answer: Http) -> None:
    stub.http = lambda _: answer
    with pytest.raises(ChainUnavailable):
        client(health, stub).call("eth_blockNumber")
    assert (health.failures, health.downs) == ([host(stub)], 1)


def test_while_another_endpoint_answers_the_chain_is_not_down(health: Counting, stub: StubNode) -> None:
    bad = StubNode()
    try:
        bad.http = lambda _: Http(502, b"bad gateway")
        stub.methods["eth_blockNumber"] = "0x10"
        assert client(health, bad, stub).call("eth_blockNumber") == "0x10"
        assert (health.failures, health.downs) == ([host(bad)], 0)
    finally:
        bad.close()


def test_each_kind_of_read_tells_that_nobody_answered(health: Counting, stub: StubNode) -> None:
    stub.http = lambda _: Http(503, b"")
    rpc = client(health, stub)
    for number, read in enumerate((rpc.newest_block, lambda: rpc.read_together([]), lambda: rpc.batch([("a", [])])), 1):
        with pytest.raises(ChainUnavailable):
            read()
        assert health.downs == number


def test_an_endpoint_that_is_behind_is_told_as_one_that_failed(health: Counting, stub: StubNode) -> None:
    behind = StubNode()
    try:
        stub.methods["eth_getBlockByNumber"] = {"number": hex(100)}
        behind.methods["eth_getBlockByNumber"] = {"number": hex(50)}
        assert client(health, behind, stub).newest_block() == {"number": hex(100)}
        assert (health.failures, health.downs) == ([host(behind)], 0)
    finally:
        behind.close()


# --- what the gauges read ----------------------------------------------------------------------------------------------

ADDRESSES = [f"0x{number:040x}" for number in range(1, 4)]


def test_the_balances_of_all_accounts_are_one_request(health: Counting, stub: StubNode) -> None:
    stub.methods |= {"eth_blockNumber": "0x10", "eth_getBalance": lambda address, _: hex(int(address, 16) * 10**18)}
    balances = Node(FUSE, client(health, stub)).balances([*ADDRESSES, ADDRESSES[0]])
    assert balances == {address: number * 10**18 for number, address in enumerate(ADDRESSES, 1)}
    assert len(stub.asked) == 1


def test_the_transaction_counts_of_all_accounts_are_one_request(health: Counting, stub: StubNode) -> None:
    stub.methods |= {"eth_blockNumber": "0x10", "eth_getTransactionCount": lambda address, _: address}
    counts = Node(FUSE, client(health, stub)).transaction_counts([*ADDRESSES, ADDRESSES[0]])
    assert counts == {address: number for number, address in enumerate(ADDRESSES, 1)}
    assert len(stub.asked) == 1


@pytest.mark.parametrize("answer", [None, "0x", "12", Refusal({"code": -32000, "message": "header not found"})])
def test_a_balance_that_cannot_be_read_is_none_and_so_is_the_rest(health: Counting, stub: StubNode, answer: object) -> None:
    def balance(address: str, _: str) -> object:
        if address != ADDRESSES[1]:
            return "0x1"
        if isinstance(answer, Refusal):
            raise answer
        return answer

    stub.methods |= {"eth_blockNumber": "0x10", "eth_getBalance": balance}
    with pytest.raises(ChainUnavailable):
        Node(FUSE, client(health, stub)).balances(ADDRESSES)


def test_without_an_account_the_node_is_not_asked(health: Counting, stub: StubNode) -> None:
    assert Node(FUSE, client(health, stub)).balances([]) == {}
    assert stub.bodies == []
