"""Serve the API reference: two files of the zip, an OpenAPI document and an HTML page.

`make package` renders them and writes them into the zip, beside this module (`stack.build.reference`). They are not in the
source tree: an API that runs from there answers 501. The unit tests write them with the same function.
"""

import hashlib
import re
from base64 import b64encode
from pathlib import Path

from chalicelib.api.http.reply import HTML, Reply
from chalicelib.api.http.request import Request
from chalicelib.errors import NotConfigured

DIRECTORY = Path(__file__).parent
DOCUMENT = "openapi.json"
PAGE = "docs.html"

_CACHED = {"Cache-Control": "public, max-age=300"}
"""The reference changes with a deployment only."""
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


def openapi(_: Request) -> Reply:
    return Reply(_text_of(DOCUMENT), headers=_CACHED)


def docs(_: Request) -> Reply:
    html = _text_of(PAGE)
    return Reply(html, headers={**_CACHED, "Content-Type": HTML, "Content-Security-Policy": _policy_of(html)})


def _text_of(name: str) -> str:
    """Raises NotConfigured where `make package` has not written the file."""
    try:
        return (DIRECTORY / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotConfigured(f"The file {name} is not here: `make package` writes it into the zip of a stage.") from None


def _policy_of(html: str) -> str:
    """Return the Content-Security-Policy that allows the page its own style sheet and nothing else."""
    digests = (b64encode(hashlib.sha256(style.encode()).digest()).decode() for style in _STYLE.findall(html))
    styles = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; style-src {styles}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
