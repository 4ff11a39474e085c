"""What a round of a worker reads: in one request, of one node, and of none that is behind (invariant 8)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.model import Fees
from chalicelib.jobs.ports import (
    AccountView,
    Call,
    CanonicalBlock,
    GasEstimate,
    Head,
    Revert,
    TransactionsView,
    Unavailable,
    Unfunded,
)
from chalicelib.networks import GWEI
from tests.unit.chain.rpc.unsupported import NOT_SUPPORTED
from tests.unit.chain.standing_node import ETHER, OTHER, WHO, node_of, standing_at
from tests.unit.chain.stub_node import Http, Refusal

TRANSFER = Call(WHO, OTHER, 5, b"\xa9\x05")
HASHES = [f"0x{number:064x}" for number in range(1, 6)]


def receipt(hash_: str, block: int) -> dict[str, str]:
    price = hex(11 * GWEI)
    return {
        "transactionHash": hash_,
        "blockNumber": hex(block),
        "blockHash": f"0x{block:064x}",
        "status": "0x1",
        "gasUsed": "0x5208",
        "effectiveGasPrice": price,
    }


# --- before signing ----------------------------------------------------------------------------------------------------


def test_an_account_view_is_one_request_whatever_it_tells(stub):
    standing_at(stub, 16)
    assert node_of(stub).account_view(WHO, [TRANSFER, TRANSFER]) == AccountView(
        head=Head(16, 10 * GWEI),
        fees=Fees(21 * GWEI, GWEI),
        mined_count=9,
        balance=10 * ETHER,
        spendable=10 * ETHER,
        next_base_fee=10 * GWEI,
        block_gas_limit=20_000_000,
        estimates=(GasEstimate(75_000),) * 2,
    )
    assert len(stub.asked) == 1
    assert stub.params_of("eth_getTransactionCount") == [[WHO, "latest"]]
    assert stub.params_of("eth_getBalance") == [[WHO, "latest"], [WHO, "pending"]]


def test_an_account_view_of_95_calls_is_one_request(stub):
    view = node_of(standing_at(stub, 16)).account_view(WHO, [TRANSFER] * 95)
    assert len(view.estimates) == 95
    assert [len(body) for body in stub.asked] == [100]


def test_more_calls_than_one_request_holds_are_asked_of_the_same_node(stubs):
    first, second = standing_at(stubs(), 16), standing_at(stubs(), 16, mined=8)
    view = node_of(first, second).account_view(WHO, [TRANSFER] * 150)
    assert (view.mined_count, len(view.estimates)) == (9, 150)
    assert [len(body) for body in first.asked] == [100, 55]


def test_of_a_chain_without_base_fees_the_gas_price_is_asked_too(stub):
    standing_at(stub, 16)
    stub.methods |= {"eth_getBlockByNumber": {"number": "0x10"}, "eth_gasPrice": hex(30 * GWEI)}
    view = node_of(stub).account_view(WHO, [])
    assert (view.head, view.fees) == (Head(16, None), Fees(30 * GWEI))
    assert (view.next_base_fee, view.gas_price) == (None, 30 * GWEI)


def test_what_is_pending_is_not_to_be_spent_again(stub):
    standing_at(stub, 16)
    stub.methods["eth_getBalance"] = lambda _, tag: hex({"latest": 5 * ETHER, "pending": 2 * ETHER}[tag])
    view = node_of(stub).account_view(WHO, [])
    assert (view.balance, view.spendable) == (5 * ETHER, 2 * ETHER)


def test_funds_that_are_only_on_their_way_are_not_to_be_spent_yet(stub):
    standing_at(stub, 16)
    stub.methods["eth_getBalance"] = lambda _, tag: hex({"latest": 0, "pending": ETHER}[tag])
    assert node_of(stub).account_view(WHO, []).spendable == 0


def test_each_call_has_its_own_outcome(stub):
    def estimated(call, _):
        match int(call["value"], 16):
            case 0:
                raise Refusal({"code": 3, "message": "execution reverted: too late"})
            case 1:
                raise Refusal({"code": -32000, "message": "insufficient funds for transfer"})
            case 2:
                return None
            case _:
                return hex(50_000)

    standing_at(stub, 16).methods["eth_estimateGas"] = estimated
    view = node_of(stub).account_view(WHO, [replace(TRANSFER, value=value) for value in range(4)])
    assert [type(outcome) for outcome in view.estimates] == [Revert, Unfunded, Unavailable, GasEstimate]


def test_estimates_that_one_node_leaves_out_are_asked_of_the_next_with_all_that_belongs_to_them(stubs):
    first, second = standing_at(stubs(), 16), standing_at(stubs(), 17, mined=10)
    first.http = lambda body: Http(body=[first.reply(item) for item in body if item["id"] != 6]) if len(body) > 1 else None
    view = node_of(first, second).account_view(WHO, [TRANSFER] * 3)
    assert (view.head.number, view.mined_count) == (17, 10), "never parts of the one and of the other"
    assert view.estimates == (GasEstimate(75_000),) * 3


def test_estimates_that_nobody_gives_leave_the_others(stub):
    standing_at(stub, 16)
    stub.http = lambda body: Http(body=[stub.reply(item) for item in body if item["id"] != 6])
    view = node_of(stub).account_view(WHO, [TRANSFER] * 3)
    assert [type(outcome) for outcome in view.estimates] == [GasEstimate, Unavailable, GasEstimate]


@pytest.mark.parametrize("method", ["eth_getTransactionCount", "eth_getBalance", "eth_feeHistory"])
@pytest.mark.parametrize("answer", [None, "", "9", 9, "0xzz", [], Refusal({"code": -32000, "message": "no state"})])
def test_an_account_view_without_one_of_its_numbers_is_none(stub, method, answer):
    standing_at(stub, 16).methods[method] = answer
    with pytest.raises(ChainUnavailable):
        node_of(stub).account_view(WHO, [TRANSFER])


@pytest.mark.parametrize("error", NOT_SUPPORTED, ids=lambda error: error["message"][:40])
def test_a_node_without_fee_history_still_tells_how_the_account_stands(stub, error):
    standing_at(stub, 16).methods["eth_feeHistory"] = Refusal(error)
    view = node_of(stub).account_view(WHO, [TRANSFER])
    assert (view.fees, view.estimates) == (Fees(21 * GWEI, GWEI), (GasEstimate(75_000),))


@pytest.mark.parametrize("status", [403, 405])
def test_a_gateway_that_refuses_a_method_by_an_http_status_is_asked_for_the_others(stub, status):
    """It refuses a whole batch for one of its requests."""
    error = {"code": -32601, "message": "rpc method is not whitelisted"}

    def refuse(body):
        items = body if isinstance(body, list) else [body]
        if any(item["method"] == "eth_feeHistory" for item in items):
            return Http(status, {"jsonrpc": "2.0", "id": None, "error": error})
        return None

    standing_at(stub, 16)
    stub.http = refuse
    assert node_of(stub).account_view(WHO, [TRANSFER]).fees == Fees(21 * GWEI, GWEI)


@pytest.mark.parametrize("error", NOT_SUPPORTED, ids=lambda error: error["message"][:40])
def test_a_node_that_says_the_pending_block_is_not_supported_is_asked_for_the_newest(stub, error):
    def estimated(_, tag):
        if tag == "pending":
            raise Refusal(error)
        return hex(50_000)

    standing_at(stub, 16).methods["eth_estimateGas"] = estimated
    assert node_of(stub).account_view(WHO, [TRANSFER]).estimates == (GasEstimate(75_000),)


def test_a_node_without_a_pending_block_is_asked_for_the_newest_from_then_on(stub):
    def estimated(_, tag):
        if tag == "pending":
            raise Refusal({"code": -32602, "message": "invalid argument 1"})
        return hex(50_000)

    def balance(_, tag):
        if tag == "pending":
            raise Refusal({"code": -32602, "message": "invalid argument 1"})
        return hex(ETHER)

    standing_at(stub, 16).methods |= {"eth_estimateGas": estimated, "eth_getBalance": balance}
    node = node_of(stub)
    for _ in range(2):
        view = node.account_view(WHO, [TRANSFER])
        assert (view.estimates, view.spendable) == ((GasEstimate(75_000),), ETHER)
    assert [tag for _, tag in stub.params_of("eth_estimateGas")] == ["pending", "latest", "latest"]


# --- after sending -----------------------------------------------------------------------------------------------------


def test_a_transactions_view_is_one_request(stub):
    mined = {HASHES[0]: receipt(HASHES[0], 15), HASHES[2]: receipt(HASHES[2], 16)}
    standing_at(stub, 16).methods["eth_getTransactionReceipt"] = mined.get
    view = node_of(stub).transactions_view(WHO, HASHES)
    assert (view.head, view.mined_count, set(view.receipts)) == (16, 9, set(mined))
    assert view.receipts[HASHES[2]].block_number == 16
    assert len(stub.asked) == 1
    assert stub.params_of("eth_getTransactionCount") == [[WHO, "latest"]]


def test_a_transactions_view_of_98_transactions_without_blocks_is_one_request(stub):
    node_of(standing_at(stub, 16)).transactions_view(WHO, [f"0x{number:064x}" for number in range(98)])
    assert [len(body) for body in stub.asked] == [100]


def test_errors_of_single_receipts_leave_the_others(stub):
    def found(hash_):
        if hash_ == HASHES[0]:
            raise Refusal({"code": -32000, "message": "transaction indexing is in progress"})
        return receipt(hash_, 16)

    standing_at(stub, 16).methods["eth_getTransactionReceipt"] = found
    assert set(node_of(stub).transactions_view(WHO, HASHES).receipts) == set(HASHES[1:])


@pytest.mark.parametrize(
    "error", [{"code": -32000, "message": "indexing is in progress"}, {"code": 429, "message": "rate limit"}]
)
def test_errors_for_all_receipts_are_no_transactions_view(stub, error):
    standing_at(stub, 16).methods["eth_getTransactionReceipt"] = Refusal(error)
    with pytest.raises(ChainUnavailable):
        node_of(stub).transactions_view(WHO, HASHES)


def test_a_transactions_view_without_its_count_is_none(stub):
    standing_at(stub, 16).methods["eth_getTransactionCount"] = None
    with pytest.raises(ChainUnavailable):
        node_of(stub).transactions_view(WHO, HASHES)


def block(number, _):
    return {"number": number, "hash": f"0x{int(number, 16):064X}"} if int(number, 16) <= 16 else None


@pytest.fixture
def with_blocks(stub):
    """The stub, with blocks up to 16, in each of which the account had one transaction."""
    standing_at(stub, 16).methods["eth_getTransactionCount"] = lambda _, tag: hex(16) if tag == "latest" else tag
    newest = stub.methods["eth_getBlockByNumber"]
    stub.methods["eth_getBlockByNumber"] = lambda tag, full: newest if tag == "latest" else block(tag, full)
    return stub


def standing(*numbers: int) -> dict[int, CanonicalBlock]:
    return {number: CanonicalBlock(f"0x{number:064x}", number) for number in numbers}


def test_blocks_are_told_with_what_the_account_had_done_by_then_in_one_request(with_blocks):
    assert node_of(with_blocks).canonical_blocks(WHO, [15, 10, 15, 17]) == standing(10, 15)
    assert len(with_blocks.asked) == 1


def test_blocks_seen_with_the_transactions_are_in_the_same_request(with_blocks):
    view = node_of(with_blocks).transactions_view(WHO, HASHES, [15, 16, 17, 15])
    assert (view.mined_count, view.blocks) == (16, standing(15, 16))
    assert len(with_blocks.asked) == 1


def test_90_transactions_and_four_blocks_are_seen_in_one_request(with_blocks):
    node_of(with_blocks).transactions_view(WHO, [f"0x{number:064x}" for number in range(90)], [12, 13, 14, 15])
    assert [len(body) for body in with_blocks.asked] == [100]


@pytest.mark.parametrize("method", ["eth_getTransactionCount", "eth_getBlockByNumber"])
def test_blocks_that_were_asked_for_and_are_refused_are_no_answer(stub, method):
    standing_at(stub, 16).methods[method] = Refusal({"code": -32000, "message": "header not found"})
    with pytest.raises(ChainUnavailable, match="header not found"):
        node_of(stub).canonical_blocks(WHO, [10**9])


def test_a_block_that_is_seen_in_passing_and_is_refused_is_not_told(with_blocks):
    told = with_blocks.methods["eth_getBlockByNumber"]

    def found(tag, full):
        if tag == "0xa":
            raise Refusal({"code": -32000, "message": "header not found"})
        return told(tag, full)

    with_blocks.methods["eth_getBlockByNumber"] = found
    assert node_of(with_blocks).transactions_view(WHO, HASHES, [10, 15]).blocks == standing(15)


def test_of_a_block_whose_state_the_node_has_dropped_the_hash_is_told(with_blocks):
    def counted(_, tag):
        if tag in ("0x2", "0x3"):
            raise Refusal({"code": -32000, "message": "missing trie node"})
        return "0x10" if tag == "latest" else tag

    with_blocks.methods["eth_getTransactionCount"] = counted
    old = {number: CanonicalBlock(f"0x{number:064x}", None) for number in (2, 3)}
    assert node_of(with_blocks).canonical_blocks(WHO, [2, 3, 11]) == old | standing(11)
    assert node_of(with_blocks).transactions_view(WHO, HASHES, [2, 3]).blocks == old
    with pytest.raises(ChainUnavailable, match="missing trie node"):
        node_of(with_blocks).canonical_blocks(WHO, [2, 3])


@pytest.mark.parametrize("result", [None, "", "9", 9, "0xzz", [], "0x" + "f" * 65])
def test_a_count_that_cannot_be_read_is_never_a_number(with_blocks, result):
    with_blocks.methods["eth_getTransactionCount"] = result
    assert node_of(with_blocks).canonical_blocks(WHO, [11]) == {11: CanonicalBlock(f"0x{11:064x}", None)}


@pytest.mark.parametrize("found", [None, {}, {"hash": None}, [], "0x"])
def test_a_block_without_a_hash_is_none(with_blocks, found):
    with_blocks.methods["eth_getBlockByNumber"] = found
    assert node_of(with_blocks).canonical_blocks(WHO, [11]) == {}


# --- nodes that are behind ---------------------------------------------------------------------------------------------

READS = {
    "account_view": lambda node: node.account_view(WHO, [TRANSFER]).mined_count,
    "transactions_view": lambda node: node.transactions_view(WHO, HASHES).mined_count,
}


@pytest.fixture(params=READS)
def read(request):
    """Reads of a node what tells which one it was: the count of transactions."""
    return READS[request.param]


def test_the_first_named_endpoint_is_read_and_the_others_tell_their_newest_block(stubs, read):
    first, second = standing_at(stubs(), 100, mined=1), standing_at(stubs(), 100, mined=2)
    assert read(node_of(first, second)) == 1
    assert len(first.asked) == len(second.asked) == 1
    assert second.params_of("eth_getTransactionCount") == []


def test_invariant_8_an_endpoint_behind_another_is_never_read_however_long_it_has_stood_still(stubs, read):
    behind, ahead = standing_at(stubs(), 90, mined=1), standing_at(stubs(), 100, mined=2)
    node = node_of(behind, ahead)
    assert read(node) == 2, "the very first time, too"
    asked = len(behind.asked)
    standing_at(ahead, 101, mined=3)
    assert read(node) == 3
    assert len(behind.asked) == asked, "it is left out for a while"


def test_invariant_8_an_only_endpoint_that_has_gone_back_is_not_read(stub, read):
    node = node_of(standing_at(stub, 100, mined=1))
    assert read(node) == 1
    standing_at(stub, 90, mined=0)
    with pytest.raises(ChainUnavailable, match="behind"):
        read(node)


def test_an_endpoint_that_fails_is_passed_over(stubs, read):
    first, second, third = (standing_at(stubs(), 100, mined=mined) for mined in (1, 2, 3))
    first.http = lambda body: Http(500, b"")
    second.http = lambda body: Http(drop=True)
    node = node_of(first, second, third)
    assert read(node) == 3
    assert read(node) == 3
    assert (len(first.asked), len(second.asked)) == (1, 1), "they are left out for a while"


@pytest.mark.parametrize("number", [None, "", "block", 7])
def test_an_endpoint_that_does_not_tell_its_newest_block_is_not_believed(stubs, read, number):
    first, second = standing_at(stubs(), 100, mined=1), standing_at(stubs(), 100, mined=2)
    first.methods["eth_getBlockByNumber"] = {"number": number}
    assert read(node_of(first, second)) == 2
    with pytest.raises(ChainUnavailable, match="newest block"):
        read(node_of(first))


@pytest.mark.parametrize("http", [Http(500, b""), Http(200, b"<html>"), Http(drop=True), Http(403, b""), Http(429, b"")])
def test_nobody_answering_is_no_answer(stub, read, http):
    stub.http = lambda body: http
    with pytest.raises(ChainUnavailable):
        read(node_of(stub))
    assert len(stub.asked) == 1


def test_a_transactions_view_says_nothing_of_what_was_not_asked(stub):
    assert node_of(standing_at(stub, 16)).transactions_view(WHO, []) == TransactionsView(16, 9, {}, {})


@pytest.mark.parametrize(
    ("told", "at"),
    [
        (hex(1_774_785_600), datetime(2026, 3, 29, 12, tzinfo=UTC)),
        (None, None),
        ("soon", None),
        (hex(2**256 - 1), None),
    ],
)
def test_a_block_says_when_it_was_made_as_far_as_it_can_be_read(stub, told: object, at: datetime | None):
    stub.methods |= {
        "eth_getBlockByNumber": {"number": "0x7", "hash": HASHES[0], "timestamp": told},
        "eth_getTransactionCount": "0x9",
    }
    assert node_of(stub).canonical_blocks(WHO, [7]) == {7: CanonicalBlock(HASHES[0], 9, at)}
