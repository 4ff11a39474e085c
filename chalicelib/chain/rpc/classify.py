"""What a node's error means. Clients have texts of their own, and their codes collide: the message decides, a code only hints.

`chalicelib.chain.rpc.error_texts` has the texts, and where they were read. An error that is not among them is unknown: it is
never taken for a refusal.
"""

import re
from collections.abc import Sequence

from chalicelib.chain.rpc.error_objects import code_of, returned_data, text_of, words_in_data
from chalicelib.chain.rpc.error_texts import (
    BROADCAST,
    FUNDS,
    HALTED,
    OUT_OF_GAS,
    REVERTED,
    TOO_BIG,
    TOO_SLOW,
    UNSUPPORTED,
    Text,
)
from chalicelib.chain.rpc.node_texts import NO_REASON, clean
from chalicelib.jobs.ports import Broadcast, BroadcastStatus, Revert, Unavailable, Unfunded
from chalicelib.networks import TRANSFER_GAS

INVALID_PARAMS = -32602
EXECUTION_REVERTED = 3
"""The only code that has one meaning in all clients."""
METHOD_CODES = frozenset({-32601, -32604})
"""JSON-RPC's "method not found", and Besu's "method not enabled". Other codes for this have more meanings."""
NOT_SUPPORTED = -32004
"""EIP-1474's "method not supported". In Besu it means that funds are missing."""


def _any_of(texts: Sequence[Text]) -> re.Pattern[str]:
    return re.compile("|".join(text.pattern for text in texts))


_REVERTED, _FUNDS, _HALTED, _OUT_OF_GAS = (_any_of(texts) for texts in (REVERTED, FUNDS, HALTED, OUT_OF_GAS))
_UNSUPPORTED, _OWN_BOUND = _any_of(UNSUPPORTED), _any_of((*TOO_SLOW, *TOO_BIG))
_BROADCAST = tuple((status, _any_of(texts)) for status, texts in BROADCAST)

_ALLOWANCE = re.compile(r"gas required exceeds allowance:? \(?(\d+)\)?")
_NEEDED = re.compile(r"minimum needed (\d+)|requires at least (\d+) gas|gas floor of (\d+)|intrinsic gas cost (\d+)")

_REASONS = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"reverted with reason string '(.*)'",
        r"reverted with ((?:custom error|panic code|an unrecognized custom error).*)",
        r"execution reverted:? *(.*)",
        r"vm exception[^:]*: ?(?:revert(?:ed)?)?(.*)",
        r"^(?:error: )?reverted (.*)",
        r"transaction reverted: (.*)",
    )
)


def classify_broadcast(error: object) -> Broadcast:
    """Return what the error object of an eth_sendRawTransaction answer means for the transaction."""
    message = text_of(error)
    text = message.lower().strip()
    status = BroadcastStatus.UNKNOWN
    if code_of(error) != EXECUTION_REVERTED:
        status = next((status for status, pattern in _BROADCAST if pattern.search(text)), status)
        if status is BroadcastStatus.UNKNOWN and not _REVERTED.search(text):
            status = _by_code(code_of(error), text)
    return Broadcast(status, clean(message))


def _by_code(code: int | None, text: str) -> BroadcastStatus:
    if code == 429:  # the HTTP status, which some providers put into a JSON-RPC error
        return BroadcastStatus.THROTTLED
    if code == INVALID_PARAMS and text == "invalid params":  # Besu cannot decode the bytes: there is no other parameter
        return BroadcastStatus.NEVER_VALID
    return BroadcastStatus.UNKNOWN


def message_of(error: object) -> str:
    """Return the node's own text, made fit for a log line."""
    return clean(text_of(error))


def is_throttled(error: object) -> bool:
    """Return True when the node does not answer now (a rate limit, or it is syncing). Another endpoint may."""
    return error is not None and classify_broadcast(error).status is BroadcastStatus.THROTTLED


def is_unsupported(error: object) -> bool:
    """Return True when the node or its provider does not have this method at all, whatever its parameters are."""
    if error is None or isinstance(error, str):
        return False
    code, text = code_of(error), text_of(error).lower().strip()
    if code == EXECUTION_REVERTED or _REVERTED.search(text) or is_throttled(error):
        return False
    return code in METHOD_CODES or (code == NOT_SUPPORTED and not text) or bool(_UNSUPPORTED.search(text))


def meets_own_bound(error: object) -> bool:
    """Return True when the node gave the request up: it took too long, or the answers to its batch became too large."""
    if error is None or isinstance(error, str) or code_of(error) == EXECUTION_REVERTED:
        return False
    text = text_of(error).lower()
    return bool(_OWN_BOUND.search(text)) and not _REVERTED.search(text)


def is_out_of_gas(error: object, gas: int | None = None) -> bool:
    """Return True when a simulation with the gas limit `gas` needed more gas than it was allowed."""
    meaning = classify_estimate(error, gas)
    return isinstance(meaning, Revert) and not meaning.data and bool(_OUT_OF_GAS.search(text_of(error).lower()))


def allowed_gas(error: object) -> int | None:
    """Return how much gas the simulation was allowed; None where the error does not say it."""
    allowance = _ALLOWANCE.search(text_of(error).lower())
    return int(allowance[1]) if allowance else None


def needed_gas(error: object) -> int | None:
    """Return how much gas the transaction needs at least; None where the error does not say it."""
    needed = _NEEDED.search(text_of(error).lower())
    return next((int(amount) for amount in needed.groups() if amount), None) if needed else None


def classify_estimate(error: object, gas: int | None = None) -> Revert | Unfunded | Unavailable:
    """Return what the error object of an eth_estimateGas or eth_call answer means for the simulated transaction.

    `gas` is the transaction's own gas limit; None where the node chose one. Unavailable means that nothing is known.
    """
    message = text_of(error)
    text, words = message.lower().strip(), words_in_data(error)
    data = returned_data(error)
    if code_of(error) == EXECUTION_REVERTED or _REVERTED.search(text) or words.lower().startswith("revert"):
        if "vm execution error" in text and not words.lower().startswith("revert") and re.search(_FUNDS, words.lower()):
            return Unfunded(clean(words))  # old Nethermind: "VM execution error." for every failure, and the reason in data
        return Revert(_reason(message, words, data), data)
    if re.search(_FUNDS, text):
        return Unfunded(clean(message))
    if _HALTED.search(text):
        allowance = _ALLOWANCE.search(text)
        affordable = int(allowance[1]) if allowance else TRANSFER_GAS
        if affordable < TRANSFER_GAS and affordable != gas:  # geth: what the balance can pay for; no block has so low a limit
            return Unfunded(clean(message))
        return Revert(clean(message), data)
    return Unavailable(clean(message) or "the node answered with an error without a message")


def _reason(message: str, words: str, data: bytes) -> str:
    """Return the reason of a revert: from the return data, or else from the words in the error's `data` or in its message."""
    if data:
        from chalicelib.chain.contracts.revert_reasons import decode_revert  # noqa: PLC0415  # eth_abi takes 0.1 s, and reverts are rare

        return decode_revert(data)
    for text in (words, message):
        for pattern in _REASONS:
            found = pattern.search(text)
            reason = clean(found[1]) if found else ""
            if reason and reason != "0x":
                return reason
    without_reason = not words or words.lower().startswith("revert") or "without a reason" in words.lower()
    return NO_REASON if without_reason else clean(words)
