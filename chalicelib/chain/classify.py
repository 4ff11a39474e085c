"""What a node's error means. Each client has its own texts and their codes collide: the message decides, a code is only a hint.

The texts are those of geth, Nethermind (old and new), Erigon, Besu, OpenEthereum/Parity, Reth, anvil and Hardhat, and of the
large providers' own limits; `tests/unit/chain/test_classify.py` holds every one of them. An error nobody recognises stays
unknown: it is never taken for a refusal.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.chain.text import NO_REASON, clean
from chalicelib.jobs.ports import Broadcast, BroadcastStatus, Revert, Unavailable, Unfunded

TRANSFER_GAS = 21_000
INVALID_PARAMS = -32602
EXECUTION_REVERTED = 3  # the one code nobody uses for anything else

_REVERTED = re.compile(r"execution reverted|vm execution error|vm exception|\breverted\b|transaction reverted")

_FUNDS = (
    r"insufficient funds|insufficientfunds|upfront cost exceeds|enough funds|insufficient sender balance|for sender balance"
    r"|cannot pay gas"
)
_THROTTLED = (
    r"rate limit|request rate|request limit|rps limit|too many requests|compute units|(requests|calls) per second"
    r"|limit exceeded|syncing|sync is still in progress|pool not enabled|txpool disabled|not connected to any peers"
)

# In this order: several texts contain one another's words.
_BROADCAST: tuple[tuple[BroadcastStatus, re.Pattern[str]], ...] = tuple(
    (status, re.compile(pattern))
    for status, pattern in (
        # First, because a revert's reason may contain any of the words below. Some nodes execute before they answer, and the
        # transaction may be mined all the same: nothing is known.
        (BroadcastStatus.UNKNOWN, _REVERTED.pattern),
        (BroadcastStatus.NONCE_TOO_LOW, r"(?<!authority )nonce too low|oldnonce|nonce is too low"),
        (
            BroadcastStatus.KNOWN,
            r"already known|alreadyknown|already imported|already exists|same hash|ownnoncealreadyused"
            r"|(?<!un)known transaction",
        ),
        (
            BroadcastStatus.REPLACEMENT_UNDERPRICED,  # before underpriced: it contains the word
            r"replacement transaction underpriced|replacementnotallowed|could not replace existing tx"
            r"|insufficient gas price to replace|another transaction with same nonce|tries to replace pending",
        ),
        (
            BroadcastStatus.POOL_FULL,  # before underpriced: FeeTooLowToCompete is about the pool, FeeTooLow about the price
            r"txpool is full|sub-pool is full|feetoolowtocompete|feepergas needs to be higher"
            r"|too many transactions in the queue|account limit exceeded|in-flight transaction limit|\bspammer\b",
        ),
        (
            BroadcastStatus.UNDERPRICED,
            r"underpriced|feetoolow|fee too low|gas price below|below current base fee|less than block base fee"
            r"|is too low for the next block|gas price is too low|priority fee below|priorityfeepergas too low"
            r"|below the minimum of",
        ),
        (BroadcastStatus.UNFUNDED, _FUNDS),
        (
            BroadcastStatus.NEVER_VALID,  # the gas limit, too low or too high, or a tip above the maximum fee
            r"intrinsic gas|intrinsicgas|gas is too low|below intrinsic gas|floor data gas|exceeds block gas limit"
            r"|gaslimitexceeded|gas limit exceeded|gas limit reached|gas limit is too high|gas limit too high"
            r"|exceeds current gas limit|exceeds max transaction gas limit|supplied gas is beyond"
            r"|max priority fee per gas (higher than|exceeds) max fee",
        ),
        (
            BroadcastStatus.NONCE_TOO_HIGH,
            r"nonce too high|noncegap|noncetoofarinfuture|nonce too far|too distant from current sender nonce"
            r"|lower nonce exists",
        ),
        (
            BroadcastStatus.NEVER_VALID,  # another chain's, malformed, or its signature is wrong
            r"chain ?id|eip-155|\brlp\b|decode|invalid sender|invalid signature|invalid transaction signature|recover sender"
            r"|failedtoresolvesender|typed transaction too short|transaction type not supported|empty transaction data"
            r"|^(transaction )?invalid($|[,:])|^transaction invalid",
        ),
        (BroadcastStatus.THROTTLED, _THROTTLED),
    )
)

# A simulation that ran, or would have run, into a wall of its own making: as final as a revert.
_HALTED = re.compile(
    r"out of gas|outofgas|invalid opcode|invalidfeopcode|badinstruction|bad instruction|stack (under|over)flow|stackunderflow"
    r"|stackoverflow|stack limit|invalid jump|invalidjump|evm error:? (?!.*(database|timeout))|gas required exceeds allowance"
    r"|gas uint64 overflow|intrinsic gas|intrinsicgas|exceeds block gas limit|gas limit is too high|gas limit too high"
    r"|due to an exception|ran out of gas|max code size|max initcode size|initcode size|write protection"
)
_ALLOWANCE = re.compile(r"gas required exceeds allowance:? \(?(\d+)\)?")

_REASONS = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"reverted with reason string '(.*)'",
        r"reverted with ((?:custom error|panic code|an unrecognized custom error).*)",
        r"execution reverted:? *(.*)",
        r"vm exception[^:]*: ?(?:revert(?:ed)?)?(.*)",
        r"^(?:error: )?reverted (.*)",
    )
)


def classify_broadcast(error: object) -> Broadcast:
    """What the error object of an eth_sendRawTransaction answer means for the transaction."""
    message = _message(error)
    text = message.lower().strip()
    status = BroadcastStatus.UNKNOWN
    if _code(error) != EXECUTION_REVERTED:
        status = next((status for status, pattern in _BROADCAST if pattern.search(text)), status)
        if status is BroadcastStatus.UNKNOWN and not _REVERTED.search(text):
            status = _by_code(_code(error), text)
    return Broadcast(status, clean(message))


def _by_code(code: int | None, text: str) -> BroadcastStatus:
    if code == 429:  # HTTP's, and some providers' in a JSON-RPC error
        return BroadcastStatus.THROTTLED
    if code == INVALID_PARAMS and text == "invalid params":  # Besu, of bytes it cannot decode; the parameter is nothing else
        return BroadcastStatus.NEVER_VALID
    return BroadcastStatus.UNKNOWN


def message_of(error: object) -> str:
    """The node's own text, made fit for a log line."""
    return clean(_message(error))


