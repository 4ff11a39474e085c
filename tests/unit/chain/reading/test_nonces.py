import pytest

from chalicelib.chain.reading.nonces import user_of_nonce
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.errors import ChainUnavailable
from tests.unit.chain.stub_node import Refusal

WHO = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
OTHER = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
MINED_AT = {0: 3, 1: 3, 2: 40, 3: 41, 4: 97}
"""The block each nonce of the account was mined in."""


@pytest.fixture
def rpc(stub):
    def count(address, tag):
        return hex(sum(block <= int(tag, 16) for block in MINED_AT.values()) if address == WHO else 0)

    def block(tag, full):
        assert full
        mined = [transaction(WHO, nonce) for nonce, at in MINED_AT.items() if at == int(tag, 16)]
        return {"transactions": [transaction(OTHER, 0), *mined, transaction(OTHER, 2)]}

    stub.methods |= {"eth_getTransactionCount": count, "eth_getBlockByNumber": block}
    return RpcClient([stub.url], chain_id=122)


def transaction(sender: str, nonce: int) -> dict[str, str]:
    return {"from": sender.lower(), "nonce": hex(nonce), "hash": hash_of(sender, nonce).upper().replace("0X", "0x")}


def hash_of(sender: str, nonce: int) -> str:
    return f"0x{sender[2:4].lower()}{nonce:062x}"


@pytest.mark.parametrize("nonce", MINED_AT)
@pytest.mark.parametrize("depth", [0, 1, 5, 60])
def test_the_transaction_that_used_a_nonce_is_found_however_deep(rpc, nonce, depth):
    assert user_of_nonce(rpc, WHO, nonce, MINED_AT[nonce] + depth) == hash_of(WHO, nonce)


@pytest.mark.parametrize("nonce", MINED_AT)
def test_a_nonce_used_after_the_block_is_not_used_yet(rpc, nonce):
    assert user_of_nonce(rpc, WHO, nonce, MINED_AT[nonce] - 1) is None


def test_a_nonce_nobody_used_has_no_user(rpc):
    assert user_of_nonce(rpc, WHO, 5, 1_000) is None


def test_the_search_takes_few_requests(rpc, stub):
    user_of_nonce(rpc, WHO, 4, 1_000_000)
    assert len(stub.asked) < 45


def test_state_the_node_no_longer_has_is_no_answer(rpc, stub):
    def pruned(_, tag):
        if int(tag, 16) < 90:
            raise Refusal({"code": -32000, "message": "missing trie node"})
        return "0x5"

    stub.methods["eth_getTransactionCount"] = pruned
    with pytest.raises(ChainUnavailable):
        user_of_nonce(rpc, WHO, 0, 100)


# --- authorizations (EIP-7702) -------------------------------------------------------------------------------------------

BLOCK_HASH = "0x" + "b" * 64


def block_with(stub, *transactions, hash_=BLOCK_HASH, code="0x"):
    """The block in which nonces 2 and 3 were used; the account has this code there."""
    stub.methods |= {"eth_getCode": code, "eth_blockNumber": "0x80"}
    stub.methods["eth_getTransactionCount"] = lambda _, tag: "0x2" if int(tag, 16) < 40 else "0x4"
    stub.methods["eth_getBlockByNumber"] = {"hash": hash_.upper().replace("0X", "0x"), "transactions": list(transactions)}


def sponsored(nonce: int) -> dict:
    return transaction(OTHER, 9) | {"type": "0x4", "authorizationList": [{"nonce": hex(nonce), "address": WHO}]}


def test_a_nonce_that_passed_in_a_block_without_a_transaction_of_the_account_was_used_by_an_authorization(rpc, stub):
    block_with(stub, transaction(OTHER, 0), sponsored(2))
    assert user_of_nonce(rpc, WHO, 2, 100) == BLOCK_HASH


def test_several_nonces_may_pass_in_one_block(rpc, stub):
    block_with(stub, transaction(WHO, 2), sponsored(3))
    assert user_of_nonce(rpc, WHO, 2, 100) == hash_of(WHO, 2)
    assert user_of_nonce(rpc, WHO, 3, 100) == BLOCK_HASH


def test_a_delegated_account_may_have_used_a_nonce_to_create_a_contract(rpc, stub):
    block_with(stub, transaction(OTHER, 0), code="0xef0100" + "1" * 40)
    assert user_of_nonce(rpc, WHO, 2, 100) == BLOCK_HASH


def test_that_the_account_has_no_transaction_in_the_block_proves_nothing(rpc, stub):
    """A node that answers 0 for states it has pruned, or that ignores the block it is asked for, shows such a block."""
    block_with(stub, transaction(OTHER, 0), sponsored(7))
    assert user_of_nonce(rpc, WHO, 2, 100) is None


def test_a_node_that_ignores_the_block_it_is_asked_for_proves_nothing(rpc, stub):
    block_with(stub, transaction(OTHER, 0), sponsored(2))
    stub.methods["eth_getTransactionCount"] = "0x4"
    assert user_of_nonce(rpc, WHO, 2, 100) is None


@pytest.mark.parametrize(
    "transactions",
    [
        [],
        ["0x" + "1" * 64],  # hashes alone
        [transaction(OTHER, 0), None],
        [transaction(OTHER, 0), {"from": OTHER, "nonce": "0x1"}],
        [transaction(OTHER, 0), {"hash": "0x" + "1" * 64, "nonce": "0x1"}],
        [transaction(OTHER, 0), transaction(OTHER, 1) | {"nonce": "one"}],
    ],
)
def test_a_block_that_was_not_read_whole_proves_nothing(rpc, stub, transactions):
    block_with(stub, *transactions)
    assert user_of_nonce(rpc, WHO, 2, 100) is None


def test_nor_does_one_without_a_hash(rpc, stub):
    block_with(stub, sponsored(2), hash_="0x")
    assert user_of_nonce(rpc, WHO, 2, 100) is None
