"""The reason of a mined revert, found by a replay."""

from dataclasses import replace

import pytest

from chalicelib.errors import ChainUnavailable
from tests.unit.chain.reading.transactions import OTHER, REVERT_DATA, TRANSFER, WHO
from tests.unit.chain.stub_node import Http, Refusal


def test_a_mined_revert_is_replayed_on_the_parents_state_with_the_same_fields(stub, node):
    stub.methods["eth_call"] = lambda call, tag: reverts() if tag == "0xf" else "0x"
    assert node.revert_reason(replace(TRANSFER, gas=70_000), 16) == "too late"
    call, tag = stub.params_of("eth_call")[0]
    assert tag == "0xf"
    assert {"from": WHO, "to": OTHER, "value": "0x5", "data": "0xa905", "gas": hex(70_000)}.items() <= call.items()
    assert len(stub.asked) == 1


def reverts():
    raise Refusal({"code": 3, "message": "execution reverted", "data": REVERT_DATA})


def test_a_revert_made_by_its_own_block_is_found_in_the_state_after_it(stub, node):
    stub.methods["eth_call"] = lambda call, tag: reverts() if tag == "0x10" else "0x"
    assert node.revert_reason(TRANSFER, 16) == "too late"


def test_a_revert_that_only_happens_at_a_gas_price_is_found(stub, node):
    stub.methods["eth_call"] = lambda call, tag: reverts() if "gasPrice" in call else "0x"
    assert node.revert_reason(TRANSFER, 16) == "too late"


def test_a_sender_too_poor_for_the_replays_price_is_replayed_without(stub, node):
    def replayed(call, _):
        if "gasPrice" in call:
            raise Refusal({"code": -32000, "message": "insufficient funds for gas * price + value"})
        return reverts()

    stub.methods["eth_call"] = replayed
    assert node.revert_reason(TRANSFER, 16) == "too late"


@pytest.mark.parametrize(
    ("answer", "said"),
    [("0x", "cannot be told"), (Refusal({"code": -32000, "message": "missing trie node ab"}), "missing trie node")],
)
def test_a_revert_that_cannot_be_replayed_is_said_to_be_so(stub, node, answer, said):
    stub.methods["eth_call"] = answer
    reason = node.revert_reason(TRANSFER, 16)
    assert said in reason
    assert reason.startswith("reverted")


@pytest.mark.parametrize("http", [Http(500, b""), Http(429, b"")])
def test_nobody_answering_is_no_reason(stub, node, http):
    stub.http = lambda body: http
    with pytest.raises(ChainUnavailable):
        node.revert_reason(TRANSFER, 16)
