"""Error objects as Hardhat 2.29.1 and Ganache 7.9.2 answer with them, and what each means. Both put an object into `data`."""

import pytest

from chalicelib.chain.reading.simulated_transfers import is_refused
from chalicelib.chain.rpc.answers import Answer
from chalicelib.chain.rpc.classify import classify_broadcast, classify_estimate
from chalicelib.jobs.ports import BroadcastStatus, Revert

OUT_OF_STOCK = "08c379a0" + "20".zfill(64) + "0c".zfill(64) + b"out of stock".hex().ljust(64, "0")


def hardhat(code, message, data=None, **more):
    return {"code": code, "message": message, "data": {"message": message, "data": data, **more}}


def ganache(message, told, result="0x", reason=None):
    """Of eth_estimateGas."""
    data = {"hash": None, "programCounter": 471, "result": result, "reason": reason, "message": told}
    return {
        "code": -32000,
        "name": "RuntimeError",
        "message": message,
        "stack": f"RuntimeError: {message}\n    at f",
        "data": data,
    }


VM = "VM Exception while processing transaction:"
SIMULATED = [
    ("out of stock", hardhat(-32603, f"Error: {VM} reverted with reason string 'out of stock'", "0x" + OUT_OF_STOCK)),
    (
        "custom error 0x0d6a419a",
        hardhat(-32603, f"Error: {VM} reverted with an unrecognized custom error (return data: 0x0d6a419a)", "0x0d6a419a"),
    ),
    ("reverted without a reason", hardhat(-32603, "Error: Transaction reverted without a reason string", "0x")),
    (
        "trying to deploy a contract whose code is too large",
        hardhat(-32603, "Error: Transaction reverted: trying to deploy a contract whose code is too large", "0x"),
    ),
    ("invalid opcode", hardhat(-32603, f"Error: {VM} invalid opcode", "0x")),
    ("Transaction ran out of gas", hardhat(-32000, "Transaction ran out of gas", "0x", txHash=None)),
    (
        "Transaction requires at least 21576 gas but got 21100",
        hardhat(-32000, "Transaction requires at least 21576 gas but got 21100"),
    ),
    ("create initcode size limit", hardhat(-32000, "create initcode size limit")),
    ("out of stock", ganache(f"{VM} revert out of stock", "revert", "0x" + OUT_OF_STOCK, "out of stock")),
    ("custom error 0x0d6a419a", ganache(f"{VM} revert", "revert", "0x0d6a419a")),
    ("reverted without a reason", ganache(f"{VM} revert", "revert")),
    ("invalid opcode", ganache(f"{VM} invalid opcode", "invalid opcode")),
    ("out of gas", ganache(f"{VM} out of gas", "out of gas")),
    (
        "base fee exceeds gas limit (vm hf=berlin -> block -> tx)",
        {"code": -32700, "message": "base fee exceeds gas limit (vm hf=berlin -> block -> tx)"},
    ),
    ("reverted without a reason", {"code": -32000, "name": "CallError", "message": f"{VM} revert", "data": "0x"}),
]


@pytest.mark.parametrize(("reason", "error"), SIMULATED)
def test_a_simulation_that_cannot_succeed_is_told_with_its_reason(reason, error):
    outcome = classify_estimate(error)
    assert isinstance(outcome, Revert)
    assert outcome.reason == reason


SENT = [
    (BroadcastStatus.NEVER_VALID, hardhat(-32000, "Transaction requires at least 21000 gas but got 20000")),
    (
        BroadcastStatus.REPLACEMENT_UNDERPRICED,
        hardhat(
            -32000,
            "Replacement transaction underpriced. A gasPrice/maxPriorityFeePerGas of at least 1100000000 is necessary to "
            "replace the existing transaction with nonce 0.",
        ),
    ),
    (
        BroadcastStatus.NEVER_VALID,
        hardhat(-32602, "Trying to send a raw transaction with an invalid chainId. The expected chainId is 122"),
    ),
    (
        BroadcastStatus.NONCE_TOO_LOW,
        {
            "code": -32000,
            "message": "the tx doesn't have the correct nonce. account has nonce of: 8 tx has nonce of: 7",
        },
    ),
    (
        BroadcastStatus.REPLACEMENT_UNDERPRICED,
        {"code": -32003, "message": "transaction can't be replaced, mining has already started. (please open an issue)"},
    ),
    (BroadcastStatus.UNDERPRICED, {"code": -32003, "message": "transaction underpriced"}),  # also of one that is in its pool
    (BroadcastStatus.UNFUNDED, {"code": -32003, "message": "insufficient funds for gas * price + value"}),
    (BroadcastStatus.NEVER_VALID, {"code": -32700, "message": "Invalid signature v value"}),  # another chain's
]


@pytest.mark.parametrize(("status", "error"), SENT)
def test_a_refused_transaction_has_its_meaning(status, error):
    assert classify_broadcast(error).status is status


@pytest.mark.parametrize(
    "error",
    [
        hardhat(-32004, "Method eth_simulateV1 is not supported"),
        {"code": -32700, "message": "The method eth_simulateV1 does not exist/is not available"},
    ],
)
def test_a_method_that_the_node_does_not_have_is_not_asked_for_again(error):
    assert is_refused(Answer(error=error))