def is_throttled(error: object) -> bool:
    """The node will not answer now (a limit, or it is syncing): another endpoint may."""
    return error is not None and classify_broadcast(error).status is BroadcastStatus.THROTTLED


def classify_estimate(error: object, gas: int | None = None) -> Revert | Unfunded | Unavailable:
    """What the error object of an eth_estimateGas or eth_call answer says of the transaction simulated, with limit `gas`."""
    message = _message(error)
    text, told = message.lower(), _data_text(error)
    data = _revert_data(error)
    if _code(error) == EXECUTION_REVERTED or _REVERTED.search(text) or told.lower().startswith("revert"):
        if "vm execution error" in text and not told.lower().startswith("revert") and re.search(_FUNDS, told.lower()):
            return Unfunded(clean(told))  # old Nethermind: "VM execution error." for everything, and the truth in data
        return Revert(_reason(message, told, data), data)
    if re.search(_FUNDS, text):
        return Unfunded(clean(message))
    if _HALTED.search(text):
        allowance = _ALLOWANCE.search(text)
        bought = int(allowance[1]) if allowance else TRANSFER_GAS
        if bought < TRANSFER_GAS and bought != gas:  # geth: all that the balance can buy; no block has so low a limit
            return Unfunded(clean(message))
        return Revert(clean(message), data)
    return Unavailable(clean(message) or "the node answered with an error without a message")


# --- reading the error object ------------------------------------------------------------------------------------------


def _message(error: object) -> str:
    if isinstance(error, Mapping):
        message = error.get("message")
        if not isinstance(message, str) or not message.strip():
            message = error.get("data")
        return message if isinstance(message, str) else ""
    return error if isinstance(error, str) else "" if error is None else repr(error)


def _code(error: object) -> int | None:
    code = error.get("code") if isinstance(error, Mapping) else None
    if isinstance(code, str) and re.fullmatch(r"-?\d{1,6}", code, re.ASCII):
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _data_strings(data: Any, depth: int = 0) -> Iterator[str]:
    """The strings in an error's `data`, which may be a string or an object with the return data somewhere in it."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping) and depth < 3:
        for key in ("data", "return", "result", "output", "originalError", "reason", "message"):
            yield from _data_strings(data.get(key), depth + 1)


def _data_text(error: object) -> str:
    """`data` where it is words, not hex: old Nethermind and Parity put the outcome there; Hardhat's object has a reason."""
    strings = _data_strings(error.get("data")) if isinstance(error, Mapping) else iter(())
    return next((text for text in strings if text and not text.startswith("0x")), "")


def _revert_data(error: object) -> bytes:
    """The raw return data: `0x…`, or `Reverted 0x…` as Parity and old Nethermind write it in data or message."""
    strings = list(_data_strings(error.get("data"))) if isinstance(error, Mapping) else []
    for text in [*strings, _message(error)]:
        found = re.fullmatch(r"(?:reverted )?0x((?:[0-9a-f]{2})*)", text.strip(), re.IGNORECASE | re.ASCII)
        if found:
            return bytes.fromhex(found[1])
    return b""


def _reason(message: str, told: str, data: bytes) -> str:
    """From the data if the node gave it; else from the words it put there or into its message."""
    if data:
        from chalicelib.chain.reverts import decode_revert  # noqa: PLC0415  # eth_abi takes 0.1 s, and reverts are rare

        return decode_revert(data)
    for text in (told, message):
        for pattern in _REASONS:
            found = pattern.search(text)
            reason = clean(found[1]) if found else ""
            if reason and reason != "0x":
                return reason
    return clean(told) if told and not told.lower().startswith("revert") else NO_REASON
