"""CommunityToken and its factory: what a token starts with, who mints, who burns, who owns."""

from collections.abc import Callable

from web3.contract import Contract

from tests.contracts.ground import COIN, MAX_UINT256, ZERO, Ground, revert_of

NewToken = Callable[..., Contract]
URI = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"


def test_created_event_names_the_token_and_all_it_starts_with(ground: Ground, token_factory: Contract) -> None:
    supply = 1_000_000 * COIN + 1
    receipt = ground.send(token_factory.functions.createToken("Sonne ☀", "SUN", supply, URI), ground.issuer)
    (created,) = ground.events(token_factory, "TokenCreated", receipt)
    token = ground.contract("CommunityToken", created.pop("token"))
    assert created == {"owner": ground.issuer, "name": "Sonne ☀", "symbol": "SUN", "initialSupply": supply, "tokenURI": URI}
    assert token.functions.name().call() == "Sonne ☀"
    assert token.functions.symbol().call() == "SUN"
    assert token.functions.decimals().call() == 18
    assert token.functions.owner().call() == ground.issuer
    assert token.functions.totalSupply().call() == supply
    assert token.functions.balanceOf(ground.issuer).call() == supply
    assert token.functions.tokenURI().call() == URI
    assert ground.events(token, "Transfer", receipt) == [{"from": ZERO, "to": ground.issuer, "value": supply}]


def test_token_without_supply_or_uri_starts_empty(ground: Ground, token_factory: Contract) -> None:
    receipt = ground.send(token_factory.functions.createToken("", "", 0, ""), ground.issuer)
    (created,) = ground.events(token_factory, "TokenCreated", receipt)
    token = ground.contract("CommunityToken", created["token"])
    assert created["initialSupply"] == token.functions.totalSupply().call() == 0
    assert token.functions.tokenURI().call() == ""
    assert ground.events(token, "Transfer", receipt) == []


def test_same_request_twice_is_two_tokens_each_of_its_sender(ground: Ground, token_factory: Contract) -> None:
    call = token_factory.functions.createToken("Twin", "TWN", 1, "")
    created = [ground.events(token_factory, "TokenCreated", ground.send(call, who))[0] for who in (ground.issuer, ground.other)]
    assert created[0]["token"] != created[1]["token"]
    assert [event["owner"] for event in created] == [ground.issuer, ground.other]
    tokens = [ground.contract("CommunityToken", event["token"]) for event in created]
    assert [token.functions.owner().call() for token in tokens] == [ground.issuer, ground.other]
    assert tokens[0].functions.balanceOf(ground.other).call() == 0


def test_factory_has_no_right_over_its_tokens(ground: Ground, token_factory: Contract, new_token: NewToken) -> None:
    token = new_token(5)
    refused = revert_of("OwnableUnauthorizedAccount(address)", token_factory.address)
    assert ground.refusal(token.functions.mint(ground.stranger, 1), token_factory.address) == refused


def test_only_the_owner_mints(ground: Ground, new_token: NewToken) -> None:
    token = new_token()
    refused = revert_of("OwnableUnauthorizedAccount(address)", ground.stranger)
    assert ground.refusal(token.functions.mint(ground.stranger, 1), ground.stranger) == refused
    receipt = ground.send(token.functions.mint(ground.other, 7 * COIN), ground.issuer)
    assert token.functions.balanceOf(ground.other).call() == token.functions.totalSupply().call() == 7 * COIN
    assert ground.events(token, "Transfer", receipt) == [{"from": ZERO, "to": ground.other, "value": 7 * COIN}]


def test_mint_is_exact_at_any_size_and_never_wraps(ground: Ground, new_token: NewToken) -> None:
    token = new_token(1)
    ground.send(token.functions.mint(ground.other, MAX_UINT256 - 1), ground.issuer)
    assert token.functions.balanceOf(ground.other).call() == MAX_UINT256 - 1
    assert token.functions.totalSupply().call() == MAX_UINT256
    assert ground.refusal(token.functions.mint(ground.other, 1), ground.issuer) == revert_of("Panic(uint256)", 0x11)


