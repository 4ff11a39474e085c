"""What the service says to its contracts and reads of them, on the real ones: calls, events, tokens, wallets."""

from collections.abc import Callable
from typing import Any

import pytest
from web3.contract import Contract

from chalicelib.admin.ports import Token
from chalicelib.chain.contracts.contract_reader import ContractReader
from chalicelib.chain.contracts.service_contracts import ServiceContracts, events_of
from chalicelib.chain.reading.node import Node
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.jobs.ports import Code
from chalicelib.jobs.receipts import ContractEvent
from chalicelib.networks import FUSE
from tests.contracts.ground import COIN, MAX_UINT256, ZERO, Ground, call_data, fresh_salt

EMPTY = "0x00000000000000000000000000000000000000Fe"
"""Nobody's."""
IDENTITY = "0x0000000000000000000000000000000000000004"
"""A precompile: it has no code and returns what it is called with."""


@pytest.fixture(scope="session")
def rpc(ground: Ground) -> RpcClient:
    return RpcClient([ground.w3.provider.endpoint_uri], chain_id=FUSE.chain_id)  # type: ignore[attr-defined]


@pytest.fixture
def reader(rpc: RpcClient, wallet_factory: Contract) -> ContractReader:
    return ContractReader(rpc, wallet_factory.address)


def hash_of(receipt: Any) -> str:
    return f"0x{bytes(receipt['transactionHash']).hex()}"


def events_told(rpc: RpcClient, receipt: Any) -> tuple[ContractEvent, ...]:
    return Node(FUSE, rpc).receipts([hash_of(receipt)])[hash_of(receipt)].events


# --- calls -------------------------------------------------------------------------------------------------------------


def test_calls_are_those_that_the_contracts_own_interface_makes(
    ground: Ground, token_factory: Contract, wallet_factory: Contract, new_token: Callable[..., Contract], wallet: Contract
) -> None:
    calls, token, salt = ServiceContracts(), new_token(), fresh_salt()
    tokens, wallets = token_factory.functions, wallet_factory.functions
    texts = [("Solar", "SOL", 0, ""), ("Zażółć ☀", "太陽" * 40, MAX_UINT256, "ipfs://" + "x" * 500)]
    inner = bytes.fromhex(call_data(token.functions.transfer(ground.other, COIN))[2:])
    pairs = [
        *((calls.create_token(*text), tokens.createToken(*text)) for text in texts),
        (calls.create_wallet(ground.issuer, salt), wallets.createWallet(ground.issuer, salt)),
        (calls.mint(ground.other, MAX_UINT256), token.functions.mint(ground.other, MAX_UINT256)),
        (calls.burn(1), token.functions.burn(1)),
        (calls.transfer(ground.other, COIN), token.functions.transfer(ground.other, COIN)),
        (calls.wallet_execute(token.address, 3, inner), wallet.functions.execute(token.address, 3, inner)),
        (calls.wallet_execute(token.address, 0, b""), wallet.functions.execute(token.address, 0, b"")),
    ]
    for ours, theirs in pairs:
        assert f"0x{ours.hex()}" == call_data(theirs)


# --- events ------------------------------------------------------------------------------------------------------------


def test_the_event_of_a_token_names_it_and_its_owner(ground: Ground, rpc: RpcClient, token_factory: Contract) -> None:
    receipt = ground.send(token_factory.functions.createToken("Zażółć ☀", "SOL", MAX_UINT256, "ipfs://a"), ground.issuer)
    (expected,) = ground.events(token_factory, "TokenCreated", receipt)
    assert events_told(rpc, receipt) == (ContractEvent(token_factory.address, "TokenCreated", expected),)


def test_the_events_of_a_wallet_name_it_and_its_owner(ground: Ground, rpc: RpcClient, wallet_factory: Contract) -> None:
    call = wallet_factory.functions.createWallet(ground.issuer, fresh_salt())
    for name in ("WalletCreated", "WalletExisted"):
        receipt = ground.send(call, ground.issuer)
        (expected,) = ground.events(wallet_factory, name, receipt)
        assert events_told(rpc, receipt) == (ContractEvent(wallet_factory.address, name, expected),)


def test_events_of_other_contracts_are_none_of_the_services(
    ground: Ground, rpc: RpcClient, new_token: Callable[..., Contract]
) -> None:
    receipt = ground.send(new_token().functions.mint(ground.other, 5), ground.issuer)
    assert len(receipt["logs"]) == 1
    assert events_told(rpc, receipt) == ()


def test_an_event_is_its_contracts_whoever_that_is(ground: Ground, rpc: RpcClient) -> None:
    other_factory = ground.deploy("TokenFactory")
    receipt = ground.send(other_factory.functions.createToken("Fake", "SOL", 1, ""), ground.stranger)
    (event,) = events_of(rpc.call("eth_getTransactionReceipt", hash_of(receipt))["logs"])
    assert (event.contract, event.args["owner"]) == (other_factory.address, ground.stranger)


# --- tokens ------------------------------------------------------------------------------------------------------------


def test_a_community_token_tells_everything(ground: Ground, reader: ContractReader, new_token: Callable[..., Contract]) -> None:
    token = new_token(7 * COIN, "ipfs://a")
    ground.send(token.functions.transfer(ground.other, 1), ground.issuer)
    holders = [ground.issuer, ground.other, ground.stranger]
    balances = {holder: token.functions.balanceOf(holder).call() for holder in holders}
    expected = Token(token.address, 18, 7 * COIN, "Solar", "SOL", ground.issuer, "ipfs://a", balances)
    assert reader.token(token.address, holders) == expected
    assert balances == {ground.issuer: 7 * COIN - 1, ground.other: 1, ground.stranger: 0}


