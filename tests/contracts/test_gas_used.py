"""What each call costs, printed as one table, and a ceiling for each: what a change makes dearer is seen here."""

from collections.abc import Callable

import pytest
from web3.contract import Contract

from tests.contracts.ground import COIN, Ground, fresh_salt

URI = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
CEILINGS = {
    "TokenFactory deployment": 1_250_000,
    "createToken": 950_000,
    "mint, to a new holder": 55_000,
    "mint": 37_500,
    "transfer, to a new holder": 53_500,
    "transfer": 35_500,
    "burn": 35_000,
    "burnFrom": 41_000,
    "setTokenURI": 38_500,
    "WalletFactory deployment": 1_120_000,
    "createWallet": 101_000,
    "createWallet, replayed": 33_500,
    "execute, native": 38_500,
    "execute, ERC-20 transfer": 46_000,
    "executeBatch, 10 ERC-20 transfers": 335_000,
    "transferOwnership": 52_000,
    "acceptOwnership": 32_000,
}
"""Gas of the whole transaction, a few per cent above what it was when this was written."""


def test_each_call_stays_under_its_ceiling(
    *,
    ground: Ground,
    token_factory: Contract,
    wallet_factory: Contract,
    new_token: Callable[..., Contract],
    wallet: Contract,
    capsys: pytest.CaptureFixture[str],
) -> None:
    token, salt = new_token(1_000 * COIN, URI), fresh_salt()
    ground.send(token.functions.transfer(wallet.address, 100 * COIN), ground.issuer)
    ground.send(token.functions.approve(ground.stranger, 10), ground.issuer)
    ground.pay(wallet.address, COIN, ground.stranger)
    out = (token.address, 0, token.encode_abi("transfer", [ground.other, 1]))
    holders = [ground.w3.eth.account.create().address for _ in range(10)]
    batch = [(token.address, 0, token.encode_abi("transfer", [holder, 1])) for holder in holders]

    used = {f"{name} deployment": ground.deployment(name)["gasUsed"] for name in ("TokenFactory", "WalletFactory")}
    for name, call, sender in (
        ("createToken", token_factory.functions.createToken("Solar", "SOL", 1_000 * COIN, URI), ground.issuer),
        ("mint, to a new holder", token.functions.mint(ground.other, COIN), ground.issuer),
        ("mint", token.functions.mint(ground.other, COIN), ground.issuer),
        ("transfer, to a new holder", token.functions.transfer(ground.stranger, COIN), ground.issuer),
        ("transfer", token.functions.transfer(ground.stranger, COIN), ground.issuer),
        ("burn", token.functions.burn(COIN), ground.issuer),
        ("burnFrom", token.functions.burnFrom(ground.issuer, 5), ground.stranger),
        ("setTokenURI", token.functions.setTokenURI("https://example.org/sol"), ground.issuer),
        ("createWallet", wallet_factory.functions.createWallet(ground.issuer, salt), ground.issuer),
        ("createWallet, replayed", wallet_factory.functions.createWallet(ground.issuer, salt), ground.issuer),
        ("execute, native", wallet.functions.execute(ground.other, 1, b""), ground.issuer),
        ("execute, ERC-20 transfer", wallet.functions.execute(*out), ground.issuer),
        ("executeBatch, 10 ERC-20 transfers", wallet.functions.executeBatch(batch), ground.issuer),
        ("transferOwnership", wallet.functions.transferOwnership(ground.other), ground.issuer),
        ("acceptOwnership", wallet.functions.acceptOwnership(), ground.other),
    ):
        used[name] = ground.send(call, sender)["gasUsed"]

    with capsys.disabled():
        print("\n\n" + "\n".join(f"{name:<36}{used[name]:>12,} gas" for name in CEILINGS))
    assert used.keys() == CEILINGS.keys()
    assert {name: gas for name, gas in used.items() if gas > CEILINGS[name]} == {}
