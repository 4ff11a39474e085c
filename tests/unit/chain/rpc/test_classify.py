"""Every client's texts, as they were read in its sources or seen on the wire, and what each must mean."""

import pytest

from chalicelib.chain.rpc.classify import classify_broadcast, classify_estimate, is_throttled, is_unsupported, meets_own_bound
from chalicelib.jobs.ports import BroadcastStatus, Revert, Unavailable, Unfunded
from tests.unit.chain.rpc.unsupported import NOT_SUPPORTED, SUPPORTED

KNOWN = BroadcastStatus.KNOWN
LOW = BroadcastStatus.NONCE_TOO_LOW
HIGH = BroadcastStatus.NONCE_TOO_HIGH
PRICE = BroadcastStatus.UNDERPRICED
REPLACEMENT = BroadcastStatus.REPLACEMENT_UNDERPRICED
FUNDS = BroadcastStatus.UNFUNDED
FULL = BroadcastStatus.POOL_FULL
NEVER = BroadcastStatus.NEVER_VALID
THROTTLED = BroadcastStatus.THROTTLED
UNKNOWN = BroadcastStatus.UNKNOWN

# Nethermind "old" is what answers with -32010 and enum names, "new" what answers with sentences.
SENDING = [
    # nonce too low
    ("geth", LOW, -32000, "nonce too low: next nonce 8, tx nonce 7"),
    ("nethermind new", LOW, -32000, "nonce too low, Current nonce: 8"),
    ("nethermind old", LOW, -32010, "OldNonce, Current nonce: 8, nonce of rejected tx: 7"),
    ("nethermind old", LOW, -32010, "nonce too low"),
    ("erigon", LOW, -32000, "INTERNAL_ERROR: nonce too low"),
    ("besu", LOW, -32001, "Nonce too low"),
    ("parity", LOW, -32010, "Transaction nonce is too low. Try incrementing the nonce."),
    ("reth", LOW, -32000, "nonce too low: next nonce 8, tx nonce 7"),
    ("anvil", LOW, -32003, "nonce too low"),
    ("hardhat", LOW, -32000, "Transaction nonce too low. Expected nonce to be at least 8 but got 7."),
    ("hardhat", LOW, -32000, "Nonce too low. Expected nonce to be 8 but got 7."),
    ("geth", UNKNOWN, -32000, "EIP-7702: authority nonce too low"),
    # nonce too high
    ("geth", HIGH, -32000, "nonce too high: tx nonce 9, gapped nonce 7"),
    ("nethermind new", HIGH, -32000, "nonce too high, Expected nonce: 7"),
    ("nethermind new", HIGH, -32000, "nonce too far in future"),
    ("nethermind old", HIGH, -32010, "NonceGap, Future nonce. Expected nonce: 7"),
    ("nethermind old", HIGH, -32010, "NonceTooFarInFuture"),
    ("besu", HIGH, -32006, "Nonce too high"),
    ("besu", HIGH, -32000, "Transaction nonce is too distant from current sender nonce"),
    ("besu", HIGH, -32000, "An invalid transaction with a lower nonce exists"),
    ("reth", HIGH, -32000, "nonce too high"),
    (
        "hardhat",
        HIGH,
        -32000,
        "Nonce too high. Expected nonce to be 7 but got 9. Note that transactions can't be queued when automining.",
    ),
    # already known
    ("geth", KNOWN, -32000, "already known"),
    ("geth", KNOWN, -32000, "known transaction: 5e0c5ff1"),
    ("nethermind new", KNOWN, -32000, "already known"),
    ("nethermind old", KNOWN, -32010, "AlreadyKnown"),
    ("nethermind old", KNOWN, -32010, "OwnNonceAlreadyUsed"),
    ("erigon", KNOWN, -32000, "ALREADY_EXISTS: already known"),
    ("erigon", KNOWN, -32000, "INTERNAL_ERROR: existing txn with same hash"),
    ("besu", KNOWN, -32000, "Known transaction"),
    ("parity", KNOWN, -32010, "Transaction with the same hash was already imported."),
    ("reth", KNOWN, -32000, "already known"),
    ("anvil", KNOWN, -32003, "transaction already imported"),
    ("hardhat", KNOWN, -32000, "Known transaction: 0x5e0c5ff1"),
    # replacement underpriced
    ("geth", REPLACEMENT, -32000, "replacement transaction underpriced"),
    ("geth", REPLACEMENT, -32000, "future transaction tries to replace pending"),
    ("nethermind new", REPLACEMENT, -32000, "replacement transaction underpriced"),
    ("nethermind old", REPLACEMENT, -32010, "ReplacementNotAllowed"),
    ("erigon", REPLACEMENT, -32000, "FEE_TOO_LOW: replacement transaction underpriced"),
    ("erigon", REPLACEMENT, -32000, "INTERNAL_ERROR: could not replace existing tx"),
    ("besu", REPLACEMENT, -32000, "Replacement transaction underpriced"),
    (
        "parity",
        REPLACEMENT,
        -32010,
        "Transaction gas price 10000000000wei is too low. There is another transaction with same nonce in the queue with "
        "gas price 11000000000wei. Try increasing the gas price or incrementing the nonce.",
    ),
    ("reth", REPLACEMENT, -32000, "replacement transaction underpriced"),
    ("reth", REPLACEMENT, -32000, "insufficient gas price to replace existing transaction"),
    ("anvil", REPLACEMENT, -32003, "replacement transaction underpriced"),
    (
        "hardhat",
        REPLACEMENT,
        -32000,
        "Replacement transaction underpriced. A gasPrice/maxFeePerGas of at least 11 is necessary to replace the other one.",
    ),
    # max fee below base fee
    ("besu", PRICE, -32009, "Gas price below current base fee"),
    ("reth", PRICE, -32000, "max fee per gas less than block base fee"),
    ("anvil", PRICE, -32003, "max fee per gas less than block base fee"),
    (
        "hardhat",
        PRICE,
        -32000,
        "Transaction maxFeePerGas (1) is too low for the next block, which has a baseFeePerGas of 875000000",
    ),
    # below the node's minimum
    ("geth", PRICE, -32000, "transaction underpriced: gas tip cap 0, minimum needed 1"),
    ("geth", PRICE, -32000, "transaction gas price below minimum: gas tip cap 0, minimum needed 1"),
    ("nethermind new", PRICE, -32000, "transaction underpriced, EffectivePriorityFeePerGas too low 0 < 1, BaseFee: 7"),
    ("nethermind old", PRICE, -32010, "FeeTooLow, EffectivePriorityFeePerGas too low 0 < 1000000000, BaseFee: 10000000000"),
    ("nethermind old", PRICE, -32010, "FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1, BaseFee: 10000000000"),
    ("erigon", PRICE, -32000, "FEE_TOO_LOW: underpriced"),
    ("erigon", PRICE, -32000, "FEE_TOO_LOW: fee too low"),
    ("besu", PRICE, -32009, "Gas price below configured minimum gas price"),
    (
        "parity",
        PRICE,
        -32010,
        "Transaction gas price is too low. It does not satisfy your node's minimal gas price (minimal: 11, got: 1).",
    ),
    ("reth", PRICE, -32000, "transaction underpriced"),
    ("reth", PRICE, -32003, "transaction priority fee below minimum required priority fee 1000000"),
    ("hardhat", PRICE, -32000, "Transaction gas price is 1, which is below the minimum of 8"),
    # pool full
    ("geth", FULL, -32000, "txpool is full"),
    ("geth", FULL, -32000, "account limit exceeded: pooled 17 txs"),
    ("geth", FULL, -32000, "in-flight transaction limit reached for delegated accounts"),
    ("nethermind new", PRICE, -32000, "transaction underpriced"),
    ("nethermind old", FULL, -32010, "FeeTooLowToCompete"),
    (
        "nethermind old",
        FULL,
        -32010,
        "FeeTooLow, FeePerGas needs to be higher than 7 to be added to the TxPool. FeePerGas of rejected tx: 6.",
    ),
    ("erigon", FULL, -32000, "INTERNAL_ERROR: pending sub-pool is full"),
    ("erigon", FULL, -32000, "INTERNAL_ERROR: baseFee sub-pool is full"),
    ("erigon", FULL, -32000, "INTERNAL_ERROR: queued sub-pool is full"),
    ("erigon", FULL, -32000, "INTERNAL_ERROR: spammer"),
    (
        "parity",
        FULL,
        -32010,
        "There are too many transactions in the queue. Your transaction was dropped due to limit. Try increasing the fee.",
    ),
    ("reth", FULL, -32003, "txpool is full"),
    # tip above the maximum fee
    (
        "geth",
        NEVER,
        -32000,
        "max priority fee per gas higher than max fee per gas: address 0xab, maxPriorityFeePerGas: 2, maxFeePerGas: 1",
    ),
    ("nethermind new", NEVER, -32000, "transaction invalid, InvalidMaxPriorityFeePerGas: Cannot be higher than maxFeePerGas."),
    ("nethermind old", NEVER, -32010, "Invalid"),
    ("besu", NEVER, -32000, "Max priority fee per gas exceeds max fee per gas"),
    ("reth", NEVER, -32003, "max priority fee per gas higher than max fee per gas"),
    ("anvil", NEVER, -32003, "max priority fee per gas higher than max fee per gas"),
    # insufficient funds
    ("geth", FUNDS, -32000, "insufficient funds for gas * price + value: balance 0, tx cost 21000, overshot 21000"),
    ("nethermind new", FUNDS, -32000, "insufficient funds for gas * price + value, Account balance: 0"),
    ("nethermind old", FUNDS, -32010, "InsufficientFunds, Account balance: 0, cumulative cost: 21000"),
    ("nethermind old", FUNDS, -32010, "InsufficientFunds, Balance is zero, cannot pay gas"),
    ("nethermind old", FUNDS, -32010, "Balance is zero, cannot pay gas"),
    ("erigon", FUNDS, -32000, "INTERNAL_ERROR: insufficient funds"),
    ("besu", FUNDS, -32004, "Upfront cost exceeds account balance"),
    (
        "parity",
        FUNDS,
        -32010,
        "Insufficient funds. The account you tried to send transaction from does not have enough funds. Required 1, got: 0.",
    ),
    ("reth", FUNDS, -32003, "insufficient funds for gas * price + value: have 0 want 21000"),
    ("anvil", FUNDS, -32003, "Insufficient funds for gas * price + value"),
    (
        "hardhat",
        FUNDS,
        -32000,
        "Sender doesn't have enough funds to send tx. The max upfront cost is: 21000 and the sender's balance is: 0.",
    ),
    # intrinsic gas
    ("geth", NEVER, -32000, "intrinsic gas too low: gas 20999, minimum needed 21000"),
    ("geth", NEVER, -32000, "insufficient gas for floor data gas cost: gas 21000, minimum needed 21400"),
    ("nethermind new", NEVER, -32000, "transaction invalid, intrinsic gas too low"),
    ("nethermind old", NEVER, -32010, "Invalid"),
    ("erigon", NEVER, -32000, "INTERNAL_ERROR: IntrinsicGas"),
    ("besu", NEVER, -32003, "Intrinsic gas exceeds gas limit"),
    (
        "parity",
        NEVER,
        -32010,
        "Transaction gas is too low. There is not enough gas to cover minimal cost of the transaction (minimal: 2, got: 1).",
    ),
    ("reth", NEVER, -32000, "intrinsic gas too low"),
    ("anvil", NEVER, -32000, "intrinsic gas too low"),
    ("anvil", NEVER, -32000, "intrinsic gas too high -- CallGasCostMoreThanGasLimit"),
    # gas above the block's
    ("geth", NEVER, -32000, "exceeds block gas limit"),
    ("geth", NEVER, -32000, "transaction gas limit too high (cap: 16777216, tx: 20000000)"),
    ("nethermind new", NEVER, -32000, "gas limit reached, Gas limit: 20000000"),
    ("nethermind old", NEVER, -32010, "GasLimitExceeded, Gas limit: 20000000, gas limit of rejected tx: 30000000"),
    ("erigon", NEVER, -32000, "INTERNAL_ERROR: gas limit is too high"),
    ("besu", NEVER, -32005, "Transaction gas limit exceeds block gas limit"),
    (
        "parity",
        NEVER,
        -32010,
        "Transaction cost exceeds current gas limit. Limit: 20000000, got: 30000000. Try decreasing supplied gas.",
    ),
    ("parity", NEVER, -32010, "Supplied gas is beyond limit."),
    ("reth", NEVER, -32000, "exceeds block gas limit"),
    ("reth", NEVER, -32000, "exceeds max transaction gas limit"),
    ("anvil", NEVER, -32000, "intrinsic gas too high -- tx.gas_limit > env.block.gas_limit"),
    ("hardhat", NEVER, -32000, "Transaction gas limit is 60000000 and exceeds block gas limit of 30000000"),
    # another chain's
    ("geth", NEVER, -32000, "invalid sender: invalid chain id for signer: have 1 want 122"),
    ("nethermind new", NEVER, -32000, "transaction invalid, InvalidTxChainId: Expected 122, got 1."),
    ("nethermind old", NEVER, -32010, "Invalid"),
    ("erigon", NEVER, -32000, "invalid chain id, expected: 122 got: 1"),
    ("besu", NEVER, -32000, "Wrong chainId"),
    ("parity", NEVER, -32010, "Invalid chain id."),
    ("reth", NEVER, -32000, "invalid chain ID"),
    ("anvil", NEVER, -32003, "invalid chain id for signer"),
    ("hardhat", NEVER, -32602, "Trying to send an incompatible EIP-155 transaction, signed for another chain."),
    ("hardhat", NEVER, -32602, "Invalid chainId 1 provided, expected 122 instead."),
    # malformed
    ("geth", NEVER, -32000, "rlp: expected input list for types.LegacyTx"),
    ("geth", NEVER, -32000, "typed transaction too short"),
    ("geth", NEVER, -32000, "transaction type not supported"),
    ("nethermind new", NEVER, -32000, "Invalid RLP."),
    ("nethermind new", NEVER, -32602, "Invalid RLP: unexpected prefix"),
    ("nethermind old", NEVER, -32010, "Invalid RLP."),
    ("besu", NEVER, -32602, "Invalid params"),
    ("parity", NEVER, -32602, "Invalid RLP."),
    ("parity", UNKNOWN, -32009, "Unknown error when sending transaction."),
    ("reth", NEVER, -32602, "failed to decode signed transaction"),
    ("reth", NEVER, -32602, "empty transaction data"),
    ("anvil", NEVER, -32602, "Failed to decode transaction"),
    ("anvil", NEVER, -32602, "Empty transaction data"),
    ("anvil", NEVER, -32602, "Unknown transaction type not supported"),
    # bad signature
    ("geth", NEVER, -32000, "invalid sender: invalid transaction v, r, s values"),
    ("nethermind new", NEVER, -32000, "failed to recover sender"),
    ("nethermind new", NEVER, -32000, "transaction invalid, InvalidTxSignature: Signature is invalid."),
    ("nethermind old", NEVER, -32010, "Invalid"),
    ("nethermind old", NEVER, -32010, "FailedToResolveSender"),
    ("nethermind old", UNKNOWN, -32603, "Value cannot be null. (Parameter 'address')"),
    ("erigon", NEVER, -32000, "INVALID: invalid sender"),
    ("besu", NEVER, -32002, "Invalid signature"),
    ("parity", NEVER, -32010, "Invalid signature: InvalidSignature"),
    ("reth", NEVER, -32602, "invalid transaction signature"),
    ("anvil", NEVER, -32602, "Failed to decode transaction"),
    # syncing, pool off
    ("nethermind new", THROTTLED, -32000, "node is syncing"),
    ("erigon", THROTTLED, -32000, "TxPool Disabled"),
    ("besu", THROTTLED, -32002, "Transaction pool not enabled. (Either txpool explicitly disabled, or node not yet in sync)."),
    ("besu", THROTTLED, -32008, "Initial sync is still in progress"),
    ("parity", THROTTLED, -32001, "Still syncing."),
    ("parity", THROTTLED, -32066, "Node is not connected to any peers."),
    # limits of providers
    ("infura", THROTTLED, -32005, "daily request count exceeded, request rate limited"),
    ("infura", THROTTLED, -32005, "project ID request rate exceeded"),
    ("alchemy", THROTTLED, 429, "Your app has exceeded its compute units per second capacity."),
    ("quicknode", THROTTLED, 429, "The requests per second (RPS) of your requests are higher than your plan allows."),
    ("quicknode", THROTTLED, -32007, "50/second request limit reached - reduce calls per second or upgrade your account"),
    ("any", THROTTLED, 429, "rpc.example answered HTTP 429"),
    ("any", THROTTLED, "429", "slow down"),
    ("any", THROTTLED, -32005, "Too Many Requests"),
    ("any", THROTTLED, -32005, "limit exceeded"),
    # the code that creates a contract is too large
    ("geth", NEVER, -32000, "max initcode size exceeded: code size 49153, limit 49152"),
    ("nethermind new", NEVER, -32000, "transaction invalid, max initcode size exceeded"),
    ("nethermind old", NEVER, -32010, "EIP-3860 - transaction size over max init code size"),
    ("erigon", NEVER, -32000, "INTERNAL_ERROR: initcode too large"),
    ("besu", NEVER, -32000, "Initcode size of 49153 exceeds maximum size of 49152"),
    ("reth", NEVER, -32000, "transaction's input size 49153 exceeds max_init_code_size 49152"),
    (
        "ganache",
        NEVER,
        -32000,
        "Transaction's `data`/`input` field is greater than 49152 bytes, which isn't allowed as of EIP-3860.",
    ),
    # the cap of one transaction (EIP-7825)
    ("geth", NEVER, -32000, "transaction gas limit too high (cap: 16777216, tx: 17000000)"),
    ("nethermind", NEVER, -32000, "TxGasLimitCapExceeded: Gas limit 17000000 exceeded cap of 16777216."),
    ("besu", NEVER, -32005, "Transaction gas limit cap exceeded"),
    ("besu", NEVER, -32005, "Transaction gas limit must be at most 16777216"),
    ("reth", NEVER, -32000, "transaction's gas limit 17000000 exceeds maximum per-transaction gas limit 16777216"),
    ("hardhat", NEVER, -32000, "Transaction gas limit is 17000000 and exceeds transaction gas cap of 16777216"),
    # the block's
    ("reth", NEVER, -32000, "transaction's gas limit 30000001 exceeds block's gas limit 30000000"),
    ("hardhat", NEVER, -32000, "Transaction gas limit is 30000001 and exceeds block gas limit of 30000000"),
    ("anvil", NEVER, -32003, "Transaction gas limit is greater than the block gas limit, gas_limit: 31, cap: 30"),
    # too little for its data
    ("geth", NEVER, -32000, "insufficient gas for floor data gas cost: gas 37000, minimum needed 61000"),
    ("hardhat", NEVER, -32000, "Transaction requires at least 21640 gas but got 21500"),
    ("hardhat", NEVER, -32000, "Transaction requires gas floor of 61000 but got limit of 37000"),
    # too large for any pool
    ("geth", NEVER, -32000, "oversized data: transaction size 131073, limit 131072"),
    ("nethermind new", NEVER, -32000, "transaction too large"),
    ("erigon", NEVER, -32000, "INTERNAL_ERROR: RLPTooLong"),
    # what else the sources hold
    ("besu", LOW, -32001, "transaction nonce 7 below sender account nonce 8 for sender 0xab"),
    ("besu", FUNDS, -32004, "transaction up-front cost 0x1 exceeds transaction sender account balance 0x0 for sender 0xab"),
    ("besu", PRICE, -32009, "gasPrice is less than the current BaseFee"),
    ("besu", NEVER, -32000, "max priority fee per gas cannot be greater than max fee per gas"),
    ("besu", NEVER, -32002, "sender could not be extracted from transaction signature"),
    ("reth", FUNDS, -32000, "transaction overdraws from account, balance: 1, cost: 2"),
    ("reth", PRICE, -32000, "transaction feeCap 1 below chain minimum"),
    ("reth", FULL, -32003, "transaction discarded outright due to pool size constraints"),
    ("geth", FULL, -32000, "address already reserved"),
    ("geth", HIGH, -32000, "gapped-nonce tx from delegated accounts"),
    ("nethermind new", FULL, -32000, "delegation authority has pending transaction"),
    ("nethermind new", HIGH, -32000, "delegation nonce gap"),
    ("nethermind new", NEVER, -32000, "unsupported transaction type"),
    ("geth", UNKNOWN, -32000, "sender not an eoa"),
    # executed before answering: it may be mined
    ("hardhat", UNKNOWN, -32000, "VM Exception while processing transaction: reverted with reason string 'insufficient funds'"),
    ("hardhat", UNKNOWN, -32000, "Transaction reverted without a reason"),
    ("anvil", UNKNOWN, 3, "execution reverted: nonce too low"),
    ("any", UNKNOWN, 3, "nonce too low"),
    # nobody knows
    ("anvil", UNKNOWN, -32603, "EVM error InvalidFEOpcode"),
    ("any", UNKNOWN, -32603, "Internal error"),
    ("geth", UNKNOWN, -32002, "request timed out"),
    ("goldsky", UNKNOWN, -32015, "node timeout"),
    ("any", UNKNOWN, -32000, ""),
    ("any", UNKNOWN, -32003, "something new"),
    ("any", UNKNOWN, -32602, "invalid params: missing block tag"),
]


