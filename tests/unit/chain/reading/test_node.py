from dataclasses import replace
from datetime import UTC, datetime

import pytest
from eth_abi.abi import encode

from chalicelib.chain.reading.node import Node
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.chain.signing.private_keys import PrivateKeySigner
from chalicelib.errors import ChainUnavailable, ConfigurationError
from chalicelib.jobs.model import Fees, SignedTransaction, UnsignedTransaction
from chalicelib.jobs.ports import BroadcastStatus, Call, GasEstimate, Head, Revert, Unavailable, Unfunded
from chalicelib.networks import FUSE, GWEI
from tests.unit.chain.stub_node import Http, Refusal

WHO = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
OTHER = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
TRANSFER = Call(WHO, OTHER, 5, b"\xa9\x05")
REVERT_DATA = "0x08c379a0" + encode(["string"], ["too late"]).hex()


@pytest.fixture
def node(stub):
    return Node(FUSE, RpcClient([stub.url], chain_id=122, answer_seconds=5))


# --- blocks ------------------------------------------------------------------------------------------------------------


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


# --- simulation --------------------------------------------------------------------------------------------------------


@pytest.fixture
def rich(stub):
    stub.methods |= {"eth_getBalance": hex(10**20), "eth_getBlockByNumber": {"number": "0x1", "gasLimit": hex(20_000_000)}}
    return stub


def test_an_estimate_gets_head_room_rounded_up_in_one_request(rich, node):
    rich.methods["eth_estimateGas"] = hex(200_001)
    assert node.estimate([TRANSFER, TRANSFER]) == [GasEstimate(240_002), GasEstimate(240_002)]
    assert len(rich.asked) == 1
    fields = {"from": WHO, "to": OTHER, "value": "0x5", "data": "0xa905"}
    assert rich.params_of("eth_estimateGas") == [[fields, "pending"]] * 2
    assert rich.params_of("eth_getBalance") == [[WHO, "pending"]]


def test_a_contracts_creation_is_simulated_without_a_recipient(rich, node):
    rich.methods["eth_estimateGas"] = hex(100_000)
    assert node.estimate([Call(WHO, None, 0, b"\x60\x80")]) == [GasEstimate(125_000)]
    assert rich.params_of("eth_estimateGas") == [[{"from": WHO, "value": "0x0", "data": "0x6080"}, "pending"]]


def test_a_gas_limit_of_the_issuers_is_simulated_with_and_kept(rich, node):
    rich.methods["eth_estimateGas"] = hex(30_000)
    assert node.estimate([replace(TRANSFER, gas=31_000)]) == [GasEstimate(31_000)]
    assert rich.params_of("eth_estimateGas")[0][0]["gas"] == hex(31_000)


def test_a_gas_limit_below_what_the_node_found_is_out_of_gas(rich, node):
    rich.methods["eth_estimateGas"] = hex(21_000)
    (outcome,) = node.estimate([replace(TRANSFER, gas=20_000)])
    assert isinstance(outcome, Revert)
    assert "20000" in outcome.reason


@pytest.mark.parametrize(
    ("used", "limit"),
    [
        (21_000, 25_200),  # a plain transfer touches no storage
        (21_001, 46_001),
        (50_000, 75_000),
        (124_999, 149_999),
        (125_001, 150_002),
        (1_000_000, 1_200_000),
        (14_900_000, 2**24),
        (2**24, 2**24),
        (2**24 + 1, 20_000_000),
        (25_000_000, 25_000_000),
    ],
)
def test_head_room_covers_a_fresh_slot_and_ends_at_the_cap_of_a_transaction_and_the_block(rich, node, used, limit):
    rich.methods["eth_estimateGas"] = hex(used)
    assert node.estimate([TRANSFER]) == [GasEstimate(limit)]


def test_a_gas_limit_above_the_blocks_is_refused_whatever_the_node_says(rich, node):
    for answer in (hex(50_000), Refusal({"code": -32000, "message": "exceeds block gas limit"})):
        rich.methods["eth_estimateGas"] = answer
        (outcome,) = node.estimate([replace(TRANSFER, gas=30_000_000)])
        assert outcome == Revert("the gas limit 30000000 is above the block's 20000000")
    rich.methods["eth_estimateGas"] = hex(50_000)
    assert node.estimate([replace(TRANSFER, gas=20_000_000)]) == [GasEstimate(20_000_000)]


OUT_OF_GAS = ["EVM error OutOfGas", "out of gas", "gas required exceeds allowance (60000)", "Transaction ran out of gas"]


