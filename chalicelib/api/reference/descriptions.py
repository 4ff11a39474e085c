"""What the API reference tells of its own two routes."""

from collections.abc import Mapping
from typing import Any

from chalicelib.api.http.reply import HTML
from chalicelib.api.schema.description import Description
from chalicelib.errors import NotConfigured

DESCRIPTIONS: Mapping[str, Description] = {
    "reference.handlers.openapi": Description(
        "The API reference as an OpenAPI 3.1 document.",
        {200: dict[str, Any]},
        errors=(NotConfigured,),
    ),
    "reference.handlers.docs": Description(
        "The API reference as a page to read.",
        {200: str},
        errors=(NotConfigured,),
        media_type=HTML,
    ),
}
