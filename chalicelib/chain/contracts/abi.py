"""Encodes contract calls as clients write them: a function's signature and JSON arguments."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from chalicelib.chain.addresses import checksum_address
from chalicelib.chain.contracts.revert_reasons import decode_revert
from chalicelib.errors import InvalidRequest

__all__ = ["decode_revert", "encode_call"]

_FUNCTION = re.compile(r"([A-Za-z_$][A-Za-z0-9_$]*)\((.*)\)", re.ASCII)
_PUNCTUATION = re.compile(r"\s*([(),\[\]])\s*")
_ARRAY = re.compile(r"(.+)\[([1-9][0-9]{0,8})?\]", re.ASCII)
_BASIC = re.compile(r"(address|bool|string|bytes|u?int)([1-9][0-9]{0,2})?", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]+", re.ASCII)
_HEX_BYTES = re.compile(r"0x(?:[0-9a-fA-F]{2})*", re.ASCII)

MAX_FUNCTION_LENGTH = 1_000
MAX_NESTING = 16
WORD = 32
MAX_DECIMAL_LENGTH = 79  # the digits of -2**255, and a sign


@dataclass(frozen=True, slots=True)
class _Type:
    """A parameter type. `text` is its canonical form, which the selector is made of: `uint256` for `uint`."""

    text: str
    base: str
    """A basic type's name without its size, `array` or `tuple`."""
    size: int | None = None
    """The bits of an integer, the bytes of bytesN, the length of an array; None where the type has no size."""
    parts: "tuple[_Type, ...]" = ()
    """The components of a tuple; the one item type of an array."""


def encode_call(function: str, args: Sequence[Any], most_bytes: int | None = None) -> bytes:
    """Return the call data of `function`, a signature such as `transfer(address,uint256)`, with JSON arguments.

    An int is a JSON int or a decimal string, bytes are 0x-prefixed hex, an array or a tuple is a list, a bool is a JSON bool.
    Example: `encode_call("transfer(address,uint256)", ["0x5aAe…", "1000"])`.

    Raises InvalidRequest when an argument does not fit, and names it; also when the call data would have more than
    `most_bytes`, which is checked before anything is converted or encoded.
    """
    name, types = _parse(function)
    if not isinstance(args, list | tuple):
        raise InvalidRequest("args must be a list.")
    signature = f"{name}({','.join(type_.text for type_ in types)})"
    if len(args) != len(types):
        takes = "1 argument" if len(types) == 1 else f"{len(types)} arguments"
        raise InvalidRequest(f"{signature} takes {takes}; {len(args)} given.")
    if most_bytes is not None and 4 + sum(map(_least_bytes, types, args)) > most_bytes:
        raise InvalidRequest(f"The arguments take more than {most_bytes:,} bytes.")
    values = [_value(type_, value, f"args[{index}]") for index, (type_, value) in enumerate(zip(types, args, strict=True))]
    return keccak(text=signature)[:4] + encode([type_.text for type_ in types], values)


# --- the signature -----------------------------------------------------------------------------------------------------


def _parse(function: str) -> tuple[str, list[_Type]]:
    if not isinstance(function, str) or len(function) > MAX_FUNCTION_LENGTH:
        raise InvalidRequest(f"function must be a string of at most {MAX_FUNCTION_LENGTH:,} characters.")
    matched = _FUNCTION.fullmatch(_PUNCTUATION.sub(r"\1", function.strip()))
    if matched is None:
        raise InvalidRequest("function must be a name and its parameter types, such as transfer(address,uint256).")
    name, parameters = matched.groups()
    if re.search(r"\s", parameters):
        raise InvalidRequest("function takes types only, without parameter names or data locations: transfer(address,uint256).")
    return name, [_type(text) for text in _split(parameters)] if parameters else []


def _type(text: str, depth: int = 0) -> _Type:
    if depth > MAX_NESTING:
        raise InvalidRequest(f"function nests its types deeper than {MAX_NESTING} levels.")
    if array := _ARRAY.fullmatch(text):
        item = _type(array[1], depth + 1)
        return _Type(f"{item.text}[{array[2] or ''}]", "array", int(array[2]) if array[2] else None, (item,))
    if len(text) > 2 and text[0] == "(" and text[-1] == ")":
        parts = tuple(_type(part, depth + 1) for part in _split(text[1:-1]))
        return _Type(f"({','.join(part.text for part in parts)})", "tuple", None, parts)
    if basic := _BASIC.fullmatch(text):
        base, size = basic[1], int(basic[2]) if basic[2] else None
        if base in ("int", "uint"):
            size = size or 256
            if size <= 256 and size % 8 == 0:
                return _Type(f"{base}{size}", base, size)
        elif size is None or (base == "bytes" and size <= 32):
            return _Type(text, base, size)
    raise InvalidRequest(f"function has a parameter type that is not known here: {_shown(text) or 'an empty one'}.")


