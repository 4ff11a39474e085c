import unicodedata

import pytest
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.chain.contracts.contract_reader import (
    CALL_GAS,
    FUNCTIONS,
    LONGEST_NAME,
    LONGEST_SYMBOL,
    LONGEST_URI,
    SELECTORS,
    ZERO_ADDRESS,
    ContractReader,
)
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.ports import Call
from tests.unit.chain.stub_node import Http, Refusal

TOKEN = to_checksum_address("0x" + "cd" * 20)
OWNER = to_checksum_address("0x" + "ef" * 20)
ALICE = to_checksum_address("0x" + "a1" * 20)
BOB = to_checksum_address("0x" + "b0" * 20)
FACTORY = to_checksum_address("0x" + "fa" * 20)
IMPLEMENTATION = to_checksum_address("0x" + "1a" * 20)
CLONE = "0x363d3d373d3d3d363d73" + IMPLEMENTATION[2:].lower() + "5af43d82803e903d91602b57fd5bf3"
INVALID_OPCODE = Refusal({"code": -32000, "message": "invalid opcode: INVALID"})
REVERT = Refusal({"code": 3, "message": "execution reverted", "data": "0x"})
BY_SELECTOR = {selector: signature for signature, selector in SELECTORS.items()}


def word(value: int) -> str:
    return "0x" + value.to_bytes(32, "big").hex()


def address_word(address: str) -> str:
    return word(int(address, 16))


def string(value) -> str:
    return "0x" + encode(["bytes" if isinstance(value, bytes) else "string"], [value]).hex()


class Contracts:
    """What the contracts of a stub node return, by signature; a function of the holder for balanceOf."""

    def __init__(self, stub) -> None:
        self.code = "0x6001"
        self.returns = {
            "decimals()": word(18),
            "totalSupply()": word(10**24),
            "name()": string("Solar"),
            "symbol()": string("SOL"),
            "owner()": address_word(OWNER),
            "tokenURI()": string("ipfs://bafy"),
            "balanceOf(address)": word(5),
            "IMPLEMENTATION()": address_word(IMPLEMENTATION),
            "supportsInterface(bytes4)": REVERT,
        }
        stub.methods |= {"eth_blockNumber": "0x10", "eth_getCode": lambda *_: self.code, "eth_call": self.call}

    def call(self, transaction: dict, tag: str):
        assert (tag, transaction["gas"]) == ("latest", hex(CALL_GAS))
        told = self.returns[BY_SELECTOR[transaction["data"][2:10]]]
        told = told(transaction["data"][10:]) if callable(told) else told
        if isinstance(told, Refusal):
            raise told
        return told


@pytest.fixture
def contracts(stub):
    return Contracts(stub)


@pytest.fixture
def reader(stub, contracts):
    return ContractReader(RpcClient([stub.url], chain_id=122), FACTORY)


def test_selectors_are_the_hashes_of_their_signatures():
    assert {signature: keccak(text=signature)[:4].hex() for signature in SELECTORS} == SELECTORS


# --- tokens ------------------------------------------------------------------------------------------------------------


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


# --- owners and wallets ------------------------------------------------------------------------------------------------


def test_owners_of_many_are_read_in_one_request(stub, contracts, reader):
    addresses = [to_checksum_address(f"0x{number:040x}") for number in range(1, 101)]
    assert reader.owners([*addresses, addresses[0]]) == dict.fromkeys(addresses, OWNER)
    assert len(stub.asked) == 1
    contracts.returns["owner()"] = REVERT
    assert reader.owners([TOKEN]) == {TOKEN: None}


def test_a_clone_of_the_factorys_implementation_is_a_wallet(stub, contracts, reader):
    contracts.code = CLONE
    assert [reader.wallet_owner(TOKEN) for _ in range(2)] == [OWNER, OWNER]
    assert len(stub.asked) == 2
    asked = [call["data"] for call, _ in stub.params_of("eth_call")]
    assert asked.count(f"0x{SELECTORS['IMPLEMENTATION()']}") == 1, "it cannot change"


