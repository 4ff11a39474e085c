"""What the API reference tells of the routes about reference."""

from collections.abc import Mapping
from typing import Any

from chalicelib.api.http.reply import HTML
from chalicelib.api.schema.description import Description

DESCRIPTIONS: Mapping[str, Description] = {
    "reference.handlers.openapi": Description("The API reference as an OpenAPI 3.1 document.", {200: dict[str, Any]}),
    "reference.handlers.docs": Description("The API reference as a page to read.", {200: str}, media_type=HTML),
}