def test_mint_to_nobody_is_refused(ground: Ground, new_token: NewToken) -> None:
    assert ground.refusal(new_token().functions.mint(ZERO, 1), ground.issuer) == revert_of(
        "ERC20InvalidReceiver(address)", ZERO
    )


def test_holders_burn_their_own_and_no_more(ground: Ground, new_token: NewToken) -> None:
    token = new_token(10)
    ground.send(token.functions.transfer(ground.other, 4), ground.issuer)
    ground.send(token.functions.burn(3), ground.other)
    assert token.functions.balanceOf(ground.other).call() == 1
    assert token.functions.totalSupply().call() == 7
    refused = revert_of("ERC20InsufficientBalance(address,uint256,uint256)", ground.other, 1, 2)
    assert ground.refusal(token.functions.burn(2), ground.other) == refused


def test_owner_cannot_burn_of_others_without_an_allowance(ground: Ground, new_token: NewToken) -> None:
    token = new_token(10)
    ground.send(token.functions.transfer(ground.other, 4), ground.issuer)
    refused = revert_of("ERC20InsufficientAllowance(address,uint256,uint256)", ground.issuer, 0, 1)
    assert ground.refusal(token.functions.burnFrom(ground.other, 1), ground.issuer) == refused


def test_burning_of_others_uses_up_the_allowance(ground: Ground, new_token: NewToken) -> None:
    token = new_token(10)
    ground.send(token.functions.approve(ground.stranger, 6), ground.issuer)
    ground.send(token.functions.burnFrom(ground.issuer, 4), ground.stranger)
    assert token.functions.balanceOf(ground.issuer).call() == token.functions.totalSupply().call() == 6
    refused = revert_of("ERC20InsufficientAllowance(address,uint256,uint256)", ground.stranger, 2, 3)
    assert ground.refusal(token.functions.burnFrom(ground.issuer, 3), ground.stranger) == refused


def test_only_the_owner_changes_the_uri(ground: Ground, new_token: NewToken) -> None:
    token = new_token(0, URI)
    refused = revert_of("OwnableUnauthorizedAccount(address)", ground.stranger)
    assert ground.refusal(token.functions.setTokenURI("https://x"), ground.stranger) == refused
    receipt = ground.send(token.functions.setTokenURI("https://example.org/sun.json"), ground.issuer)
    assert token.functions.tokenURI().call() == "https://example.org/sun.json"
    assert ground.events(token, "TokenURIChanged", receipt) == [{"tokenURI": "https://example.org/sun.json"}]


def test_ownership_moves_when_it_is_accepted_and_minting_with_it(ground: Ground, new_token: NewToken) -> None:
    token = new_token()
    not_the_other = revert_of("OwnableUnauthorizedAccount(address)", ground.other)
    ground.send(token.functions.transferOwnership(ground.other), ground.issuer)
    assert ground.refusal(token.functions.mint(ground.other, 1), ground.other) == not_the_other
    ground.send(token.functions.acceptOwnership(), ground.other)
    ground.send(token.functions.mint(ground.other, 1), ground.other)
    not_the_issuer = revert_of("OwnableUnauthorizedAccount(address)", ground.issuer)
    assert ground.refusal(token.functions.mint(ground.other, 1), ground.issuer) == not_the_issuer


def test_token_has_nothing_to_initialise(new_token: NewToken) -> None:
    changing = {
        entry["name"] for entry in new_token().abi if entry["type"] == "function" and entry["stateMutability"] != "view"
    }
    assert changing == {
        *("transfer", "transferFrom", "approve", "burn", "burnFrom", "mint", "setTokenURI"),
        *("transferOwnership", "acceptOwnership", "renounceOwnership"),
    }
