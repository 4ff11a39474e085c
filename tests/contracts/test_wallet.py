"""Wallet: who makes it call, what it passes on, what it receives, and how it changes hands."""

from collections.abc import Callable

import pytest
from eth_abi.abi import decode, encode
from web3.contract import Contract
from web3.types import TxParams

from tests.contracts.ground import COIN, ZERO, Ground, revert_of

NewToken = Callable[..., Contract]
NO_DATA = b""


@pytest.fixture(scope="session")
def sink(ground: Ground) -> Contract:
    """Counts, and fails in every way a contract can."""
    return ground.deploy("Sink")


def unauthorized(who: str) -> bytes:
    return revert_of("OwnableUnauthorizedAccount(address)", who)


# --- calls -------------------------------------------------------------------------------------------------------------


def test_only_the_owner_makes_the_wallet_call(ground: Ground, wallet: Contract, sink: Contract) -> None:
    hit = sink.encode_abi("hit", [b"\x01" * 32])
    for call in (
        wallet.functions.execute(sink.address, 0, hit),
        wallet.functions.executeBatch([(sink.address, 0, hit)]),
        wallet.functions.executeBatch([]),
        wallet.functions.transferOwnership(ground.stranger),
        wallet.functions.renounceOwnership(),
    ):
        assert ground.refusal(call, ground.stranger) == unauthorized(ground.stranger)


def test_called_contract_sees_the_wallet_and_its_answer_comes_back(
    ground: Ground, wallet: Contract, new_token: NewToken
) -> None:
    token = new_token(9)
    ground.send(token.functions.transfer(wallet.address, 9), ground.issuer)
    transfer = wallet.functions.execute(token.address, 0, token.encode_abi("transfer", [ground.other, 4]))
    assert decode(["bool"], transfer.call({"from": ground.issuer})) == (True,)
    receipt = ground.send(transfer, ground.issuer)
    moved = ground.events(token, "Transfer", receipt)
    assert moved == [{"from": wallet.address, "to": ground.other, "value": 4}]
    ground.send(wallet.functions.execute(token.address, 0, token.encode_abi("burn", [5])), ground.issuer)
    assert token.functions.balanceOf(wallet.address).call() == 0
    assert token.functions.totalSupply().call() == 4


def test_value_is_paid_from_the_wallets_own_balance(ground: Ground, wallet: Contract, sink: Contract) -> None:
    ground.pay(wallet.address, 10, ground.stranger)
    ground.send(wallet.functions.execute(sink.address, 7, sink.encode_abi("pay")), ground.issuer)
    assert sink.functions.paid(wallet.address).call() == 7
    ground.send(wallet.functions.execute(sink.address, 1, NO_DATA), ground.issuer)
    assert sink.functions.paid(wallet.address).call() == 8
    nobody = ground.w3.eth.account.create().address
    ground.send(wallet.functions.execute(nobody, 2, NO_DATA), ground.issuer)
    assert (ground.balance(nobody), ground.balance(wallet.address)) == (2, 0)


@pytest.mark.parametrize("data", [NO_DATA, b"\x1b\x9d\x8a\x8e"], ids=["plain", "call"])
def test_more_than_the_balance_is_refused_in_numbers(ground: Ground, wallet: Contract, sink: Contract, data: bytes) -> None:
    ground.pay(wallet.address, 3, ground.stranger)
    call = wallet.functions.execute(sink.address, 4, data)
    assert ground.refusal(call, ground.issuer) == revert_of("InsufficientBalance(uint256,uint256)", 3, 4)


def test_call_of_an_address_without_code_is_refused(ground: Ground, wallet: Contract, new_token: NewToken) -> None:
    nobody = ground.w3.eth.account.create().address
    call = wallet.functions.execute(nobody, 0, new_token().encode_abi("transfer", [ground.other, 1]))
    assert ground.refusal(call, ground.issuer) == revert_of("AddressEmptyCode(address)", nobody)


REVERTS = [
    ("revertWithText", ["der Topf ist leer"], revert_of("Error(string)", "der Topf ist leer")),
    ("revertTooLittle", [1, 2], revert_of("TooLittle(uint256,uint256)", 1, 2)),
    ("revertBare", [], revert_of("Bare()")),
    ("panicAssert", [], revert_of("Panic(uint256)", 0x01)),
    ("divide", [1, 0], revert_of("Panic(uint256)", 0x12)),
    ("revertSilently", [], revert_of("FailedCall()")),
]


