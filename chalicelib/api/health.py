"""Is the API there at all: without a token, a store, or settings."""

from typing import TYPE_CHECKING

from chalicelib.api.endpoint import Call
from chalicelib.api.wire import Reply

if TYPE_CHECKING:
    from chalicelib.api.replies import HealthView


def health(_: Call) -> Reply:
    view: HealthView = {"response": "ok"}
    return Reply(view)
