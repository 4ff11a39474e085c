"""The API reference as it is served: the OpenAPI document, and a page made from it. Both are built when first asked for."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from chalicelib.api.descriptions import DESCRIBED
from chalicelib.api.http.reply import HTML, Reply
from chalicelib.api.http.routing import Call
from chalicelib.api.reference.openapi import document_of
from chalicelib.api.reference.page import page_of

_CACHED = {"Cache-Control": "public, max-age=300"}
"""It changes with a deployment only."""


@cache
def _document() -> Mapping[str, Any]:
    return document_of(DESCRIBED)


@cache
def _page() -> tuple[str, Mapping[str, str]]:
    html, policy = page_of(_document())
    return html, {"Content-Type": HTML, "Content-Security-Policy": policy}


def openapi(_: Call) -> Reply:
    return Reply(_document(), headers=_CACHED)


def docs(_: Call) -> Reply:
    html, headers = _page()
    return Reply(html, headers={**_CACHED, **headers})
