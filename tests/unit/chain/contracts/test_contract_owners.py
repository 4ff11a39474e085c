"""Owners of contracts, wallets, and nodes that do not answer."""

import pytest
from eth_utils.address import to_checksum_address

from chalicelib.chain.contracts.contract_reader import (
    SELECTORS,
    ContractReader,
)
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.errors import ChainUnavailable
from tests.unit.chain.contracts.stub_contracts import (
    ALICE,
    BOB,
    CLONE,
    IMPLEMENTATION,
    OWNER,
    REVERT,
    TOKEN,
    address_word,
    word,
)
from tests.unit.chain.stub_node import Http, Refusal


def test_owners_of_many_are_read_in_one_request(stub, contracts, reader):
    addresses = [to_checksum_address(f"0x{number:040x}") for number in range(1, 101)]
    assert reader.owners([*addresses, addresses[0]]) == dict.fromkeys(addresses, OWNER)
    assert len(stub.asked) == 1
    contracts.returns["owner()"] = REVERT
    assert reader.owners([TOKEN]) == {TOKEN: None}


def test_a_clone_of_the_factorys_implementation_is_a_wallet(stub, contracts, reader):
    contracts.code = CLONE
    assert [reader.wallet_owner(TOKEN) for _ in range(2)] == [OWNER, OWNER]
    assert len(stub.asked) == 2
    asked = [call["data"] for call, _ in stub.params_of("eth_call")]
    assert asked.count(f"0x{SELECTORS['IMPLEMENTATION()']}") == 1, "it cannot change"


@pytest.mark.parametrize(
    "code",
    [
        "0x",
        "0x6001",
        CLONE.replace("1a" * 20, "1b" * 20),
        CLONE + "00",
        CLONE[:-2],
        "0x3d602d80600a3d3981f3" + CLONE[2:],
    ],
    ids=["no code", "another contract", "another implementation", "more code", "less code", "its creation code"],
)
def test_anything_else_is_no_wallet_whoever_it_says_owns_it(contracts, reader, code):
    contracts.code = code
    assert reader.wallet_owner(TOKEN) is None


def test_a_clone_that_nobody_owns_is_no_wallet(contracts, reader):
    contracts.code = CLONE
    contracts.returns["owner()"] = word(0)
    assert reader.wallet_owner(TOKEN) is None


@pytest.mark.parametrize("told", [REVERT, "0x"])
def test_a_factory_that_is_not_there_yet_is_asked_again(contracts, reader, told):
    contracts.code = CLONE
    contracts.returns["IMPLEMENTATION()"] = told
    assert reader.wallet_owner(TOKEN) is None
    contracts.returns["IMPLEMENTATION()"] = address_word(IMPLEMENTATION)
    assert reader.wallet_owner(TOKEN) == OWNER


def test_without_a_factory_there_are_no_wallets(stub, contracts):
    contracts.code = CLONE
    assert ContractReader(RpcClient([stub.url], chain_id=122), None).wallet_owner(TOKEN) is None
    assert stub.bodies == []


def test_counts_of_many_are_read_in_one_request(stub, reader):
    stub.methods["eth_getTransactionCount"] = lambda address, tag: "0x7" if address == ALICE else "0x0"
    assert reader.transaction_counts([ALICE, BOB]) == {ALICE: 7, BOB: 0}
    assert len(stub.asked) == 1


def test_nothing_asked_asks_nobody(stub, reader):
    assert (reader.transaction_counts([]), reader.owners([])) == ({}, {})
    assert stub.bodies == []


# --- nodes that do not answer ------------------------------------------------------------------------------------------

QUESTIONS = {
    "token": lambda reader: reader.token(TOKEN, [ALICE]),
    "owners": lambda reader: reader.owners([TOKEN]),
    "wallet_owner": lambda reader: reader.wallet_owner(TOKEN),
    "transaction_counts": lambda reader: reader.transaction_counts([ALICE]),
}
NO_ANSWERS = {
    "throttled": Refusal({"code": -32005, "message": "rate limit exceeded"}),
    "no state": Refusal({"code": -32000, "message": "missing trie node"}),
    "no such method": Refusal({"code": -32601, "message": "the method does not exist"}),
    "null": None,
    "a number": 7,
    "no hex": "0xzz",
    "half a byte": "0xz" + "0" * 64,
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("kind", NO_ANSWERS)
def test_no_answer_of_the_node_is_never_taken_for_one_of_the_contract(stub, reader, question, kind):
    def no_answer(*_):
        if isinstance(NO_ANSWERS[kind], Refusal):
            raise NO_ANSWERS[kind]
        return NO_ANSWERS[kind]

    stub.methods |= {"eth_call": no_answer, "eth_getTransactionCount": no_answer}
    with pytest.raises(ChainUnavailable):
        QUESTIONS[question](reader)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("method", ["eth_call", "eth_getTransactionCount", "eth_getCode", "eth_blockNumber"])
def test_an_answer_that_is_left_out_is_none(stub, contracts, reader, question, method):
    stub.methods["eth_getTransactionCount"] = "0x1"
    used = []

    def leaves_out(body):
        used.append(any(item["method"] == method for item in body))
        return Http(body=[stub.reply(item) for item in body if item["method"] != method])

    stub.http = leaves_out
    try:
        QUESTIONS[question](reader)
    except ChainUnavailable:
        assert used == [True]
    else:
        assert used == [False]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_node_that_lags_is_not_believed(stub, contracts, reader, question):
    stub.methods["eth_getTransactionCount"] = "0x1"
    QUESTIONS[question](reader)
    stub.methods["eth_blockNumber"] = "0xd"
    with pytest.raises(ChainUnavailable, match="behind"):
        QUESTIONS[question](reader)
    stub.methods["eth_blockNumber"] = "0xe"
    QUESTIONS[question](reader)
