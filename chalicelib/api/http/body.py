"""Read the body of a request: strict JSON of a bounded size, or a refusal that says what is wrong."""

import json
import re
from typing import Any, NoReturn

from chalice.app import Request

from chalicelib.errors import BodyTooLarge, InvalidRequest, UnsupportedMediaType

MAX_BODY_BYTES = 256 * 1024
MAX_VALUES = 10_000
"""Bounds the nesting, too. The parser recurses in C: where a library has raised the recursion limit (py_ecc does), a body of
brackets alone would end the process."""

_JSON_TYPE = re.compile(r"application/(?:[a-z0-9!#$&^_.-]+\+)?json", re.ASCII)


class NoBody:
    """The request has no body, which is not the same as a JSON null."""


NO_BODY = NoBody()


def read_body(request: Request) -> Any:
    """Return the parsed JSON, or NO_BODY. Chalice's json_body would take any type and size, repeated names, and NaN.

    Raises BodyTooLarge, UnsupportedMediaType, and InvalidRequest for what is not JSON text in UTF-8.
    """
    encoding = (request.headers.get("content-encoding") or "").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedMediaType(f"The body is encoded with {shown(encoding)}: send it as it is, without Content-Encoding.")
    try:
        raw = request.raw_body
    except ValueError:  # broken base64 of a binary body, or text that has no UTF-8 form
        raise InvalidRequest("The body is not text in UTF-8.") from None
    if not raw:
        return NO_BODY
    content = raw.encode() if isinstance(raw, str) else raw
    if len(content) > MAX_BODY_BYTES:
        raise BodyTooLarge(f"The body has {len(content):,} bytes; at most {MAX_BODY_BYTES:,} are taken.")
    _require_json_type(request.headers.get("content-type"))
    return _parsed(content, request.headers.get("content-length"))


def _require_json_type(content_type: str | None) -> None:
    media_type, *parameters = [part.strip().lower() for part in (content_type or "").split(";")]
    if not _JSON_TYPE.fullmatch(media_type):
        raise UnsupportedMediaType("The body must be JSON: send the header Content-Type: application/json.")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            raise UnsupportedMediaType("JSON is sent in UTF-8: leave the charset out, or make it utf-8.")


def _parsed(content: bytes, sent_length: str | None) -> Any:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise InvalidRequest("The body is not text in UTF-8.") from None
    if "\ufffd" in text and sent_length is not None and sent_length.strip() != str(len(content)):
        # The gateway writes U+FFFD for bytes it cannot decode, which changes the length. Ids that differ would become the same.
        raise InvalidRequest("The body has bytes that are not UTF-8.")
    text = text.removeprefix("\ufeff")  # a byte order mark, which some editors write (RFC 8259, section 8.1)
    if text.count("[") + text.count("{") > MAX_VALUES:
        raise InvalidRequest(f"The body has more than {MAX_VALUES:,} arrays and objects.")
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError):
            raise InvalidRequest(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
        raise InvalidRequest("The body has numbers of too many digits or is nested too deep.") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that is given twice: each parser keeps another one of the two values."""
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise InvalidRequest(f"The body has the field {shown(twice)} more than once.")
    return members


def _no_constant(constant: str) -> NoReturn:
    raise InvalidRequest(f"The body is not JSON: {constant} is not a JSON number.")


def shown(text: str) -> str:
    """Return a text of a request so that it can stand in a sentence: short and printable."""
    printable = "".join(character if character.isprintable() else "?" for character in text[:60])
    return printable + ("…" if len(text) > 60 else "")
