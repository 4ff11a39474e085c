"""WalletFactory: where wallets stand, whose they are, what a second creation does, and what being first gains: nothing."""

from collections.abc import Callable

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from web3.contract import Contract

from tests.contracts.ground import COIN, ZERO, Ground, fresh_salt, revert_of


def create2_address(factory: str, implementation: str, owner: str, salt: bytes) -> str:
    """Worked out from EIP-1014 and EIP-1167 alone."""
    proxy = bytes.fromhex("363d3d373d3d3d363d73") + bytes.fromhex(implementation[2:])
    proxy += bytes.fromhex("5af43d82803e903d91602b57fd5bf3")
    creation = bytes.fromhex("3d602d80600a3d3981f3") + proxy
    effective_salt = keccak(encode(["address", "bytes32"], [owner, salt]))
    return to_checksum_address(keccak(b"\xff" + bytes.fromhex(factory[2:]) + effective_salt + keccak(creation))[12:])


def test_wallet_stands_where_it_was_predicted_and_belongs_to_its_owner(ground: Ground, wallet_factory: Contract) -> None:
    salt = fresh_salt()
    predicted = wallet_factory.functions.walletAddress(ground.issuer, salt).call()
    assert ground.w3.eth.get_code(predicted) == b""
    receipt = ground.send(wallet_factory.functions.createWallet(ground.issuer, salt), ground.issuer)
    expected = {"wallet": predicted, "owner": ground.issuer, "salt": salt}
    assert ground.events(wallet_factory, "WalletCreated", receipt) == [expected]
    assert ground.events(wallet_factory, "WalletExisted", receipt) == []
    wallet = ground.contract("Wallet", predicted)
    assert wallet.functions.owner().call() == ground.issuer
    assert wallet.functions.FACTORY().call() == wallet_factory.address
    assert len(ground.w3.eth.get_code(predicted)) == 45
    moved = ground.events(wallet, "OwnershipTransferred", receipt)
    assert moved == [{"previousOwner": ZERO, "newOwner": ground.issuer}]


def test_address_can_be_worked_out_without_asking_the_factory(ground: Ground, wallet_factory: Contract) -> None:
    implementation = wallet_factory.functions.IMPLEMENTATION().call()
    for salt in (fresh_salt(), b"\xff" * 32, bytes(32)):
        mine = create2_address(wallet_factory.address, implementation, ground.issuer, salt)
        assert wallet_factory.functions.walletAddress(ground.issuer, salt).call() == mine


def test_same_salt_of_another_owner_is_another_wallet(ground: Ground, wallet_factory: Contract) -> None:
    salt = fresh_salt()
    wallets = []
    for owner in (ground.issuer, ground.other):
        receipt = ground.send(wallet_factory.functions.createWallet(owner, salt), ground.stranger)
        (created,) = ground.events(wallet_factory, "WalletCreated", receipt)
        wallets.append(ground.contract("Wallet", created["wallet"]))
    assert wallets[0].address != wallets[1].address
    assert [wallet.functions.owner().call() for wallet in wallets] == [ground.issuer, ground.other]


def test_replayed_creation_succeeds_and_changes_nothing(ground: Ground, wallet_factory: Contract) -> None:
    salt = fresh_salt()
    call = wallet_factory.functions.createWallet(ground.issuer, salt)
    ground.send(call, ground.issuer)
    address = wallet_factory.functions.walletAddress(ground.issuer, salt).call()
    ground.pay(address, COIN, ground.stranger)
    receipt = ground.send(call, ground.issuer)
    assert ground.events(wallet_factory, "WalletCreated", receipt) == []
    existed = ground.events(wallet_factory, "WalletExisted", receipt)
    assert existed == [{"wallet": address, "owner": ground.issuer, "salt": salt}]
    assert call.call() == address
    assert ground.balance(address) == COIN
    assert len(receipt["logs"]) == 1, "the wallet was given to its owner again"


def test_creation_that_somebody_ran_before_is_the_owners_wallet_all_the_same(ground: Ground, wallet_factory: Contract) -> None:
    salt = fresh_salt()
    call = wallet_factory.functions.createWallet(ground.issuer, salt)
    ground.send(call, ground.stranger)
    (existed,) = ground.events(wallet_factory, "WalletExisted", ground.send(call, ground.issuer))
    wallet = ground.contract("Wallet", existed["wallet"])
    assert wallet.functions.owner().call() == ground.issuer
    refused = revert_of("OwnableUnauthorizedAccount(address)", ground.stranger)
    assert ground.refusal(wallet.functions.execute(ground.stranger, 0, b""), ground.stranger) == refused