@pytest.mark.parametrize("message", OUT_OF_GAS)
def test_out_of_the_issuers_gas_is_told_with_what_was_allowed_and_needed(rich, node, message):
    def estimated(call, _):
        if "gas" in call:
            raise Refusal({"code": -32000, "message": message})
        return hex(70_000)

    rich.methods["eth_estimateGas"] = estimated
    limited = replace(TRANSFER, gas=60_000)
    assert node.estimate([limited, TRANSFER]) == [
        Revert("out of gas: the gas limit is 60000, the transaction needs 70000"),
        GasEstimate(95_000),
    ]
    assert len(rich.asked) == 2


@pytest.mark.parametrize("message", OUT_OF_GAS)
def test_out_of_the_issuers_gas_where_nothing_is_enough_is_told_with_what_was_allowed(rich, node, message):
    rich.methods["eth_estimateGas"] = Refusal({"code": -32000, "message": message})
    (outcome,) = node.estimate([replace(TRANSFER, gas=60_000)])
    assert outcome == Revert("out of gas: the gas limit is 60000, the transaction needs more")


@pytest.mark.parametrize(
    ("message", "needed"),
    [
        ("intrinsic gas too low: gas 60000, minimum needed 61000", 61_000),
        ("failed with 60000 gas: insufficient gas for floor data gas cost: gas 60000, minimum needed 61000", 61_000),
        ("Transaction requires at least 61000 gas but got 60000", 61_000),
        ("Transaction requires gas floor of 61000 but got limit of 60000", 61_000),
        ("intrinsic gas cost 61000 exceeds gas limit 60000", 61_000),
    ],
)
def test_what_the_node_says_is_needed_is_not_asked_for_again(rich, node, message, needed):
    rich.methods["eth_estimateGas"] = Refusal({"code": -32000, "message": message})
    (outcome,) = node.estimate([replace(TRANSFER, gas=60_000)])
    assert outcome == Revert(f"out of gas: the gas limit is 60000, the transaction needs {needed}")
    assert len(rich.asked) == 1


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("EVM error OutOfGas", "out of gas: it needs more than the 20000000 that it may take"),
        ("gas required exceeds allowance (16777216)", "out of gas: it needs more than the 16777216 that it may take"),
    ],
)
def test_out_of_all_the_gas_there_is_says_how_much_that_is(rich, node, message, reason):
    rich.methods["eth_estimateGas"] = Refusal({"code": -32603, "message": message})
    assert node.estimate([TRANSFER]) == [Revert(reason)]
    assert len(rich.asked) == 1


def test_head_room_never_passes_the_blocks_gas_limit(rich, node):
    rich.methods["eth_estimateGas"] = hex(19_000_000)
    assert node.estimate([TRANSFER]) == [GasEstimate(20_000_000)]


def test_each_call_has_its_own_outcome(rich, node):
    def estimated(call, _):
        match int(call["value"], 16):
            case 0:
                raise Refusal({"code": 3, "message": "execution reverted: too late", "data": REVERT_DATA})
            case 1:
                raise Refusal({"code": -32000, "message": "insufficient funds for transfer"})
            case 2:
                raise Refusal({"code": -32005, "message": "rate limited", "data": {"see": "x"}})
            case 3:
                return None
            case _:
                return hex(50_000)

    rich.methods["eth_estimateGas"] = estimated
    outcomes = node.estimate([replace(TRANSFER, value=value) for value in range(5)])
    assert outcomes[0] == Revert("too late", bytes.fromhex(REVERT_DATA[2:]))
    assert [type(outcome) for outcome in outcomes] == [Revert, Unfunded, Unavailable, Unavailable, GasEstimate]


def test_an_estimate_left_out_of_the_answer_is_unavailable(rich, node):
    rich.methods["eth_estimateGas"] = hex(50_000)
    rich.http = lambda body: Http(body=[rich.reply(item) for item in body if item["id"] != 0])
    outcomes = node.estimate([TRANSFER, TRANSFER])
    assert isinstance(outcomes[0], Unavailable)
    assert outcomes[1] == GasEstimate(75_000)


@pytest.mark.parametrize(
    ("balance", "outcome"),
    [
        (hex(5 + 75_000 * 11 * GWEI), GasEstimate),
        (hex(4 + 75_000 * 11 * GWEI), Unfunded),
        ("0x0", Unfunded),
        (None, GasEstimate),
        (Refusal({"code": -32000, "message": "no state"}), GasEstimate),
    ],
)
def test_a_sender_that_cannot_pay_the_least_price_is_unfunded_whatever_the_node_says(rich, node, balance, outcome):
    rich.methods |= {"eth_estimateGas": hex(50_000), "eth_getBalance": balance}
    assert [type(estimate) for estimate in node.estimate([TRANSFER])] == [outcome]


def test_free_gas_needs_no_funds(rich):
    rich.methods |= {"eth_estimateGas": hex(50_000), "eth_getBalance": "0x0"}
    network = replace(FUSE, min_base_fee=0, min_priority_fee=0)
    node = Node(network, RpcClient([rich.url], chain_id=122))
    assert node.estimate([replace(TRANSFER, value=0)]) == [GasEstimate(75_000)]


