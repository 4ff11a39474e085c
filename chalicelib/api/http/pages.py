"""Pages of a list. A page ends by count and also by bytes, because a Lambda function answers 6 MB at most."""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chalicelib.api.http.request import Request

CHANGE_BYTES = 1_000
"""The most bytes by which the view of a job grows when the job is retried."""


class Room:
    """The bytes that are left in one reply. The first entry always fits: otherwise no page could ever show it."""

    def __init__(self, page_bytes: int) -> None:
        self._left = page_bytes
        self._is_empty = True

    def takes(self, view: Mapping[str, Any], more: int = 0) -> bool:
        """Return True and take the bytes of the entry if it still fits, with `more` bytes to spare."""
        needed = sent_bytes(view) + more
        if needed > self._left and not self._is_empty:
            return False
        self._left -= needed
        self._is_empty = False
        return True


def room_of(request: "Request") -> Room:
    return Room(request.services.parts.settings.bounds.page_bytes)


def sent_bytes(view: Mapping[str, Any]) -> int:
    """Return the bytes of an entry in the answer of a Lambda function: its JSON is escaped again, in a string of other JSON."""
    text = json.dumps(view, separators=(",", ":"))
    return len(text) + text.count('"') + text.count("\\") + 1


def first_that_fit(views: Iterable[Mapping[str, Any]], room: Room) -> list[Any]:
    """Return the entries before the first one that does not fit."""
    fitting: list[Any] = []
    for view in views:
        if not room.takes(view):
            break
        fitting.append(view)
    return fitting


def scope_of(request: "Request", name: str, filters: Mapping[str, str | None]) -> Mapping[str, str | None]:
    """Return what a cursor of the list `name` is bound to: the list, the caller and the filters."""
    who = {"endpoint": name, "caller": request.principal.owner, "sees": "all" if request.principal.is_admin else "own"}
    return {**filters, **who}


def position_of(request: "Request", cursor: str | None, scope: Mapping[str, str | None]) -> Mapping[str, str] | None:
    """Return where the page of a cursor begins, or None without a cursor. Raises InvalidCursor."""
    return None if cursor is None else request.services.cursors.read(cursor, scope)
