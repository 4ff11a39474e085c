"""Tokens, as their contracts describe themselves."""

import unicodedata

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.chain.contracts.contract_reader import (
    FUNCTIONS,
    LONGEST_NAME,
    LONGEST_SYMBOL,
    LONGEST_URI,
    SELECTORS,
    ZERO_ADDRESS,
)
from chalicelib.jobs.ports import Call
from tests.unit.chain.contracts.stub_contracts import (
    ALICE,
    BOB,
    CLONE,
    INVALID_OPCODE,
    OWNER,
    REVERT,
    TOKEN,
    string,
    word,
)
from tests.unit.chain.stub_node import Refusal


def test_selectors_are_the_hashes_of_their_signatures():
    assert {signature: keccak(text=signature)[:4].hex() for signature in SELECTORS} == SELECTORS


def test_a_token_is_read_in_one_request(stub, contracts, reader):
    contracts.returns["balanceOf(address)"] = lambda holder: word(7 if holder.endswith("a1" * 20) else 2**256 - 1)
    token = reader.token(TOKEN, [ALICE, BOB, ALICE])
    assert (token.address, token.decimals, token.total_supply) == (TOKEN, 18, 10**24)
    assert (token.name, token.symbol, token.owner, token.uri) == ("Solar", "SOL", OWNER, "ipfs://bafy")
    assert token.balances == {ALICE: 7, BOB: 2**256 - 1}
    assert len(stub.asked) == 1


def test_without_holders_no_balance_is_told(reader):
    assert reader.token(TOKEN).balances == {}


@pytest.mark.parametrize("signature", ["name()", "symbol()", "owner()", "tokenURI()"])
@pytest.mark.parametrize("told", [REVERT, "0x", "0x01", word(2**255), "0x" + "ff" * 96])
def test_what_a_token_need_not_tell_is_left_out(contracts, reader, signature, told):
    contracts.returns[signature] = told
    token = reader.token(TOKEN)
    field = {"name()": "name", "symbol()": "symbol", "owner()": "owner", "tokenURI()": "uri"}[signature]
    value = getattr(token, field)
    assert value is None or (field in ("name", "symbol") and told == word(2**255)), "a bytes32 that is no UTF-8"
    others = {"name": "Solar", "symbol": "SOL", "owner": OWNER, "uri": "ipfs://bafy"}
    assert all(getattr(token, other) == others[other] for other in others if other != field)


@pytest.mark.parametrize("told", [REVERT, INVALID_OPCODE, "0x", "0x" + "00" * 31])
def test_a_token_need_not_tell_its_decimals(contracts, reader, told):
    contracts.returns["decimals()"] = told
    token = reader.token(TOKEN, [ALICE])
    assert (token.decimals, token.total_supply, token.balances) == (None, 10**24, {ALICE: 5})


def test_a_collection_of_single_pieces_is_no_token_though_it_counts_like_one(contracts, reader):
    contracts.returns |= {"decimals()": REVERT, "supportsInterface(bytes4)": word(1)}
    assert reader.token(TOKEN) is None


@pytest.mark.parametrize("signature", ["totalSupply()", "balanceOf(address)"])
@pytest.mark.parametrize(
    "told", [REVERT, "0x", "0x" + "00" * 31, Refusal({"code": -32000, "message": "invalid opcode: INVALID"})]
)
def test_what_does_not_answer_as_an_erc_20_is_no_token(contracts, reader, signature, told):
    contracts.returns[signature] = told
    assert reader.token(TOKEN, [ALICE]) is None
    assert reader.token(TOKEN) is None


@pytest.mark.parametrize(("decimals", "is_token"), [(0, True), (77, True), (78, False), (255, False), (2**256 - 1, False)])
def test_more_decimals_than_an_amount_can_have_is_no_token(contracts, reader, decimals, is_token):
    contracts.returns["decimals()"] = word(decimals)
    assert (reader.token(TOKEN) is not None) is is_token


def test_an_address_without_code_is_no_token_whatever_calls_return(contracts, reader):
    contracts.code = "0x"
    assert reader.token(TOKEN) is None


def test_names_of_the_oldest_tokens_are_read(contracts, reader):
    contracts.returns["name()"] = "0x" + b"Maker".ljust(32, b"\0").hex()
    contracts.returns["symbol()"] = "0x" + (b"M" * 32).hex()
    token = reader.token(TOKEN)
    assert (token.name, token.symbol) == ("Maker", "M" * 32)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Solar\nEnergy\t Coin", "Solar Energy Coin"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("SOL\u202eRALOS", "SOL\u202eRALOS"),
        ("\u200bUSDC\ufeff", "\u200bUSDC\ufeff"),
        ("two  spaces", "two  spaces"),
        ("a\x1bb\x00c", "abc"),
        ("a\u2028b", "a b"),
        ("Zażółć ☀ 太陽", "Zażółć ☀ 太陽"),
        (b"\xffSOL", "�SOL"),
        ("", None),
        ("\0\0", None),
        ("https://solar.example", "https://solar.example"),
    ],
)
def test_names_are_told_as_on_chain_but_on_one_line(contracts, reader, written, shown):
    contracts.returns["name()"] = string(written)
    assert reader.token(TOKEN).name == shown


