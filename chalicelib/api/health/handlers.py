"""Tell whether the API answers at all. It needs no JWT, no store and no settings."""

from typing import TYPE_CHECKING

from chalicelib.api.http.reply import Reply
from chalicelib.api.http.request import Request

if TYPE_CHECKING:
    from chalicelib.api.health.replies import HealthView


def health(_: Request) -> Reply:
    view: HealthView = {"response": "ok"}
    return Reply(view)