@pytest.mark.parametrize(
    "refusal",
    [
        {"code": -32602, "message": "invalid argument 1"},
        {"code": -32000, "message": "pending block is not available"},
        {"code": -32000, "message": "unsupported block tag"},
    ],
)
def test_a_node_that_does_not_simulate_on_the_pending_block_is_asked_for_the_newest_from_then_on(rich, node, refusal):
    def estimated(_, tag):
        if tag == "pending":
            raise Refusal(refusal)
        return hex(50_000)

    rich.methods["eth_estimateGas"] = estimated
    assert node.estimate([TRANSFER]) == [GasEstimate(75_000)]
    assert node.estimate([TRANSFER]) == [GasEstimate(75_000)]
    assert [tag for _, tag in rich.params_of("eth_estimateGas")] == ["pending", "latest", "latest"]


def test_a_revert_that_speaks_of_the_pending_block_is_a_revert(rich, node):
    rich.methods["eth_estimateGas"] = Refusal({"code": 3, "message": "execution reverted: pending block tag"})
    assert node.estimate([TRANSFER]) == [Revert("pending block tag")]
    assert [tag for _, tag in rich.params_of("eth_estimateGas")] == ["pending"]


def test_a_call_wrong_on_any_block_does_not_move_the_others_off_the_pending_one(rich, node):
    rich.methods["eth_estimateGas"] = Refusal({"code": -32602, "message": "invalid argument 0"})
    assert [type(outcome) for outcome in node.estimate([TRANSFER])] == [Unavailable]
    rich.methods["eth_estimateGas"] = hex(50_000)
    node.estimate([TRANSFER])
    assert [tag for _, tag in rich.params_of("eth_estimateGas")] == ["pending", "latest", "pending"]


def test_nothing_to_estimate_asks_nobody(stub, node):
    assert node.estimate([]) == []
    assert stub.bodies == []


# --- the reason of a mined revert --------------------------------------------------------------------------------------


def test_a_mined_revert_is_replayed_on_the_parents_state_with_the_same_fields(stub, node):
    stub.methods["eth_call"] = lambda call, tag: reverts() if tag == "0xf" else "0x"
    assert node.revert_reason(replace(TRANSFER, gas=70_000), 16) == "too late"
    call, tag = stub.params_of("eth_call")[0]
    assert tag == "0xf"
    assert {"from": WHO, "to": OTHER, "value": "0x5", "data": "0xa905", "gas": hex(70_000)}.items() <= call.items()
    assert len(stub.asked) == 1


def reverts():
    raise Refusal({"code": 3, "message": "execution reverted", "data": REVERT_DATA})


def test_a_revert_made_by_its_own_block_is_found_in_the_state_after_it(stub, node):
    stub.methods["eth_call"] = lambda call, tag: reverts() if tag == "0x10" else "0x"
    assert node.revert_reason(TRANSFER, 16) == "too late"


def test_a_revert_that_only_happens_at_a_gas_price_is_found(stub, node):
    stub.methods["eth_call"] = lambda call, tag: reverts() if "gasPrice" in call else "0x"
    assert node.revert_reason(TRANSFER, 16) == "too late"


def test_a_sender_too_poor_for_the_replays_price_is_replayed_without(stub, node):
    def replayed(call, _):
        if "gasPrice" in call:
            raise Refusal({"code": -32000, "message": "insufficient funds for gas * price + value"})
        return reverts()

    stub.methods["eth_call"] = replayed
    assert node.revert_reason(TRANSFER, 16) == "too late"


@pytest.mark.parametrize(
    ("answer", "said"),
    [("0x", "cannot be told"), (Refusal({"code": -32000, "message": "missing trie node ab"}), "missing trie node")],
)
def test_a_revert_that_cannot_be_replayed_is_said_to_be_so(stub, node, answer, said):
    stub.methods["eth_call"] = answer
    reason = node.revert_reason(TRANSFER, 16)
    assert said in reason
    assert reason.startswith("reverted")


@pytest.mark.parametrize("http", [Http(500, b""), Http(429, b"")])
def test_nobody_answering_is_no_reason(stub, node, http):
    stub.http = lambda body: http
    with pytest.raises(ChainUnavailable):
        node.revert_reason(TRANSFER, 16)


# --- broadcast ---------------------------------------------------------------------------------------------------------

SIGNER = PrivateKeySigner(b"\x01" * 32)


def signed(nonce: int) -> SignedTransaction:
    fees = Fees(21 * GWEI, GWEI)
    hash_, raw = SIGNER.sign(UnsignedTransaction(122, nonce, OTHER, 5, b"", 21_000, fees))
    return SignedTransaction(hash=hash_, raw=raw, fees=fees, signed_at=datetime.now(UTC), signed_at_block=1)