def test_names_are_bounded(contracts, reader):
    contracts.returns |= {"name()": string("太" * 10_000), "symbol()": string("x" * 100_000)}
    token = reader.token(TOKEN)
    assert (len(token.name), len(token.symbol)) == (LONGEST_NAME, LONGEST_SYMBOL)


@pytest.mark.parametrize("uri", ["x" * (LONGEST_URI + 1), "", "https://a.example/\n", b"https://\xff", "a\u202eb"])
def test_a_uri_is_whole_or_not_told(contracts, reader, uri):
    contracts.returns["tokenURI()"] = string(uri)
    assert reader.token(TOKEN).uri is None


def test_a_uri_is_told_as_it_is(contracts, reader):
    contracts.returns["tokenURI()"] = string("https://a.example/b?c=d&e=" + "f" * 200)
    assert reader.token(TOKEN).uri == "https://a.example/b?c=d&e=" + "f" * 200


def test_the_owner_of_a_token_that_was_given_up_is_nobody(contracts, reader):
    contracts.returns["owner()"] = word(0)
    assert reader.token(TOKEN).owner == ZERO_ADDRESS


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(sorted(SELECTORS)), st.binary(max_size=200), min_size=1))
def test_whatever_a_contract_returns_is_a_token_or_none(contracts, reader, returns):
    before = dict(contracts.returns)
    contracts.returns |= {signature: f"0x{data.hex()}" for signature, data in returns.items()}
    token = reader.token(TOKEN, [ALICE])
    reader.wallet_owner(TOKEN)
    contracts.returns = before
    if token is not None:
        assert (token.decimals or 0) <= 77
        assert all(text is None or text for text in (token.name, token.symbol, token.uri))
        unwanted = {unicodedata.category(one) for text in (token.name, token.symbol) for one in text or ""} & {"Cc", "Cs"}
        assert not unwanted


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=64))
def test_a_printable_symbol_is_told_as_it_is(contracts, reader, symbol):
    contracts.returns["symbol()"] = string(symbol)
    assert reader.token(TOKEN).symbol == symbol


# --- what a contract can do, and refuses -------------------------------------------------------------------------------

MINT = "40c10f19"
RETURNS_FALSE = Call(ALICE, TOKEN, 0, b"transfer")


def test_the_selectors_of_what_jobs_call_are_the_hashes_of_their_signatures():
    signatures = {"mint": "mint(address,uint256)", "burn": "burn(uint256)", "transfer": "transfer(address,uint256)"}
    assert {name: keccak(text=signature)[:4].hex() for name, signature in signatures.items()} == FUNCTIONS


@pytest.mark.parametrize(
    ("code", "lacks"),
    [
        (f"0x63{MINT}14", {"burn", "transfer"}),
        ("0x6001", {"mint", "burn", "transfer"}),
        ("0x6001f4", set()),
        ("0x60f46001", {"mint", "burn", "transfer"}),
        (CLONE, set()),
        ("0xef0100" + "1a" * 20, set()),
    ],
    ids=["one that mints", "none", "it delegates", "a constant that looks like it", "a clone", "an account with code"],
)
def test_a_function_is_missing_where_its_selector_is_and_no_other_code_is_called(contracts, reader, code, lacks):
    contracts.code = code
    assert reader.token(TOKEN).lacks == lacks


@pytest.mark.parametrize(
    ("returned", "refuses"),
    [
        (word(0), True),
        (word(1), False),
        ("0x", False),
        (REVERT, False),
        ("0x" + encode(["bytes"], [bytes(32)]).hex(), True),
        ("0x" + encode(["bytes"], [bytes(31) + b"\1"]).hex(), False),
        ("0x" + encode(["bytes"], [b""]).hex(), False),
    ],
    ids=["false", "true", "nothing", "a revert", "false to a wallet", "true to a wallet", "nothing to a wallet"],
)
def test_a_call_that_returns_false_is_refused(stub, reader, returned, refuses):
    def call(transaction, tag):
        assert (transaction["from"], transaction["to"], transaction["data"], tag) == (
            ALICE,
            TOKEN,
            "0x7472616e73666572",
            "latest",
        )
        if isinstance(returned, Refusal):
            raise returned
        return returned

    stub.methods |= {"eth_call": call}
    assert reader.refuses(RETURNS_FALSE) is refuses
