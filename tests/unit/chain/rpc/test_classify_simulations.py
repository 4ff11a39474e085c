"""What an error of eth_estimateGas and eth_call means: every client's texts, as they were read or seen on the wire."""

import pytest

from chalicelib.chain.rpc.classify import classify_estimate, is_unsupported, meets_own_bound
from chalicelib.jobs.ports import Revert, Unavailable, Unfunded
from tests.unit.chain.rpc.unsupported import NOT_SUPPORTED, SUPPORTED

ERROR_STRING = "0x08c379a0" + f"{32:064x}{17:064x}" + b"not enough tokens".hex().ljust(64, "0")
PANIC_11 = "0x4e487b71" + f"{0x11:064x}"
BALANCE_ERROR = "0xe450d38c" + f"{0xAB:064x}{1:064x}{5:064x}"
BALANCE_TEXT = "ERC20InsufficientBalance(sender=0x00000000000000000000000000000000000000AB, balance=1, needed=5)"
PANIC_TEXT = "panic 0x11: arithmetic overflow or underflow"

REVERTING = [
    # Error(string)
    ("geth", "not enough tokens", {"code": 3, "message": "execution reverted: not enough tokens", "data": ERROR_STRING}),
    (
        "nethermind new",
        "not enough tokens",
        {"code": 3, "message": "execution reverted: not enough tokens", "data": ERROR_STRING},
    ),
    ("nethermind 2025", "not enough tokens", {"code": -32000, "message": "execution reverted: not enough tokens"}),
    (
        "nethermind old, eth_call",
        "not enough tokens",
        {"code": -32015, "message": "VM execution error.", "data": "Reverted not enough tokens"},
    ),
    ("nethermind old, estimate", "not enough tokens", {"code": -32015, "message": "Reverted not enough tokens"}),
    ("nethermind old, both", "a b", {"code": -32015, "message": "Reverted a b", "data": "Reverted a b"}),
    ("erigon", "not enough tokens", {"code": 3, "message": "execution reverted: not enough tokens", "data": ERROR_STRING}),
    ("besu", "not enough tokens", {"code": -32000, "message": "Execution reverted: not enough tokens", "data": ERROR_STRING}),
    ("besu", "not enough tokens", {"code": -32000, "message": "Execution reverted", "data": ERROR_STRING}),
    ("parity", "not enough tokens", {"code": -32015, "message": "VM execution error.", "data": f"Reverted {ERROR_STRING}"}),
    ("reth", "not enough tokens", {"code": 3, "message": "execution reverted: not enough tokens", "data": ERROR_STRING}),
    ("anvil", "not enough tokens", {"code": 3, "message": "execution reverted: not enough tokens", "data": ERROR_STRING}),
    (
        "hardhat",
        "not enough tokens",
        {
            "code": -32000,
            "message": "Error: VM Exception while processing transaction: reverted with reason string 'not enough tokens'",
            "data": {"reason": "not enough tokens", "data": ERROR_STRING, "transactionHash": "0x" + "ab" * 32},
        },
    ),
    (
        "hardhat",
        "not enough tokens",
        {
            "code": -32000,
            "message": "VM Exception while processing transaction: reverted with reason string 'not enough tokens'",
        },
    ),
    ("any", "insufficient funds", {"code": -32000, "message": "execution reverted: insufficient funds"}),
    (
        "hardhat",
        "insufficient funds",
        {
            "code": -32000,
            "message": "reverted with reason string 'insufficient funds'",
            "data": {"reason": "insufficient funds"},
        },
    ),
    # Panic(uint256)
    ("geth", PANIC_TEXT, {"code": 3, "message": "execution reverted: arithmetic underflow or overflow", "data": PANIC_11}),
    (
        "nethermind old",
        "arithmetic overflow",
        {"code": -32015, "message": "VM execution error.", "data": "Reverted arithmetic overflow"},
    ),
    ("besu", PANIC_TEXT, {"code": -32000, "message": "Execution reverted", "data": PANIC_11}),
    ("parity", PANIC_TEXT, {"code": -32015, "message": "VM execution error.", "data": f"Reverted {PANIC_11}"}),
    (
        "anvil",
        PANIC_TEXT,
        {"code": 3, "message": "execution reverted: panic: arithmetic underflow or overflow (0x11)", "data": PANIC_11},
    ),
    (
        "hardhat",
        "panic code 0x11 (Arithmetic operation)",
        {
            "code": -32000,
            "message": "VM Exception while processing transaction: reverted with panic code 0x11 (Arithmetic operation)",
        },
    ),
    # custom errors
    ("geth", BALANCE_TEXT, {"code": 3, "message": "execution reverted", "data": BALANCE_ERROR}),
    ("nethermind new", BALANCE_TEXT, {"code": 3, "message": "execution reverted", "data": BALANCE_ERROR}),
    ("nethermind old", BALANCE_TEXT, {"code": -32015, "message": "VM execution error.", "data": f"Reverted {BALANCE_ERROR}"}),
    ("nethermind old, estimate", BALANCE_TEXT, {"code": -32015, "message": f"Reverted {BALANCE_ERROR}"}),
    ("besu", BALANCE_TEXT, {"code": -32000, "message": "Execution reverted", "data": BALANCE_ERROR}),
    (
        "anvil",
        BALANCE_TEXT,
        {"code": 3, "message": "execution reverted: custom error 0xe450d38c: \x00\x00\xab", "data": BALANCE_ERROR},
    ),
    ("reth", "custom error 0x1234abcd", {"code": 3, "message": "execution reverted", "data": "0x1234abcd"}),
    (
        "hardhat",
        BALANCE_TEXT,
        {
            "code": -32000,
            "message": f"reverted with an unrecognized custom error (return data: {BALANCE_ERROR})",
            "data": {"data": BALANCE_ERROR},
        },
    ),
    # no data
    ("geth", "reverted without a reason", {"code": 3, "message": "execution reverted", "data": "0x"}),
    ("geth before 2025", "reverted without a reason", {"code": -32000, "message": "execution reverted"}),
    ("nethermind new", "reverted without a reason", {"code": 3, "message": "execution reverted"}),
    ("nethermind old", "reverted without a reason", {"code": -32015, "message": "VM execution error.", "data": "revert"}),
    ("erigon", "reverted without a reason", {"code": 3, "message": "execution reverted"}),
    ("besu", "reverted without a reason", {"code": -32000, "message": "Execution reverted", "data": "0x"}),
    ("parity", "reverted without a reason", {"code": -32015, "message": "VM execution error.", "data": "Reverted 0x"}),
    ("reth", "reverted without a reason", {"code": 3, "message": "execution reverted"}),
    ("anvil", "reverted without a reason", {"code": 3, "message": "execution reverted", "data": "0x"}),
    ("hardhat", "reverted without a reason", {"code": -32000, "message": "Transaction reverted without a reason"}),
    ("any", "reverted without a reason", {"code": 3, "message": None, "data": None}),
    # out of gas, invalid opcode
    ("geth", "invalid opcode: INVALID", {"code": -32000, "message": "invalid opcode: INVALID"}),
    ("geth", "out of gas", {"code": -32000, "message": "out of gas"}),
    (
        "geth",
        "gas required exceeds allowance (30000000)",
        {"code": -32000, "message": "gas required exceeds allowance (30000000)"},
    ),
    ("nethermind new", "stack underflow", {"code": -32000, "message": "stack underflow"}),
    ("nethermind old", "BadInstruction", {"code": -32015, "message": "VM execution error.", "data": "BadInstruction"}),
    ("nethermind old", "OutOfGas", {"code": -32015, "message": "VM execution error.", "data": "OutOfGas"}),
    (
        "besu",
        "Transaction processing could not be completed due to an exception",
        {"code": -32000, "message": "Transaction processing could not be completed due to an exception"},
    ),
    ("reth", "out of gas: gas exhausted: 30000000", {"code": -32003, "message": "out of gas: gas exhausted: 30000000"}),
    ("reth", "EVM error: InvalidJump", {"code": -32003, "message": "EVM error: InvalidJump"}),
    ("anvil", "EVM error InvalidFEOpcode", {"code": -32603, "message": "EVM error InvalidFEOpcode"}),
    ("anvil", "EVM error OutOfGas", {"code": -32603, "message": "EVM error OutOfGas"}),
    (
        "anvil",
        "Out of gas: gas required exceeds allowance: 30000000",
        {"code": -32003, "message": "Out of gas: gas required exceeds allowance: 30000000"},
    ),
    ("hardhat", "invalid opcode", {"code": -32000, "message": "VM Exception while processing transaction: invalid opcode"}),
    ("hardhat", "Transaction ran out of gas", {"code": -32000, "message": "Transaction ran out of gas"}),
    (
        "geth",
        "intrinsic gas too low: gas 1, minimum needed 21000",
        {"code": -32000, "message": "intrinsic gas too low: gas 1, minimum needed 21000"},
    ),
]


