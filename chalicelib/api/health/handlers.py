"""Is the API there at all: without a token, a store, or settings."""

from typing import TYPE_CHECKING

from chalicelib.api.http.reply import Reply
from chalicelib.api.http.routing import Call

if TYPE_CHECKING:
    from chalicelib.api.health.replies import HealthView


def health(_: Call) -> Reply:
    view: HealthView = {"response": "ok"}
    return Reply(view)
