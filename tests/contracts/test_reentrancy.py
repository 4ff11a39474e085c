"""A contract that the wallet calls, pays or hands a token to calls back, and gets nothing out of it."""

import pytest
from web3.contract import Contract

from tests.contracts.ground import COIN, Ground, fresh_salt, revert_of


@pytest.fixture
def attacker(ground: Ground) -> Contract:
    return ground.deploy("Reenterer")


def attacks(wallet: Contract, attacker: Contract) -> dict[str, str]:
    """What the attacker would call back with, by name."""
    steal = (attacker.address, COIN, b"")
    return {
        "execute": wallet.encode_abi("execute", list(steal)),
        "executeBatch": wallet.encode_abi("executeBatch", [[steal]]),
        "transferOwnership": wallet.encode_abi("transferOwnership", [attacker.address]),
        "acceptOwnership": wallet.encode_abi("acceptOwnership"),
        "initialize": wallet.encode_abi("initialize", [attacker.address]),
    }


ATTACKS = ["execute", "executeBatch", "transferOwnership", "acceptOwnership", "initialize"]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("data", [b"", b"\xde\xad\xbe\xef"], ids=["paid", "called"])
def test_callback_from_execute_is_refused(
    ground: Ground, wallet: Contract, attacker: Contract, attack: str, data: bytes
) -> None:
    ground.pay(wallet.address, 3 * COIN, ground.stranger)
    ground.send(attacker.functions.prepare(wallet.address, attacks(wallet, attacker)[attack], False), ground.stranger)
    ground.send(wallet.functions.execute(attacker.address, 1, data), ground.issuer)
    assert (attacker.functions.tried().call(), attacker.functions.succeeded().call()) == (1, 0)
    refused = revert_of("OwnableUnauthorizedAccount(address)", attacker.address)
    assert attacker.functions.answer().call() == refused
    assert ground.balance(wallet.address) == 3 * COIN - 1
    assert wallet.functions.owner().call() == ground.issuer


@pytest.mark.parametrize("attack", ATTACKS)
def test_callback_in_the_middle_of_a_batch_changes_nothing_of_it(
    ground: Ground, wallet: Contract, attacker: Contract, attack: str
) -> None:
    ground.pay(wallet.address, 3 * COIN, ground.stranger)
    receiver = ground.w3.eth.account.create().address
    ground.send(attacker.functions.prepare(wallet.address, attacks(wallet, attacker)[attack], False), ground.stranger)
    batch = wallet.functions.executeBatch([(attacker.address, 1, b""), (receiver, COIN, b""), (attacker.address, 2, b"")])
    ground.send(batch, ground.issuer)
    assert (attacker.functions.tried().call(), attacker.functions.succeeded().call()) == (2, 0)
    assert (ground.balance(receiver), ground.balance(attacker.address)) == (COIN, 3)
    assert ground.balance(wallet.address) == 2 * COIN - 3


def test_attacker_that_insists_fails_the_call_with_its_own_refusal(
    ground: Ground, wallet: Contract, attacker: Contract
) -> None:
    ground.pay(wallet.address, 3 * COIN, ground.stranger)
    ground.send(attacker.functions.prepare(wallet.address, attacks(wallet, attacker)["execute"], True), ground.stranger)
    refused = revert_of("OwnableUnauthorizedAccount(address)", attacker.address)
    assert ground.refusal(wallet.functions.execute(attacker.address, 1, b""), ground.issuer) == refused


def test_callback_from_receiving_a_token_is_refused(ground: Ground, wallet: Contract, attacker: Contract) -> None:
    nft = ground.deploy("Collectible")
    ground.pay(wallet.address, COIN, ground.stranger)
    ground.send(nft.functions.mint(wallet.address, 1), ground.stranger)
    ground.send(attacker.functions.prepare(wallet.address, attacks(wallet, attacker)["execute"], False), ground.stranger)
    out = nft.encode_abi("safeTransferFrom", [wallet.address, attacker.address, 1])
    ground.send(wallet.functions.execute(nft.address, 0, out), ground.issuer)
    assert (attacker.functions.tried().call(), attacker.functions.succeeded().call()) == (1, 0)
    assert ground.balance(wallet.address) == COIN


def test_calling_back_through_the_owners_other_wallet_is_refused(
    ground: Ground, wallet_factory: Contract, wallet: Contract, attacker: Contract
) -> None:
    """Each wallet asks for its owner itself: one in the middle of a call opens none of the others."""
    salt = fresh_salt()
    ground.send(wallet_factory.functions.createWallet(ground.issuer, salt), ground.issuer)
    second = ground.contract("Wallet", wallet_factory.functions.walletAddress(ground.issuer, salt).call())
    ground.pay(second.address, COIN, ground.stranger)
    ground.send(attacker.functions.prepare(second.address, attacks(second, attacker)["execute"], False), ground.stranger)
    ground.send(wallet.functions.execute(attacker.address, 0, b""), ground.issuer)
    assert (attacker.functions.tried().call(), attacker.functions.succeeded().call()) == (1, 0)
    assert ground.balance(second.address) == COIN