def _split(parameters: str) -> list[str]:
    """Split at the commas outside of all parentheses."""
    parts, depth = [""], 0
    for character in parameters:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            break
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    if depth != 0:
        raise InvalidRequest("function has parentheses that do not match.")
    return parts


# --- the arguments -----------------------------------------------------------------------------------------------------


def _value(type_: _Type, value: Any, where: str) -> Any:
    """Convert `value` to what eth_abi takes. eth_abi can encode whatever this returns."""
    if type_.base not in ("array", "tuple"):
        return _CONVERSIONS[type_.base](type_, value, where)
    if not isinstance(value, list | tuple):
        raise _misfit(where, type_, "a list is needed", value)
    length = len(type_.parts) if type_.base == "tuple" else type_.size
    if length is not None and len(value) != length:
        raise _misfit(where, type_, f"a list of {length} is needed, this has {len(value)}")
    item_types = type_.parts if type_.base == "tuple" else type_.parts * len(value)
    return tuple(
        _value(part, item, f"{where}[{index}]") for index, (part, item) in enumerate(zip(item_types, value, strict=True))
    )


def _least_bytes(type_: _Type, value: Any) -> int:
    """Return how many bytes the value takes at least, encoded as this type. Whether it fits the type is checked later."""
    if isinstance(value, list | tuple) and type_.base == "array":
        (item,) = type_.parts
        return sum(_least_bytes(item, part) for part in value)
    if isinstance(value, list | tuple) and type_.base == "tuple":
        return sum(map(_least_bytes, type_.parts, value))
    if isinstance(value, str) and type_.base in ("bytes", "string"):
        return max(WORD, len(value) // 2 if type_.base == "bytes" else len(value))
    return WORD


def _integer(type_: _Type, value: Any, where: str) -> int:
    if isinstance(value, str) and _DECIMAL.fullmatch(value) and len(value) <= MAX_DECIMAL_LENGTH:
        number = int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        raise _misfit(where, type_, "a whole number is needed, as a decimal string or a JSON integer", value)
    bits = type_.size or 256
    lowest, highest = (0, 2**bits - 1) if type_.base == "uint" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if not lowest <= number <= highest:
        bounds = f"0 and 2^{bits} - 1" if type_.base == "uint" else f"-2^{bits - 1} and 2^{bits - 1} - 1"
        raise _misfit(where, type_, f"the number must be between {bounds}", value)
    return number


def _bytes(type_: _Type, value: Any, where: str) -> bytes:
    if not isinstance(value, str) or not _HEX_BYTES.fullmatch(value):
        raise _misfit(where, type_, "0x and an even number of hex digits are needed", value)
    content = bytes.fromhex(value[2:])
    if type_.size is not None and len(content) != type_.size:
        raise _misfit(where, type_, f"{type_.size} bytes are needed, this has {len(content)}")
    return content


def _address(type_: _Type, value: Any, where: str) -> str:
    try:
        return checksum_address(value)
    except ValueError as error:
        sentence = str(error)
    raise _misfit(where, type_, sentence[0].lower() + sentence[1:].rstrip("."), value)


def _bool(type_: _Type, value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise _misfit(where, type_, "true or false is needed", value)
    return value


def _string(type_: _Type, value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise _misfit(where, type_, "a string is needed", value)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _misfit(where, type_, "the string has an unpaired surrogate, so it is not Unicode text") from None
    return value


_CONVERSIONS: dict[str, Callable[[_Type, Any, str], Any]] = {
    "int": _integer,
    "uint": _integer,
    "bytes": _bytes,
    "address": _address,
    "bool": _bool,
    "string": _string,
}


def _misfit(where: str, type_: _Type, why: str, value: Any = None) -> InvalidRequest:
    given = "" if value is None else f" (given: {_shown(value)})"
    return InvalidRequest(f"{where} does not fit {_shown(type_.text)}: {why}{given}.")


def _shown(value: Any) -> str:
    """Return a short, printable form of what the client wrote."""
    if isinstance(value, int) and abs(value) >= 2**256:
        return "an integer of more than 256 bits"
    text = value if isinstance(value, str) else type(value).__name__ if isinstance(value, list | tuple | dict) else repr(value)
    text = "".join(character if character.isprintable() else "?" for character in text[:60])
    return text if len(text) < 60 else text + "…"