@pytest.mark.parametrize(("client", "status", "code", "message"), SENDING)
def test_every_text_of_a_refused_transaction_has_its_meaning(client, status, code, message):
    assert classify_broadcast({"code": code, "message": message}).status is status


@pytest.mark.parametrize(("client", "status", "code", "message"), SENDING)
def test_the_code_alone_never_decides(client, status, code, message):
    for other in (-32000, -32003, -32005, -32010, -32602, None):
        told = classify_broadcast({"code": other, "message": message}).status
        hinted = code in (3, 429, "429") or message == "Invalid params"
        assert told is status or hinted


@pytest.mark.parametrize(
    "error",
    [
        None,
        "",
        [],
        7,
        {},
        {"code": True},
        {"message": None},
        {"message": 7},
        {"error": "x"},
        {"message": ["a"], "data": {"a": 1}},
    ],
)
def test_an_error_of_no_known_shape_is_unknown_for_both(error):
    assert classify_broadcast(error).status is UNKNOWN
    assert isinstance(classify_estimate(error), Unavailable)


def test_an_error_that_is_only_text_counts_like_a_message():
    assert classify_broadcast("nonce too low").status is LOW
    assert classify_broadcast({"data": "AlreadyKnown"}).status is KNOWN
    assert isinstance(classify_estimate("insufficient funds for transfer"), Unfunded)


def test_limits_and_syncing_are_throttled_and_reverts_that_speak_of_limits_are_not():
    assert is_throttled(
        {"code": -32005, "message": "project ID request rate exceeded", "data": {"see": "…", "backoff_seconds": 30}}
    )
    assert is_throttled({"code": -32000, "message": "node is syncing"})
    assert not is_throttled({"code": 3, "message": "execution reverted: rate limit exceeded"})
    assert not is_throttled(None)


def test_a_message_is_fit_for_a_log():
    raw = "02f8" + "ab" * 120
    told = classify_broadcast(
        {
            "code": -32000,
            "message": f"bad\x00\x1b[31m\n  tx 0x{raw} at https://user:pa55word@rpc.example/v3/0123456789abcdef?key=s3cret!",
        }
    )
    assert told.message == "bad[31m tx 0x02f8abab… at rpc.example"
    assert len(classify_broadcast({"message": "x" * 5_000}).message) == 300
    assert "\ud800" not in classify_broadcast({"message": "half a pair \ud800"}).message


# --- simulation --------------------------------------------------------------------------------------------------------

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