FINAL = [
    ("nethermind old", -32015, "revert"),
    ("nethermind old", -32015, "Transaction execution fails"),
    ("nethermind", -32000, "Transaction execution fails"),
    ("nethermind", -32000, "Gas estimation failed due to out of gas"),
    (
        "nethermind",
        -32000,
        "Cannot estimate gas, gas spent exceeded transaction and block gas limit or transaction gas limit cap",
    ),
    ("nethermind", -32000, "err: EIP-3860 - transaction size over max init code size (supplied gas 30000000)"),
    ("nethermind old", -32015, "StackUnderflow"),
    ("nethermind old", -32015, "InvalidJumpDestination"),
    ("nethermind old", -32015, "StaticCallViolation"),
    ("nethermind old", -32015, "AccessViolation"),
    ("nethermind old", -32015, "TransactionCollision"),
    ("geth", -32000, "failed with 20000000 gas: insufficient gas for floor data gas cost: gas 37000, minimum needed 61000"),
    ("geth", -32000, "insufficient gas for floor data gas cost: gas 37000, minimum needed 61000"),
    ("geth", -32000, "max initcode size exceeded: code size 49153, limit 49152"),
    ("geth", -32000, "max code size exceeded"),
    ("geth", -32000, "contract creation code storage out of gas"),
    ("geth", -32000, "contract address collision"),
    ("geth", -32000, "invalid code: must not begin with 0xef"),
    ("geth", -32000, "return data out of bounds"),
    ("geth", -32000, "stack limit reached 1024 (1023)"),
    ("geth", -32000, "gas required exceeds allowance (16777216)"),
    ("besu", -32003, "intrinsic gas cost 61000 exceeds gas limit 37000"),
    ("besu", -32005, "Transaction gas limit must be at most 16777216"),
    ("besu", -32000, "Initcode size of 49153 exceeds maximum size of 49152"),
    ("reth", -32003, "out of memory: memory limit exceeded during memory expansion"),
    ("reth", -32003, "out of gas: gas required exceeds: 30000000"),
    ("reth", -32003, "max initcode size exceeded"),
    ("anvil", -32003, "max initcode size exceeded"),
    ("anvil", -32603, "EVM error CreateContractSizeLimit"),
    ("hardhat", -32000, "Transaction requires at least 21640 gas but got 21500"),
    ("hardhat", -32000, "Transaction requires gas floor of 61000 but got limit of 37000"),
    ("hardhat", -32000, "Transaction reverted: trying to deploy a contract whose code is too large"),
    ("hardhat", -32000, "Transaction's internal call ran out of gas"),
    ("hardhat", -32000, "StateChangeDuringStaticCall"),
    ("hardhat", -32000, "CallNotAllowedInsideStatic"),
    ("hardhat", -32000, "CreateCollision"),
    ("ganache", -32000, "VM Exception while processing transaction: out of gas"),
    ("ganache", -32000, "base fee exceeds gas limit"),
]