@pytest.mark.parametrize(
    "code",
    [
        "0x",
        "0x6001",
        CLONE.replace("1a" * 20, "1b" * 20),
        CLONE + "00",
        CLONE[:-2],
        "0x3d602d80600a3d3981f3" + CLONE[2:],
    ],
    ids=["no code", "another contract", "another implementation", "more code", "less code", "its creation code"],
)
def test_anything_else_is_no_wallet_whoever_it_says_owns_it(contracts, reader, code):
    contracts.code = code
    assert reader.wallet_owner(TOKEN) is None


def test_a_clone_that_nobody_owns_is_no_wallet(contracts, reader):
    contracts.code = CLONE
    contracts.returns["owner()"] = word(0)
    assert reader.wallet_owner(TOKEN) is None


@pytest.mark.parametrize("told", [REVERT, "0x"])
def test_a_factory_that_is_not_there_yet_is_asked_again(contracts, reader, told):
    contracts.code = CLONE
    contracts.returns["IMPLEMENTATION()"] = told
    assert reader.wallet_owner(TOKEN) is None
    contracts.returns["IMPLEMENTATION()"] = address_word(IMPLEMENTATION)
    assert reader.wallet_owner(TOKEN) == OWNER


def test_without_a_factory_there_are_no_wallets(stub, contracts):
    contracts.code = CLONE
    assert ContractReader(RpcClient([stub.url], chain_id=122), None).wallet_owner(TOKEN) is None
    assert stub.bodies == []


def test_counts_of_many_are_read_in_one_request(stub, reader):
    stub.methods["eth_getTransactionCount"] = lambda address, tag: "0x7" if address == ALICE else "0x0"
    assert reader.transaction_counts([ALICE, BOB]) == {ALICE: 7, BOB: 0}
    assert len(stub.asked) == 1


def test_nothing_asked_asks_nobody(stub, reader):
    assert (reader.transaction_counts([]), reader.owners([])) == ({}, {})
    assert stub.bodies == []


# --- nodes that do not answer ------------------------------------------------------------------------------------------

QUESTIONS = {
    "token": lambda reader: reader.token(TOKEN, [ALICE]),
    "owners": lambda reader: reader.owners([TOKEN]),
    "wallet_owner": lambda reader: reader.wallet_owner(TOKEN),
    "transaction_counts": lambda reader: reader.transaction_counts([ALICE]),
}
NO_ANSWERS = {
    "throttled": Refusal({"code": -32005, "message": "rate limit exceeded"}),
    "no state": Refusal({"code": -32000, "message": "missing trie node"}),
    "no such method": Refusal({"code": -32601, "message": "the method does not exist"}),
    "null": None,
    "a number": 7,
    "no hex": "0xzz",
    "half a byte": "0xz" + "0" * 64,
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("kind", NO_ANSWERS)
def test_no_answer_of_the_node_is_never_taken_for_one_of_the_contract(stub, reader, question, kind):
    def no_answer(*_):
        if isinstance(NO_ANSWERS[kind], Refusal):
            raise NO_ANSWERS[kind]
        return NO_ANSWERS[kind]

    stub.methods |= {"eth_call": no_answer, "eth_getTransactionCount": no_answer}
    with pytest.raises(ChainUnavailable):
        QUESTIONS[question](reader)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("method", ["eth_call", "eth_getTransactionCount", "eth_getCode", "eth_blockNumber"])
def test_an_answer_that_is_left_out_is_none(stub, contracts, reader, question, method):
    stub.methods["eth_getTransactionCount"] = "0x1"
    used = []

    def leaves_out(body):
        used.append(any(item["method"] == method for item in body))
        return Http(body=[stub.reply(item) for item in body if item["method"] != method])

    stub.http = leaves_out
    try:
        QUESTIONS[question](reader)
    except ChainUnavailable:
        assert used == [True]
    else:
        assert used == [False]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_node_that_lags_is_not_believed(stub, contracts, reader, question):
    stub.methods["eth_getTransactionCount"] = "0x1"
    QUESTIONS[question](reader)
    stub.methods["eth_blockNumber"] = "0xd"
    with pytest.raises(ChainUnavailable, match="behind"):
        QUESTIONS[question](reader)
    stub.methods["eth_blockNumber"] = "0xe"
    QUESTIONS[question](reader)
