"""Write the API reference as the two files that the API serves."""

import json
from pathlib import Path

from chalicelib.api.descriptions import DESCRIBED
from chalicelib.api.reference.handlers import DOCUMENT, PAGE
from stack.build.reference.openapi import document_of
from stack.build.reference.page import page_of


def write_reference(directory: Path) -> None:
    """Write the OpenAPI document and its HTML page into `directory`. The same code gives the same bytes.

    Raises ValueError when a route and its description disagree.
    """
    document = document_of(DESCRIBED)
    (directory / DOCUMENT).write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")
    (directory / PAGE).write_text(page_of(document), encoding="utf-8")
