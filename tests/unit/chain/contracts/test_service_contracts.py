import pytest
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.chain.contracts.service_contracts import ServiceContracts, events_of
from chalicelib.chain.reading.receipts import read_receipt
from chalicelib.errors import InvalidRequest
from chalicelib.jobs.receipts import ContractEvent

FACTORY = to_checksum_address("0x" + "ab" * 20)
TOKEN = to_checksum_address("0x" + "cd" * 20)
OWNER = to_checksum_address("0x" + "ef" * 20)
CREATED = "0x" + keccak(text="TokenCreated(address,address,string,string,uint256,string)").hex()
WALLET_CREATED = "0x" + keccak(text="WalletCreated(address,address,bytes32)").hex()
WALLET_EXISTED = "0x" + keccak(text="WalletExisted(address,address,bytes32)").hex()
TRANSFER = "0x" + keccak(text="Transfer(address,address,uint256)").hex()
SALT = bytes(range(32))


def topic(address: str) -> str:
    return "0x" + address[2:].lower().rjust(64, "0")


def log_of(first: str, data: bytes, *indexed: str) -> dict:
    return {"address": FACTORY.lower(), "topics": [first, *map(topic, indexed)], "data": f"0x{data.hex()}", "logIndex": "0x0"}


def token_created() -> dict:
    data = encode(["string", "string", "uint256", "string"], ["Solar ☀", "SOL", 2**256 - 1, ""])
    return log_of(CREATED, data, TOKEN, OWNER)


# --- calls -------------------------------------------------------------------------------------------------------------


def test_calls_start_with_the_hash_of_their_signature():
    calls = ServiceContracts()
    for data, signature in [
        (calls.create_token("Solar", "SOL", 1, ""), "createToken(string,string,uint256,string)"),
        (calls.create_wallet(OWNER, SALT), "createWallet(address,bytes32)"),
        (calls.mint(OWNER, 1), "mint(address,uint256)"),
        (calls.burn(1), "burn(uint256)"),
        (calls.transfer(OWNER, 1), "transfer(address,uint256)"),
        (calls.wallet_execute(OWNER, 0, b""), "execute(address,uint256,bytes)"),
    ]:
        assert data[:4] == keccak(text=signature)[:4]


@given(st.integers(0, 2**256 - 1))
def test_amounts_are_exact_at_any_size(amount):
    assert ServiceContracts().transfer(OWNER, amount)[4:] == encode(["address", "uint256"], [OWNER, amount])


@pytest.mark.parametrize(
    "call",
    [
        lambda calls: calls.mint(OWNER, 2**256),
        lambda calls: calls.mint(OWNER, -1),
        lambda calls: calls.transfer("0x12", 1),
        lambda calls: calls.create_wallet(OWNER, b"short"),
        lambda calls: calls.create_token("\ud800", "SOL", 1, ""),
    ],
)
def test_a_value_that_does_not_fit_is_a_fault_of_the_request(call):
    with pytest.raises(InvalidRequest):
        call(ServiceContracts())


# --- events ------------------------------------------------------------------------------------------------------------


def test_the_services_events_are_read_with_their_arguments_by_name():
    wallets = [log_of(first, SALT, TOKEN, OWNER) for first in (WALLET_CREATED, WALLET_EXISTED)]
    assert events_of([token_created(), *wallets]) == (
        ContractEvent(
            FACTORY,
            "TokenCreated",
            {"token": TOKEN, "owner": OWNER, "name": "Solar ☀", "symbol": "SOL", "initialSupply": 2**256 - 1, "tokenURI": ""},
        ),
        ContractEvent(FACTORY, "WalletCreated", {"wallet": TOKEN, "owner": OWNER, "salt": SALT}),
        ContractEvent(FACTORY, "WalletExisted", {"wallet": TOKEN, "owner": OWNER, "salt": SALT}),
    )


