"""A stub as a node that stands at a block, and the `Node` that asks it."""

from chalicelib.chain.reading.node import Node
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.networks import FUSE, GWEI

WHO = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
OTHER = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
ETHER = 10**18


def standing_at(stub, number: int, *, mined: int = 9, wei: int = 10 * ETHER):
    """The stub, as a node at this block."""
    stub.methods |= {
        "eth_getBlockByNumber": {"number": hex(number), "baseFeePerGas": hex(10 * GWEI), "gasLimit": hex(20_000_000)},
        "eth_feeHistory": {"baseFeePerGas": [hex(10 * GWEI)] * 2, "gasUsedRatio": [0.5], "reward": [[hex(GWEI)]]},
        "eth_getTransactionCount": hex(mined),
        "eth_getBalance": hex(wei),
        "eth_estimateGas": hex(50_000),
        "eth_getTransactionReceipt": None,
    }
    return stub


def node_of(*stubs) -> Node:
    return Node(FUSE, RpcClient([stub.url for stub in stubs], chain_id=122, answer_seconds=5))
