"""Blocks and receipts, as a node tells them."""

import pytest

from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.ports import Head
from chalicelib.networks import GWEI
from tests.unit.chain.reading.transactions import OTHER, TRANSACTIONS
from tests.unit.chain.stub_node import Refusal


def test_the_head_is_one_request(stub, node):
    stub.methods["eth_getBlockByNumber"] = {"number": "0x10", "baseFeePerGas": "0x2540be400"}
    assert node.head() == Head(16, 10 * GWEI)
    assert stub.params_of("eth_getBlockByNumber") == [["latest", False]]


def test_a_head_without_a_base_fee_is_one_of_a_legacy_chain(stub, node):
    stub.methods["eth_getBlockByNumber"] = {"number": "0x10"}
    assert node.head() == Head(16, None)


@pytest.mark.parametrize("block", [None, "0x10", {}, {"number": None}, {"number": "16"}, {"number": 16}, {"number": "0x"}])
def test_a_head_that_cannot_be_read_is_none(stub, node, block):
    stub.methods["eth_getBlockByNumber"] = block
    with pytest.raises(ChainUnavailable):
        node.head()


def test_a_block_hash_is_told_or_none_where_there_is_no_block(stub, node):
    stub.methods["eth_getBlockByNumber"] = lambda number, full: {"hash": "0xABCD"} if number == "0x10" else None
    assert node.block_hash(16) == "0xabcd"
    assert node.block_hash(17) is None


# --- receipts ---------------------------------------------------------------------------------------------------------


def receipt(hash_: str, **changes):
    fields = {
        "transactionHash": hash_,
        "blockNumber": "0x10",
        "blockHash": "0xABCD",
        "status": "0x1",
        "gasUsed": "0x5208",
        "effectiveGasPrice": hex(11 * GWEI),
        "contractAddress": None,
    } | changes
    return {name: value for name, value in fields.items() if value != "absent"}


HASH = TRANSACTIONS[0].hash


def test_receipts_are_read_in_one_batch_and_the_unmined_are_left_out(stub, node):
    mined = {
        HASH: receipt(HASH),
        TRANSACTIONS[2].hash: receipt(TRANSACTIONS[2].hash, status="0x0", contractAddress=OTHER.lower()),
    }
    stub.methods["eth_getTransactionReceipt"] = mined.get
    found = node.receipts([transaction.hash for transaction in TRANSACTIONS])
    assert set(found) == set(mined)
    first, third = found[HASH], found[TRANSACTIONS[2].hash]
    assert (first.block_number, first.block_hash, first.succeeded, first.gas_used) == (16, "0xabcd", True, 21_000)
    assert first.fee == 21_000 * 11 * GWEI
    assert (third.succeeded, third.contract_address) == (False, OTHER)
    assert len(stub.asked) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"transactionHash": TRANSACTIONS[1].hash},
        {"transactionHash": "absent"},
        {"blockNumber": None},
        {"blockHash": None},
        {"status": "absent", "root": "0xab"},
        {"status": None},
        {"status": "0x2"},
        {"status": 1},
        {"gasUsed": "absent"},
        {"effectiveGasPrice": "11"},
        {"contractAddress": "0x12"},
    ],
)
def test_a_receipt_that_proves_nothing_is_left_out(stub, node, changes):
    stub.methods["eth_getTransactionReceipt"] = receipt(HASH, **changes)
    assert node.receipts([HASH]) == {}


@pytest.mark.parametrize("found", ["0x", [], 7, True, {}])
def test_what_is_no_receipt_is_left_out(stub, node, found):
    stub.methods["eth_getTransactionReceipt"] = found
    assert node.receipts([HASH]) == {}


@pytest.mark.parametrize(("changes", "price"), [({"gasPrice": "0x7"}, 7), ({}, 0)])
def test_a_receipt_without_its_effective_price_still_counts(stub, node, changes, price):
    stub.methods["eth_getTransactionReceipt"] = receipt(HASH, effectiveGasPrice="absent", **changes)
    assert node.receipts([HASH])[HASH].effective_gas_price == price


def test_errors_of_single_receipts_leave_the_others(stub, node):
    def found(hash_):
        if hash_ != HASH:
            raise Refusal({"code": -32000, "message": "transaction indexing is in progress"})
        return receipt(HASH)

    stub.methods["eth_getTransactionReceipt"] = found
    assert set(node.receipts([transaction.hash for transaction in TRANSACTIONS])) == {HASH}


@pytest.mark.parametrize(
    "error", [{"code": -32000, "message": "indexing is in progress"}, {"code": 429, "message": "rate limit"}]
)
def test_errors_for_all_receipts_are_no_answer(stub, node, error):
    stub.methods["eth_getTransactionReceipt"] = Refusal(error)
    with pytest.raises(ChainUnavailable):
        node.receipts([HASH, TRANSACTIONS[1].hash])


def test_no_hashes_ask_nobody(stub, node):
    assert node.receipts([]) == {}
    assert stub.bodies == []