@pytest.mark.parametrize(("client", "code", "message"), FINAL)
def test_every_final_answer_to_an_estimate_is_one(client, code, message):
    assert isinstance(classify_estimate({"code": code, "message": message}), Revert)


@pytest.mark.parametrize("error", NOT_SUPPORTED, ids=lambda error: error["message"][:40])
def test_every_way_to_say_that_a_method_is_not_supported_is_known(error):
    assert is_unsupported(error)
    assert isinstance(classify_estimate(error), Unavailable)


@pytest.mark.parametrize("error", SUPPORTED)
def test_other_errors_do_not_say_that_a_method_is_not_supported(error):
    assert not is_unsupported(error)


@pytest.mark.parametrize(
    ("message", "met"),
    [
        ("execution aborted (timeout = 5s)", True),
        ("request timed out", True),
        ("Timeout expired", True),
        ("response too large", True),
        ("Response is too big", True),
        ("MaxBatchResponseBodySize of 32768KB exceeded", True),
        ("EVM error: database error: timeout", False),
        ("execution reverted: request timed out", False),
        ("header not found", False),
    ],
)
def test_a_nodes_own_bound_is_told_from_its_faults(message, met):
    assert meets_own_bound({"code": -32000, "message": message}) is met


@pytest.mark.parametrize(("client", "reason", "error"), REVERTING)
def test_every_clients_revert_has_its_reason(client, reason, error):
    outcome = classify_estimate(error)
    assert isinstance(outcome, Revert), outcome
    assert outcome.reason == reason


