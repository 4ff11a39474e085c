"""Pages of a list: they end by count and, since a Lambda function answers 6 MB at most, also by bytes."""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chalicelib.api.http.routing import Call

CHANGE_BYTES = 1_000
"""By how much a job's view may grow when the job is retried."""


class Room:
    """What is left of one reply. The first entry always fits: else nobody could ever see it."""

    def __init__(self, page_bytes: int) -> None:
        self._left = page_bytes
        self._is_empty = True

    def takes(self, view: Mapping[str, Any], more: int = 0) -> bool:
        """Whether this entry still fits, `more` bytes included; then its bytes are taken."""
        needed = sent_bytes(view) + more
        if needed > self._left and not self._is_empty:
            return False
        self._left -= needed
        self._is_empty = False
        return True


def room_of(call: "Call") -> Room:
    return Room(call.services.parts.settings.bounds.page_bytes)


def sent_bytes(view: Mapping[str, Any]) -> int:
    """Return the bytes of an entry in a Lambda function's answer: its JSON is a string in another JSON there, escaped again."""
    text = json.dumps(view, separators=(",", ":"))
    return len(text) + text.count('"') + text.count("\\") + 1


def first_that_fit(views: Iterable[Mapping[str, Any]], room: Room) -> list[Any]:
    """The entries up to the first one that does not fit."""
    fitting: list[Any] = []
    for view in views:
        if not room.takes(view):
            break
        fitting.append(view)
    return fitting


def scope_of(call: "Call", endpoint: str, filters: Mapping[str, str | None]) -> Mapping[str, str | None]:
    """What a cursor given out for this question is good for."""
    who = {"endpoint": endpoint, "caller": call.principal.owner, "sees": "all" if call.principal.is_admin else "own"}
    return {**filters, **who}


def position_of(call: "Call", cursor: str | None, scope: Mapping[str, str | None]) -> Mapping[str, str] | None:
    """Where the page of a cursor begins. Raises InvalidCursor."""
    return None if cursor is None else call.services.cursors.read(cursor, scope)
