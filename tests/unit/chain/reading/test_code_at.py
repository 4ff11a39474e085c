"""What stands at an address, as a node tells it: nothing, one of the service's wallets, or another contract."""

import pytest
from eth_utils.crypto import keccak

from chalicelib.chain.contracts.wallet_code import CALL_GAS, IMPLEMENTATION
from chalicelib.chain.reading.node import Node
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.ports import Code
from chalicelib.networks import FUSE
from chalicelib.settings import settings_from
from chalicelib.wiring import Wiring
from tests.unit.api.harness import WALLET_FACTORY, environment
from tests.unit.chain.stub_node import Refusal

FACTORY = "0x" + "fa" * 20
ADDRESS, SECOND, THIRD = ("0x" + digit * 40 for digit in "123")
SHARED = "1a" * 20


def clone_of(implementation: str) -> str:
    return f"0x363d3d373d3d3d363d73{implementation}5af43d82803e903d91602b57fd5bf3"


WALLET = clone_of(SHARED)


@pytest.fixture
def codes(stub):
    """What eth_getCode answers, by address; the factory names the code that its wallets share."""
    answers: dict[str, object] = {}
    stub.methods |= {
        "eth_getBlockByNumber": {"number": "0x100"},
        "eth_blockNumber": "0x100",
        "eth_getCode": lambda address, block: answers[address],
        "eth_call": "0x" + SHARED.rjust(64, "0"),
    }
    return answers


def node_of(stub, factory: str | None = FACTORY) -> Node:
    return Node(FUSE, RpcClient([stub.url], chain_id=122, answer_seconds=5), factory)


def test_the_selector_is_the_hash_of_its_signature():
    assert keccak(text="IMPLEMENTATION()")[:4].hex() == IMPLEMENTATION


def test_each_address_is_told_as_it_was_so_many_blocks_ago(stub, codes):
    codes |= {ADDRESS: "0x", SECOND: "0x6001", THIRD: WALLET.upper().replace("0X", "0x")}
    told = node_of(stub).code_at([ADDRESS, SECOND, THIRD], 16)
    assert told == {ADDRESS: Code.NONE, SECOND: Code.OTHER, THIRD: Code.WALLET}
    assert [block for _, block in stub.params_of("eth_getCode")] == ["0xf0"] * 3


def test_no_addresses_are_no_request(stub, codes):
    assert node_of(stub).code_at([], 0) == {}
    assert stub.bodies == []


def test_the_factory_is_asked_once_and_only_where_a_clone_stands(stub, codes):
    node = node_of(stub)
    codes |= {ADDRESS: "0x6001", SECOND: WALLET}
    node.code_at([ADDRESS], 0)
    assert stub.params_of("eth_call") == []
    assert [node.code_at([SECOND], 0) for _ in range(2)] == [{SECOND: Code.WALLET}] * 2
    assert stub.params_of("eth_call") == [[{"to": FACTORY, "data": f"0x{IMPLEMENTATION}", "gas": hex(CALL_GAS)}, "latest"]]


@pytest.mark.parametrize(
    "code", [clone_of("1b" * 20), WALLET + "00", WALLET[:-2]], ids=["of another implementation", "more code", "less code"]
)
def test_what_is_no_clone_of_the_factorys_is_another_contract(stub, codes, code):
    codes[ADDRESS] = code
    assert node_of(stub).code_at([ADDRESS], 0) == {ADDRESS: Code.OTHER}


def test_without_a_factory_there_are_no_wallets(stub, codes):
    codes[ADDRESS] = WALLET
    assert node_of(stub, None).code_at([ADDRESS], 0) == {ADDRESS: Code.OTHER}


@pytest.mark.parametrize("answer", [None, "", "0x1", "no code", 5])
def test_an_answer_that_cannot_be_read_tells_nothing(stub, codes, answer):
    codes |= {ADDRESS: answer, SECOND: "0x"}
    assert node_of(stub).code_at([ADDRESS, SECOND], 0) == {SECOND: Code.NONE}


def test_a_refusal_tells_nothing(stub, codes):
    def get_code(address, block):
        if address == ADDRESS:
            raise Refusal({"code": -32000, "message": "missing trie node"})
        return "0x6001"

    stub.methods["eth_getCode"] = get_code
    assert node_of(stub).code_at([ADDRESS, SECOND], 0) == {SECOND: Code.OTHER}


@pytest.mark.parametrize("told", [Refusal({"code": -32005, "message": "rate limit exceeded"}), "0xzz", None], ids=str)
def test_a_clone_is_not_taken_for_another_contract_while_the_factory_cannot_be_asked(stub, codes, told):
    codes[ADDRESS] = WALLET

    def call(transaction, tag):
        if isinstance(told, Refusal):
            raise told
        return told

    stub.methods["eth_call"] = call
    with pytest.raises(ChainUnavailable):
        node_of(stub).code_at([ADDRESS], 0)


def test_a_stages_functions_ask_its_own_factory(stub, codes):
    codes[ADDRESS] = WALLET
    wiring = Wiring()
    wiring.__dict__["settings"] = settings_from({**environment(), "RPC_URLS": stub.url})
    assert wiring.chain.code_at([ADDRESS], 0) == {ADDRESS: Code.WALLET}
    assert [call["to"] for call, _ in stub.params_of("eth_call")] == [WALLET_FACTORY]