def test_a_token_without_a_uri_or_an_owner_tells_none(
    ground: Ground, reader: ContractReader, new_token: Callable[..., Contract]
) -> None:
    ours = reader.token(new_token().address)
    demo = ground.deploy("DemoToken", "Demo", "DEMO", ground.issuer)
    assert ours is not None
    assert ours.uri is None
    assert reader.token(demo.address) == Token(demo.address, 18, 0, "Demo", "DEMO")


def test_a_token_that_its_owner_gave_up_belongs_to_nobody(
    ground: Ground, reader: ContractReader, new_token: Callable[..., Contract]
) -> None:
    token = new_token()
    ground.send(token.functions.renounceOwnership(), ground.issuer)
    assert reader.owners([token.address]) == {token.address: ZERO}


def test_what_is_no_erc_20_is_no_token(
    ground: Ground, reader: ContractReader, token_factory: Contract, wallet: Contract
) -> None:
    others = [ground.deploy(name).address for name in ("Collectible", "Collection", "Reenterer", "Sink")]
    for address in (EMPTY, IDENTITY, ground.issuer, token_factory.address, wallet.address, *others):
        assert reader.token(address, [ground.issuer]) is None, address


# --- owners and wallets ------------------------------------------------------------------------------------------------


def test_owners_are_those_the_contracts_tell(
    ground: Ground, reader: ContractReader, new_token: Callable[..., Contract], wallet: Contract, token_factory: Contract
) -> None:
    token = new_token()
    expected = {token.address: ground.issuer, wallet.address: ground.issuer, token_factory.address: None, EMPTY: None}
    assert reader.owners(list(expected)) == expected


def test_a_wallet_is_its_owners_and_of_whom_it_was_handed_to(ground: Ground, reader: ContractReader, wallet: Contract) -> None:
    assert reader.wallet_owner(wallet.address) == ground.issuer
    ground.send(wallet.functions.transferOwnership(ground.other), ground.issuer)
    assert reader.wallet_owner(wallet.address) == ground.issuer
    ground.send(wallet.functions.acceptOwnership(), ground.other)
    assert reader.wallet_owner(wallet.address) == ground.other


def test_what_is_no_wallet_of_the_factorys_has_no_owner(
    ground: Ground, reader: ContractReader, wallet_factory: Contract, new_token: Callable[..., Contract]
) -> None:
    thief, forgetful, other_factory = ground.deploy("Thief"), ground.deploy("ForgetfulFactory"), ground.deploy("WalletFactory")
    ground.send(thief.functions.cloneOnly(wallet_factory.address, fresh_salt()), ground.stranger)
    ground.send(forgetful.functions.create(ground.issuer), ground.issuer)
    ground.send(other_factory.functions.createWallet(ground.issuer, salt := fresh_salt()), ground.issuer)
    none_of_ours = {
        "nobody": EMPTY,
        "an account": ground.issuer,
        "a token of the issuer's": new_token().address,
        "the factory": wallet_factory.address,
        "the code that wallets share": wallet_factory.functions.IMPLEMENTATION().call(),
        "a clone that the factory did not make": thief.functions.made().call(),
        "a clone of other code": forgetful.functions.made().call(),
        "a wallet of another factory": other_factory.functions.walletAddress(ground.issuer, salt).call(),
    }
    assert {name: reader.wallet_owner(address) for name, address in none_of_ours.items()} == dict.fromkeys(none_of_ours)


def test_a_wallet_is_known_from_the_block_that_it_was_made_in(
    ground: Ground, reader: ContractReader, wallet_factory: Contract
) -> None:
    salt = fresh_salt()
    address = wallet_factory.functions.walletAddress(ground.other, salt).call()
    assert reader.wallet_owner(address) is None
    ground.send(wallet_factory.functions.createWallet(ground.other, salt), ground.stranger)
    assert reader.wallet_owner(address) == ground.other


def test_a_wallet_is_told_from_other_contracts_whoever_had_it_made(
    ground: Ground, rpc: RpcClient, wallet_factory: Contract, new_token: Callable[..., Contract]
) -> None:
    salt = fresh_salt()
    wallet = wallet_factory.functions.walletAddress(ground.issuer, salt).call()
    ground.send(wallet_factory.functions.createWallet(ground.issuer, salt), ground.stranger)
    shared = wallet_factory.functions.IMPLEMENTATION().call()
    told = {
        wallet: Code.WALLET,
        new_token().address: Code.OTHER,
        shared: Code.OTHER,
        ground.issuer: Code.NONE,
        EMPTY: Code.NONE,
    }
    assert Node(FUSE, rpc, wallet_factory.address).code_at(list(told), 0) == told
    assert Node(FUSE, rpc).code_at([wallet], 0) == {wallet: Code.OTHER}


def test_a_factory_that_is_none_has_no_wallets(
    rpc: RpcClient, ground: Ground, token_factory: Contract, wallet: Contract
) -> None:
    for factory in (EMPTY, ground.issuer, token_factory.address, IDENTITY):
        assert ContractReader(rpc, factory).wallet_owner(wallet.address) is None


def test_counts_are_those_of_the_node(ground: Ground, reader: ContractReader) -> None:
    asked = [ground.issuer, ground.stranger, EMPTY]
    assert reader.transaction_counts(asked) == {
        address: ground.w3.eth.get_transaction_count(ground.w3.to_checksum_address(address)) for address in asked
    }