def test_wallet_that_was_handed_on_is_not_passed_off_as_the_first_owners(ground: Ground, wallet_factory: Contract) -> None:
    salt = fresh_salt()
    call = wallet_factory.functions.createWallet(ground.issuer, salt)
    ground.send(call, ground.issuer)
    wallet = ground.contract("Wallet", call.call())
    ground.send(wallet.functions.transferOwnership(ground.other), ground.issuer)
    assert call.call() == wallet.address, "an offer that nobody accepted changes nothing"
    ground.send(wallet.functions.acceptOwnership(), ground.other)
    refused = revert_of("WalletHandedOver(address,address)", wallet.address, ground.other)
    assert ground.refusal(call, ground.issuer) == refused


def test_wallet_for_nobody_is_refused(ground: Ground, wallet_factory: Contract) -> None:
    call = wallet_factory.functions.createWallet(ZERO, fresh_salt())
    assert ground.refusal(call, ground.issuer) == revert_of("OwnableInvalidOwner(address)", ZERO)


def test_what_was_sent_before_creation_is_in_the_wallet(
    ground: Ground, wallet_factory: Contract, new_token: Callable[..., Contract]
) -> None:
    salt, token = fresh_salt(), new_token(5)
    address = wallet_factory.functions.walletAddress(ground.issuer, salt).call()
    ground.pay(address, 3, ground.stranger)
    ground.send(token.functions.transfer(address, 5), ground.issuer)
    ground.send(wallet_factory.functions.createWallet(ground.issuer, salt), ground.issuer)
    wallet = ground.contract("Wallet", address)
    out = token.encode_abi("transfer", [ground.other, 5])
    ground.send(wallet.functions.executeBatch([(token.address, 0, out), (ground.stranger, 3, b"")]), ground.issuer)
    assert token.functions.balanceOf(ground.other).call() == 5
    assert ground.balance(address) == 0


# --- initialisation ----------------------------------------------------------------------------------------------------


def test_nobody_initialises_a_wallet_again(ground: Ground, wallet_factory: Contract, wallet: Contract) -> None:
    for sender in (ground.issuer, ground.stranger, wallet_factory.address):
        refused = revert_of("OwnableUnauthorizedAccount(address)", sender)
        assert ground.refusal(wallet.functions.initialize(sender), sender) == refused


def test_factory_has_no_right_over_its_wallets(ground: Ground, wallet_factory: Contract, wallet: Contract) -> None:
    refused = revert_of("OwnableUnauthorizedAccount(address)", wallet_factory.address)
    assert ground.refusal(wallet.functions.execute(ground.stranger, 0, b""), wallet_factory.address) == refused


def test_shared_code_has_no_owner_and_gets_none(ground: Ground, wallet_factory: Contract) -> None:
    shared = ground.contract("Wallet", wallet_factory.functions.IMPLEMENTATION().call())
    assert shared.functions.owner().call() == ZERO
    assert shared.functions.pendingOwner().call() == ZERO
    refused = revert_of("OwnableUnauthorizedAccount(address)", ground.stranger)
    for call in (
        shared.functions.initialize(ground.stranger),
        shared.functions.acceptOwnership(),
        shared.functions.transferOwnership(ground.stranger),
        shared.functions.execute(ground.stranger, 0, b""),
        shared.functions.executeBatch([]),
    ):
        assert ground.refusal(call, ground.stranger) == refused
    factory_is_no_owner = revert_of("OwnableUnauthorizedAccount(address)", wallet_factory.address)
    assert ground.refusal(shared.functions.execute(ground.stranger, 0, b""), wallet_factory.address) == factory_is_no_owner


def test_initialising_in_the_transaction_that_creates_is_refused(ground: Ground, wallet_factory: Contract) -> None:
    thief = ground.deploy("Thief")
    call = thief.functions.createAndInitialize(wallet_factory.address, ground.issuer, fresh_salt())
    assert ground.refusal(call, ground.stranger) == revert_of("OwnableUnauthorizedAccount(address)", thief.address)


def test_clone_made_without_the_factory_has_no_owner_and_gets_none(ground: Ground, wallet_factory: Contract) -> None:
    thief, salt = ground.deploy("Thief"), fresh_salt()
    call = thief.functions.cloneAndInitialize(wallet_factory.address, salt)
    assert ground.refusal(call, ground.stranger) == revert_of("OwnableUnauthorizedAccount(address)", thief.address)
    ground.send(thief.functions.cloneOnly(wallet_factory.address, salt), ground.stranger)
    clone = ground.contract("Wallet", thief.functions.made().call())
    assert clone.functions.owner().call() == ZERO
    refused = revert_of("OwnableUnauthorizedAccount(address)", ground.stranger)
    assert ground.refusal(clone.functions.initialize(ground.stranger), ground.stranger) == refused


def test_not_even_its_factory_initialises_a_wallet_twice(ground: Ground) -> None:
    factory = ground.deploy("ForgetfulFactory")
    ground.send(factory.functions.create(ground.issuer), ground.issuer)
    refused = revert_of("OwnableUnauthorizedAccount(address)", factory.address)
    assert ground.refusal(factory.functions.again(ground.stranger), ground.stranger) == refused
    assert ground.contract("Wallet", factory.functions.made().call()).functions.owner().call() == ground.issuer