@pytest.mark.parametrize(("function", "arguments", "reason"), REVERTS, ids=[function for function, *_ in REVERTS])
def test_why_a_call_failed_is_passed_on(
    *, ground: Ground, wallet: Contract, sink: Contract, function: str, arguments: list[object], reason: bytes
) -> None:
    data = sink.encode_abi(function, arguments)
    assert ground.refusal(wallet.functions.execute(sink.address, 0, data), ground.issuer) == reason
    hit = sink.encode_abi("hit", [b"\x02" * 32])
    batch = wallet.functions.executeBatch([(sink.address, 0, hit), (sink.address, 0, data)])
    assert ground.refusal(batch, ground.issuer) == reason


def test_refused_payment_passes_the_reason_on(ground: Ground, wallet: Contract, new_token: NewToken) -> None:
    ground.pay(wallet.address, 1, ground.stranger)
    call = wallet.functions.execute(new_token().address, 1, NO_DATA)
    assert ground.refusal(call, ground.issuer) == revert_of("FailedCall()")


def test_token_refusals_come_through_the_wallet(ground: Ground, wallet: Contract, new_token: NewToken) -> None:
    token = new_token(1)
    call = wallet.functions.execute(token.address, 0, token.encode_abi("burn", [5]))
    reason = revert_of("ERC20InsufficientBalance(address,uint256,uint256)", wallet.address, 0, 5)
    assert ground.refusal(call, ground.issuer) == reason


def test_batch_runs_in_order_and_answers_each_call(ground: Ground, wallet: Contract, sink: Contract) -> None:
    first, second = b"\x03" * 32, b"\x04" * 32
    batch = wallet.functions.executeBatch(
        [
            (sink.address, 0, sink.encode_abi("hit", [first])),
            (sink.address, 0, sink.encode_abi("hitAfter", [second, first])),
            (sink.address, 0, sink.encode_abi("divide", [7, 2])),
        ]
    )
    assert batch.call({"from": ground.issuer}) == [b"", b"", encode(["uint256"], [3])]
    receipt = ground.send(batch, ground.issuer)
    assert [event["id"] for event in ground.events(sink, "Hit", receipt)] == [first, second]


def test_batch_is_all_or_nothing(ground: Ground, wallet: Contract, sink: Contract) -> None:
    """In a mined transaction, not only in a simulation."""
    hit = b"\x05" * 32
    calls = [(sink.address, 0, sink.encode_abi("hit", [hit])), (sink.address, 0, sink.encode_abi("revertBare"))]
    data = wallet.encode_abi("executeBatch", [calls])
    transaction: TxParams = {"from": ground.issuer, "to": wallet.address, "data": data, "gas": 300_000}
    sent = ground.w3.eth.send_transaction(transaction)
    assert ground.w3.eth.wait_for_transaction_receipt(sent)["status"] == 0
    assert sink.functions.hits(hit).call() == 0


def test_wallet_is_a_stranger_to_itself(ground: Ground, wallet: Contract) -> None:
    for data in (
        wallet.encode_abi("transferOwnership", [ground.stranger]),
        wallet.encode_abi("execute", [ground.stranger, 0, NO_DATA]),
        wallet.encode_abi("initialize", [ground.stranger]),
    ):
        call = wallet.functions.execute(wallet.address, 0, data)
        assert ground.refusal(call, ground.issuer) == unauthorized(wallet.address)


# --- receiving ---------------------------------------------------------------------------------------------------------


def test_native_coins_come_back_on_the_gas_of_a_plain_transfer(ground: Ground, wallet: Contract) -> None:
    till = ground.deploy("Till")
    ground.pay(wallet.address, COIN, ground.stranger)
    pay = (till.address, COIN, till.encode_abi("pay"))
    ground.send(wallet.functions.executeBatch([pay, (till.address, 0, till.encode_abi("withdraw"))]), ground.issuer)
    assert ground.balance(wallet.address) == COIN