@pytest.mark.parametrize(
    "message",
    [
        "insufficient funds for transfer",
        "insufficient funds for gas * price + value: address 0xab have 0 want 21000",
        "err: insufficient funds for gas * price + value: address 0xab have 0 want 1 (supplied gas 30000000)",
        "gas required exceeds allowance (0)",
        "insufficient sender balance",
        "insufficient MaxFeePerGas for sender balance",
        "Upfront cost exceeds account balance",
        "Sender doesn't have enough funds to send tx. The max upfront cost is: 1 and the sender's balance is: 0.",
    ],
)
def test_a_sender_without_means_is_unfunded(message):
    assert isinstance(classify_estimate({"code": -32000, "message": message}), Unfunded)


def test_old_nethermind_hides_missing_means_behind_its_execution_error():
    assert isinstance(
        classify_estimate({"code": -32015, "message": "VM execution error.", "data": "insufficient sender balance"}), Unfunded
    )


def test_an_allowance_that_is_the_callers_own_gas_limit_is_no_lack_of_means():
    error = {"code": -32003, "message": "Out of gas: gas required exceeds allowance: 20000"}
    assert isinstance(classify_estimate(error, gas=20_000), Revert)
    assert isinstance(classify_estimate(error), Unfunded)


@pytest.mark.parametrize(
    "error",
    [
        {
            "code": -32005,
            "message": "daily request count exceeded, request rate limited",
            "data": {"see": "x", "current_rps": 9},
        },
        {"code": -32005, "message": "project ID request rate exceeded", "data": "upgrade your plan"},
        {"code": 429, "message": "Your app has exceeded its compute units per second capacity."},
        {"code": -32015, "message": "node timeout"},
        {"code": -32000, "message": "execution aborted (timeout = 5s)"},
        {"code": -32000, "message": "err: max fee per gas less than block base fee: address 0xab (supplied gas 30000000)"},
        {"code": -32000, "message": "miner premium is negative"},
        {"code": -32000, "message": "header not found"},
        {"code": -32003, "message": "EVM error: database error: timeout"},
        {"code": -32603, "message": "Internal error", "data": None},
        {"code": -32602, "message": "invalid argument 1: unsupported block tag"},
    ],
)
def test_limits_and_faults_of_the_node_are_no_revert(error):
    assert isinstance(classify_estimate(error), Unavailable)


def test_the_raw_revert_data_is_kept():
    outcome = classify_estimate({"code": -32015, "message": "VM execution error.", "data": f"Reverted {PANIC_11}"})
    assert outcome == Revert(PANIC_TEXT, bytes.fromhex(PANIC_11[2:]))
