"""Reads a JSON-RPC error object of any client: its message, its code, and the return data that it may hold."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST_TEXT = 100_000
"""Characters of one string that are read. A contract chooses what it reverts with: megabytes would only cost time."""


def bounded(error: Any, depth: int = 0) -> Any:
    """Return the error with its strings cut to LONGEST_TEXT characters."""
    if isinstance(error, str):
        return error[:LONGEST_TEXT]
    if isinstance(error, Mapping) and depth < 8:
        return {key: bounded(value, depth + 1) for key, value in error.items()}
    return error


def text_of(error: object) -> str:
    """Return the message as the node wrote it, or `data` where there is no message; empty where there is neither."""
    if isinstance(error, Mapping):
        message = error.get("message")
        if not isinstance(message, str) or not message.strip():
            message = error.get("data")
        return message if isinstance(message, str) else ""
    return error if isinstance(error, str) else "" if error is None else repr(error)


def code_of(error: object) -> int | None:
    """Return the code, which some providers send as a string; None where there is none."""
    code = error.get("code") if isinstance(error, Mapping) else None
    if isinstance(code, str) and re.fullmatch(r"-?\d{1,6}", code, re.ASCII):
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def words_in_data(error: object) -> str:
    """Return the text in `data`, where it is words and not hex; else an empty string.

    Old Nethermind and Parity put the result there, Hardhat an object with a reason.
    """
    strings = _strings(error.get("data")) if isinstance(error, Mapping) else iter(())
    return next((text for text in strings if text and not text.startswith("0x")), "")


def returned_data(error: object) -> bytes:
    """Return the raw return data: `0x…`, or `Reverted 0x…` as Parity and old Nethermind write it in data or message.

    Empty where there is none.
    """
    strings = list(_strings(error.get("data"))) if isinstance(error, Mapping) else []
    for text in [*strings, text_of(error)]:
        found = re.fullmatch(r"(?:reverted )?0x((?:[0-9a-f]{2})*)", text.strip(), re.IGNORECASE | re.ASCII)
        if found:
            return bytes.fromhex(found[1])
    return b""


def _strings(data: Any, depth: int = 0) -> Iterator[str]:
    """Yield the strings in an error's `data`: a string itself, or an object that holds the return data somewhere."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping) and depth < 3:
        for key in ("data", "return", "result", "output", "originalError", "reason", "message"):
            yield from _strings(data.get(key), depth + 1)