def test_first_visit_needs_more_than_the_stipend(ground: Ground, wallet: Contract) -> None:
    """The known limit of minimal clones: what is not warm costs more than 2,300 gas to reach."""
    till = ground.deploy("Till")
    assert ground.refusal(till.functions.forward(wallet.address), ground.stranger) == revert_of(
        "Error(string)", "Till: not taken"
    )


def test_unknown_calls_are_refused(ground: Ground, wallet: Contract, sink: Contract) -> None:
    as_sink = sink.functions.pay()
    as_sink.address = wallet.address
    assert ground.refusal(as_sink, ground.stranger) == b""


def test_erc721_is_received_and_sent_on(ground: Ground, wallet: Contract) -> None:
    nft = ground.deploy("Collectible")
    ground.send(nft.functions.mint(wallet.address, 42), ground.stranger)
    assert nft.functions.ownerOf(42).call() == wallet.address
    out = nft.encode_abi("safeTransferFrom", [wallet.address, ground.other, 42])
    ground.send(wallet.functions.execute(nft.address, 0, out), ground.issuer)
    assert nft.functions.ownerOf(42).call() == ground.other


def test_erc1155_is_received_one_by_one_and_in_batches_and_sent_on(ground: Ground, wallet: Contract) -> None:
    tokens = ground.deploy("Collection")
    ground.send(tokens.functions.mint(wallet.address, 1, 10), ground.stranger)
    ground.send(tokens.functions.mintBatch(wallet.address, [1, 2], [5, 6]), ground.stranger)
    out = tokens.encode_abi("safeTransferFrom", [wallet.address, ground.other, 1, 4, b""])
    ground.send(wallet.functions.execute(tokens.address, 0, out), ground.issuer)
    held = [tokens.functions.balanceOf(who, which).call() for who, which in ((wallet.address, 1), (wallet.address, 2))]
    assert held == [11, 6]
    assert tokens.functions.balanceOf(ground.other, 1).call() == 4


@pytest.mark.parametrize(
    ("interface", "supported"),
    [("01ffc9a7", True), ("150b7a02", True), ("4e2312e0", True), ("ffffffff", False), ("80ac58cd", False)],
    ids=["ERC-165", "ERC-721 receiver", "ERC-1155 receiver", "none", "ERC-721"],
)
def test_interfaces_are_declared(wallet: Contract, interface: str, supported: bool) -> None:
    assert wallet.functions.supportsInterface(bytes.fromhex(interface)).call() is supported


# --- changing hands ----------------------------------------------------------------------------------------------------


def test_ownership_moves_when_it_is_accepted(ground: Ground, wallet: Contract) -> None:
    anything = wallet.functions.execute(ground.stranger, 0, NO_DATA)
    offered = ground.send(wallet.functions.transferOwnership(ground.other), ground.issuer)
    expected = [{"previousOwner": ground.issuer, "newOwner": ground.other}]
    assert ground.events(wallet, "OwnershipTransferStarted", offered) == expected
    assert wallet.functions.owner().call() == ground.issuer
    assert wallet.functions.pendingOwner().call() == ground.other
    ground.send(anything, ground.issuer)
    assert ground.refusal(anything, ground.other) == unauthorized(ground.other)
    assert ground.refusal(wallet.functions.acceptOwnership(), ground.stranger) == unauthorized(ground.stranger)
    accepted = ground.send(wallet.functions.acceptOwnership(), ground.other)
    assert ground.events(wallet, "OwnershipTransferred", accepted) == expected
    assert (wallet.functions.owner().call(), wallet.functions.pendingOwner().call()) == (ground.other, ZERO)
    ground.send(anything, ground.other)
    assert ground.refusal(anything, ground.issuer) == unauthorized(ground.issuer)


def test_offer_can_be_taken_back(ground: Ground, wallet: Contract) -> None:
    ground.send(wallet.functions.transferOwnership(ground.other), ground.issuer)
    ground.send(wallet.functions.transferOwnership(ZERO), ground.issuer)
    assert ground.refusal(wallet.functions.acceptOwnership(), ground.other) == unauthorized(ground.other)


def test_ownership_cannot_be_renounced(ground: Ground, wallet: Contract) -> None:
    assert ground.refusal(wallet.functions.renounceOwnership(), ground.issuer) == revert_of(
        "OwnableInvalidOwner(address)", ZERO
    )
