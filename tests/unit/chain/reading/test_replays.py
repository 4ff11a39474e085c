"""Whether a mined revert passes with more gas: replayed without a limit, before and after its block."""

import pytest

from chalicelib.chain.reading.node import Node
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.ports import Call
from chalicelib.networks import FUSE
from tests.unit.chain.stub_node import Refusal

CALL = Call("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359", 0, b"\x01", 30_000)
REVERT = Refusal({"code": 3, "message": "execution reverted"})
UNFUNDED = Refusal({"code": -32000, "message": "insufficient funds for gas * price + value"})
THROTTLED = Refusal({"code": -32005, "message": "rate limit exceeded"})


@pytest.fixture
def node(stub):
    return Node(FUSE, RpcClient([stub.url], chain_id=122))


def answers(stub, before, after):
    """What eth_call answers on the state before block 16 and on that after it: at a gas price, and without one."""

    def call(fields, tag):
        assert "gas" not in fields
        priced, free = {"0xf": before, "0x10": after}[tag]
        answer = priced if "gasPrice" in fields else free
        if isinstance(answer, Exception):
            raise answer
        return answer

    stub.methods["eth_call"] = call


@pytest.mark.parametrize(
    ("before", "after", "passes"),
    [
        (("0x", "0x"), ("0x", "0x"), True),
        ((REVERT, REVERT), ("0x", "0x"), True),  # on the state that stood before it in its block
        (("0x", "0x"), (REVERT, REVERT), True),
        ((REVERT, REVERT), (REVERT, REVERT), False),
        ((REVERT, "0x"), (REVERT, "0x"), False),  # a contract that looks at the gas price
        ((UNFUNDED, "0x"), (UNFUNDED, REVERT), True),  # the sender cannot pay for so much gas
        ((UNFUNDED, UNFUNDED), (UNFUNDED, UNFUNDED), False),
    ],
)
def test_it_passes_where_one_of_its_states_lets_it(stub, node, before, after, passes):
    answers(stub, before, after)
    assert node.passes_with_more_gas(CALL, 16) is passes
    assert len(stub.bodies) <= 2, "one request, beside the first one's chain id"


def test_no_answer_is_not_taken_for_one(stub, node):
    answers(stub, (REVERT, REVERT), (THROTTLED, THROTTLED))
    with pytest.raises(ChainUnavailable):
        node.passes_with_more_gas(CALL, 16)
