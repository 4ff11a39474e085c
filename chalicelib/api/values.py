"""What the strings of a request mean: each function gives the domain's value, or raises ValueError with what would be right."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

from chalicelib.chain.addresses import checksum_address
from chalicelib.networks import TRANSFER_GAS

MAX_UINT256 = 2**256 - 1
MAX_TEXT_LENGTH = 256
MAX_ID_BYTES = 1_000
"""In UTF-8. An index has a key of an owner and an id, and DynamoDB takes keys of up to 2,048 bytes: 1,024 for the owner."""
MIN_GAS = TRANSFER_GAS
MAX_GAS = 30_000_000  # above the block limit of any chain served
MAX_IDS = 100
MAX_PAGE = 100
DEFAULT_PAGE = 50

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,77}", re.ASCII)
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*", re.ASCII)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})", re.ASCII)
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # and format characters
_UNWANTED = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control, unpaired surrogate, line and paragraph separators


def amount(value: Any) -> int:
    """A decimal string of wei, up to 2**256 - 1. Raises ValueError."""
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise ValueError("An amount is a string of decimal digits, in wei: no sign, point, exponent, space or leading zero.")
    number = int(value)
    if number > MAX_UINT256:
        raise ValueError("The amount is larger than 2^256 - 1.")
    return number


def positive_amount(value: Any) -> int:
    number = amount(value)
    if number == 0:
        raise ValueError("The amount must be more than 0.")
    return number


def gas(value: Any) -> int:
    """Units of gas: a decimal string, or a JSON integer, since no number of gas loses digits in one. Raises ValueError."""
    if isinstance(value, str) and len(value) < 20 and _DECIMAL.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or not MIN_GAS <= value <= MAX_GAS:
        raise ValueError(f"Gas is a whole number from {MIN_GAS:,} to {MAX_GAS:,}.".replace(",", " "))
    return value


def address(value: str) -> str:
    """EIP-55 checksummed. Raises ValueError."""
    return checksum_address(value)


def hex_bytes(value: Any) -> bytes:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise ValueError("Call data is 0x and an even number of hex digits.")
    return bytes.fromhex(value[2:])


def time(value: Any) -> datetime:
    """ISO-8601 with a zone, as UTC. Raises ValueError."""
    problem = "A time is ISO-8601 with a zone, such as 2030-01-31T12:00:00Z (in a query, write a + as %2B)."
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError(problem)
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(problem) from None


def text(value: str) -> str:
    """1 to 256 characters, none of them invisible in a way that breaks a line or an encoding. Raises ValueError."""
    if not 1 <= len(value) <= MAX_TEXT_LENGTH or any(unicodedata.category(character) in _UNWANTED for character in value):
        raise ValueError(f"A text has 1 to {MAX_TEXT_LENGTH} characters and no control characters.")
    return value


def identifier(value: str) -> str:
    """As `text`, without characters that nobody sees, so that two ids that look the same are the same, and of 1,000 bytes at
    most. Raises ValueError.
    """
    require_visible(value)
    text(value)
    if (size := len(value.encode())) > MAX_ID_BYTES:
        raise ValueError(f"An id has at most {MAX_ID_BYTES:,} bytes in UTF-8, and this one has {size:,}.")
    return value


def require_visible(value: str) -> None:
    """Raises ValueError, naming the character, for control and format characters: zero-width ones, marks of direction."""
    for character in value:
        if unicodedata.category(character) in _UNSEEN:
            name = unicodedata.name(character, "a control character")
            raise ValueError(f"The character U+{ord(character):04X} ({name}) cannot be seen: leave it out.")


def job_ids(value: Any) -> tuple[str, ...]:
    """An array, or a comma-separated string; each one once, in the order given. Whether each is an id is decided one by one,
    later: of what is no string only the type is kept, which is no id. Raises ValueError.
    """
    if isinstance(value, str):
        value = [part for item in value.split(",") if (part := item.strip())]
    if not isinstance(value, list):
        raise ValueError("ids is an array of job ids, or one string with commas between them.")
    unique = tuple(dict.fromkeys(item if isinstance(item, str) else f"({type(item).__name__})" for item in value))
    if not unique:
        raise ValueError("ids is empty: name at least one job.")
    if len(unique) > MAX_IDS:
        raise ValueError(f"At most {MAX_IDS} ids are taken at once.")
    return unique


def page_limit(value: Any) -> int:
    if isinstance(value, str) and len(value) < 4 and _DECIMAL.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_PAGE:
        raise ValueError(f"limit is a whole number from 1 to {MAX_PAGE}.")
    return value


def flag(value: Any) -> bool:
    match value:
        case "true" | True:
            return True
        case "false" | False:
            return False
        case _:
            raise ValueError("This is true or false.")
