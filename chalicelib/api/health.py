"""Is the API there at all: without a token, a store, or settings."""

from typing import Literal

from typing_extensions import TypedDict

from chalicelib.api.endpoint import Call, Right, Route
from chalicelib.api.wire import Reply


class HealthView(TypedDict):
    response: Literal["ok"]


def health(_: Call) -> Reply:
    view: HealthView = {"response": "ok"}
    return Reply(view)


ROUTES: tuple[Route, ...] = (
    Route(
        methods=("GET",),
        path="/health",
        handler=health,
        right=Right.ANYONE,
        summary="Whether the API is there at all.",
        replies={200: HealthView},
    ),
)