TRANSACTIONS = [signed(nonce) for nonce in range(4)]
HASHES = {f"0x{transaction.raw.hex()}": transaction.hash for transaction in TRANSACTIONS}


def statuses(broadcasts):
    return [broadcast.status for broadcast in broadcasts]


def test_raw_bytes_go_out_in_one_batch_and_each_has_its_answer(stub, node):
    refusals = {
        1: {"code": -32010, "message": "AlreadyKnown"},
        2: {"code": -32010, "message": "OldNonce, Current nonce: 3, nonce of rejected tx: 2"},
        3: {"code": -32010, "message": "InsufficientFunds, Account balance: 0"},
    }

    def sent(raw):
        index = list(HASHES).index(raw)
        if index in refusals:
            raise Refusal(refusals[index])
        return HASHES[raw]

    stub.methods["eth_sendRawTransaction"] = sent
    assert statuses(node.broadcast(TRANSACTIONS)) == [
        BroadcastStatus.ACCEPTED,
        BroadcastStatus.KNOWN,
        BroadcastStatus.NONCE_TOO_LOW,
        BroadcastStatus.UNFUNDED,
    ]
    assert len(stub.asked) == 1


@pytest.mark.parametrize("result", [None, "0x" + "0" * 64, "0x", True, {}])
def test_a_success_with_another_hash_is_not_believed(stub, node, result):
    stub.methods["eth_sendRawTransaction"] = result
    assert statuses(node.broadcast(TRANSACTIONS[:1])) == [BroadcastStatus.UNKNOWN]


@pytest.mark.parametrize("http", [Http(500, b""), Http(200, b"<html>"), Http(drop=True), Http(403, b"")])
def test_nobody_answering_leaves_every_outcome_unknown(stub, node, http):
    stub.http = lambda body: http
    assert statuses(node.broadcast(TRANSACTIONS)) == [BroadcastStatus.UNKNOWN] * 4
    assert len(stub.asked) == 1


def test_a_limit_for_the_whole_request_throttles_every_transaction(stub, node):
    stub.http = lambda body: Http(429, b"")
    assert statuses(node.broadcast(TRANSACTIONS)) == [BroadcastStatus.THROTTLED] * 4
    assert len(stub.asked) == 1


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("insufficient funds for gas * price + value", BroadcastStatus.UNKNOWN),
        ("transaction underpriced", BroadcastStatus.UNKNOWN),
        ("replacement transaction underpriced", BroadcastStatus.UNKNOWN),
        ("intrinsic gas too low", BroadcastStatus.UNKNOWN),
        ("nonce too high", BroadcastStatus.UNKNOWN),
        ("txpool is full", BroadcastStatus.UNKNOWN),
        ("nonce too low", BroadcastStatus.NONCE_TOO_LOW),
        ("already known", BroadcastStatus.KNOWN),
        (None, BroadcastStatus.ACCEPTED),
    ],
)
def test_a_refusal_counts_only_if_no_earlier_endpoint_may_have_taken_it(stubs, message, status):
    first, second = stubs(), stubs()
    first.http = lambda body: Http(502, b"")
    second.methods["eth_sendRawTransaction"] = (
        (lambda raw: HASHES[raw]) if message is None else Refusal({"code": -32000, "message": message})
    )
    node = Node(FUSE, RpcClient([first.url, second.url], chain_id=122))
    assert statuses(node.broadcast(TRANSACTIONS[:1])) == [status]


def test_an_answer_left_out_is_unknown_and_the_others_keep_theirs(stub, node):
    stub.methods["eth_sendRawTransaction"] = lambda raw: HASHES[raw]
    stub.http = lambda body: Http(body=[stub.reply(item) for item in reversed(body) if item["id"] != 1])
    accepted, unknown = BroadcastStatus.ACCEPTED, BroadcastStatus.UNKNOWN
    assert statuses(node.broadcast(TRANSACTIONS)) == [accepted, unknown, accepted, accepted]


def test_another_chain_gets_no_transaction(stub, node):
    stub.methods["eth_chainId"] = "0x1"
    with pytest.raises(ConfigurationError):
        node.broadcast(TRANSACTIONS)
    assert stub.asked == []


def test_a_raw_transaction_in_a_nodes_answer_stays_out_of_the_message(stub, node):
    stub.methods["eth_sendRawTransaction"] = refuse_quoting
    (told,) = node.broadcast(TRANSACTIONS[:1])
    assert TRANSACTIONS[0].raw.hex()[:40] not in told.message


def refuse_quoting(raw):
    raise Refusal({"code": -32000, "message": f"cannot take {raw}"})


# --- receipts ----------------------------------------------------------------------------------------------------------


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
