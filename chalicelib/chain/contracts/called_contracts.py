"""Which contracts a transaction calls: its `to`, and those that wallets call by its call data (contracts/src/Wallet.sol).

The author of call data may try to hide an address in it. So this reads each word where the EVM reads it. It also reads
encodings that Solidity takes and a strict decoder refuses.
"""

from collections.abc import Iterator, Sequence

from chalicelib.chain.addresses import checksummed
from chalicelib.errors import NotYourContract
from chalicelib.jobs.model import TransactionRequest

EXECUTE = bytes.fromhex("b61d27f6")  # execute(address,uint256,bytes)
EXECUTE_BATCH = bytes.fromhex("34fcd5be")  # executeBatch((address,uint256,bytes)[])
MOST_CALLS = 2_000
"""Nested calls that are read. Elements of a batch may share their data, so a few bytes can describe any number of calls."""

_WORD = 32
_ARGUMENTS = 4
"""The position of the arguments: behind the selector."""


def callees_of(request: TransactionRequest) -> Sequence[str]:
    """Return the checksummed addresses, each once, `to` first. Empty for a deployment: what its code calls is not known.

    Raises NotYourContract for call data that describes more than MOST_CALLS calls, because not all of them can be checked.
    """
    if request.to is None:
        return ()
    found = {bytes.fromhex(request.to[2:]): None}
    waiting = [request.data]
    read = 0
    while waiting:
        for callee, data in _calls_in(waiting.pop()):
            read += 1
            if read > MOST_CALLS:
                raise NotYourContract(f"With a shared account, a transaction makes at most {MOST_CALLS:,} calls of contracts.")
            found[callee] = None
            waiting.append(data)
    return tuple(checksummed(address) for address in found)


def _calls_in(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield callee and call data of each call that a wallet makes when it is called with `data`."""
    selector = data[:_ARGUMENTS]
    if selector == EXECUTE:
        yield from _call_at(data, _ARGUMENTS)
    elif selector == EXECUTE_BATCH:
        array = _ARGUMENTS + _number(data, _ARGUMENTS)
        elements = array + _WORD
        for index in range(min(_number(data, array), len(data) // _WORD)):
            yield from _call_at(data, elements + _signed(data, elements + index * _WORD))


def _call_at(data: bytes, start: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the call at `start`: the words there are its address, its value, and the offset of its data from `start`."""
    if not 0 <= start < len(data):
        return
    inner = start + _signed(data, start + 2 * _WORD)
    length = _number(data, inner)
    content = data[inner + _WORD : inner + _WORD + length] if inner + _WORD >= 0 else b""
    yield _word(data, start)[12:], content


def _word(data: bytes, start: int) -> bytes:
    """Return the word at `start` as CALLDATALOAD reads it: with zeros beyond the end."""
    return data[start : start + _WORD].ljust(_WORD, b"\0") if start >= 0 else bytes(_WORD)


def _number(data: bytes, start: int) -> int:
    return int.from_bytes(_word(data, start), "big")


def _signed(data: bytes, start: int) -> int:
    """Return an offset inside an array. Solidity compares it as a signed number, so it may be negative."""
    return int.from_bytes(_word(data, start), "big", signed=True)
