"""The API reference as it is served: the OpenAPI document, and a page made from it."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from chalicelib.api.endpoint import Call, Right, Route
from chalicelib.api.wire import HTML, Reply

_CACHED = {"Cache-Control": "public, max-age=300"}
"""It changes with a deployment only."""


def routes_describing(resources: tuple[Route, ...]) -> tuple[Route, ...]:
    """The routes that tell of these, and of themselves. Both are built when first asked for."""

    @cache
    def document() -> Mapping[str, Any]:
        from chalicelib.api.openapi import document_of  # noqa: PLC0415 -- no other request needs it

        return document_of((*resources, *own))

    @cache
    def page() -> tuple[str, Mapping[str, str]]:
        from chalicelib.api.docs import page_of  # noqa: PLC0415

        html, policy = page_of(document())
        return html, {"Content-Type": HTML, "Content-Security-Policy": policy}

    def openapi(_: Call) -> Reply:
        return Reply(document(), headers=_CACHED)

    def docs(_: Call) -> Reply:
        html, headers = page()
        return Reply(html, headers={**_CACHED, **headers})

    own = (
        Route(
            methods=("GET",),
            path="/openapi.json",
            handler=openapi,
            right=Right.ANYONE,
            summary="The API reference as an OpenAPI 3.1 document.",
            replies={200: dict[str, Any]},
        ),
        Route(
            methods=("GET",),
            path="/docs",
            handler=docs,
            right=Right.ANYONE,
            summary="The API reference as a page to read.",
            replies={200: str},
            media_type=HTML,
        ),
    )
    return own