def test_topics_count_in_any_case():
    shouted = token_created()
    shouted["topics"][0] = "0x" + shouted["topics"][0][2:].upper()
    assert [event.name for event in events_of([shouted])] == ["TokenCreated"]


def without(key: str) -> dict:
    return {name: value for name, value in token_created().items() if name != key}


MALFORMED = {
    "another event": log_of(TRANSFER, bytes(32), TOKEN, OWNER),
    "anonymous": log_of(CREATED, b"") | {"topics": []},
    "no topics": without("topics"),
    "no data": without("data"),
    "no address": without("address"),
    "one topic too few": log_of(CREATED, bytes(256), TOKEN),
    "one topic too many": log_of(WALLET_CREATED, SALT, TOKEN, OWNER, OWNER),
    "no address in a topic": token_created() | {"topics": [CREATED, "0x" + "ff" * 32, topic(OWNER)]},
    "a short topic": token_created() | {"topics": [CREATED, TOKEN, topic(OWNER)]},
    "a topic that is none": token_created() | {"topics": [CREATED, None, 7]},
    "cut off": token_created() | {"data": token_created()["data"][:-64]},
    "no hex": token_created() | {"data": "0xzz"},
    "data is null": token_created() | {"data": None},
    "an offset out of the data": log_of(CREATED, b"\xff" * 256, TOKEN, OWNER),
    "no UTF-8": log_of(CREATED, encode(["bytes", "string", "uint256", "string"], [b"\xff", "", 1, ""]), TOKEN, OWNER),
    "no log": "0x",
    "null": None,
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_log_that_is_none_of_these_events_is_left_out_and_hides_no_other(kind):
    assert [event.name for event in events_of([MALFORMED[kind], token_created()])] == ["TokenCreated"]


@pytest.mark.parametrize("logs", [None, [], "", "0x", 7, {}, {"topics": [CREATED]}])
def test_logs_that_are_none_hold_no_events(logs):
    assert events_of(logs) == ()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=80) | st.sampled_from([CREATED, WALLET_CREATED, topic(OWNER)]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["topics", "data", "address"]), inner),
)


@settings(deadline=None)
@given(st.lists(json_values, max_size=4))
def test_whatever_a_node_calls_logs_raises_nothing(logs):
    events_of(logs)


@settings(deadline=None)
@given(st.sampled_from([CREATED, WALLET_CREATED]), st.lists(st.binary(max_size=40), max_size=4), st.binary(max_size=512))
def test_whatever_a_contract_logs_raises_nothing(first, topics, data):
    log = {"address": FACTORY, "topics": [first, *(f"0x{one.hex()}" for one in topics)], "data": f"0x{data.hex()}"}
    for event in events_of([log]):
        assert event.contract == FACTORY


# --- receipts ----------------------------------------------------------------------------------------------------------

RECEIPT = {
    "transactionHash": "0x" + "12" * 32,
    "blockHash": "0x" + "34" * 32,
    "blockNumber": "0x10",
    "status": "0x1",
    "gasUsed": "0x5208",
    "effectiveGasPrice": "0x1",
    "contractAddress": None,
}


def test_a_receipt_holds_the_services_events():
    receipt = read_receipt(RECEIPT["transactionHash"], RECEIPT | {"logs": [MALFORMED["another event"], token_created()]})
    assert [event.args["token"] for event in receipt.events] == [TOKEN]


@pytest.mark.parametrize("logs", [{}, {"logs": None}, {"logs": []}, {"logs": [None, 7, "0x"]}, {"logs": "none"}])
def test_a_receipt_is_one_whatever_its_logs(logs):
    assert read_receipt(RECEIPT["transactionHash"], RECEIPT | logs).events == ()


def test_a_receipt_of_a_deployment_names_the_contract():
    receipt = read_receipt(RECEIPT["transactionHash"], RECEIPT | {"contractAddress": TOKEN.lower()})
    assert receipt.contract_address == TOKEN
