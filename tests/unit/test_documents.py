"""The documents are complete and lead somewhere: links, headings, paths and codes that they name exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.api.descriptions import DESCRIBED
from chalicelib.errors import MethodNotAllowed, NotFound, ReplyFull
from chalicelib.jobs.fail_codes import FailCode
from stack.build.reference.openapi import errors_of
from tests.document_tables import DOCUMENTS, ROOT

API = ROOT / "docs" / "api.md"
README_LINES = 150
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NAMED_PATH = re.compile(r"`((?:\.chalice|\.ci|chalicelib|contracts|docs|stack|tests)/[\w./-]+|app\.py|Makefile)`")
MADE_BY_A_COMMAND = ("contracts/node_modules", "tests/stack/nodes")


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(document: Path) -> Iterator[tuple[Path, str]]:
    """Each link of a document to a file of the repository: the file, and the anchor or an empty string."""
    for target in LINK.findall(document.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            path, _, anchor = target.partition("#")
            yield (document.parent / path).resolve() if path else document, anchor


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    for path, anchor in links(document):
        assert path.exists(), path
        assert not anchor or anchor in anchors(path), f"{path.name}#{anchor}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    named = set(NAMED_PATH.findall(document.read_text(encoding="utf-8"))) - set(MADE_BY_A_COMMAND)
    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_every_document_is_linked_from_the_readme() -> None:
    linked = {path for path, _ in links(ROOT / "README.md")}
    assert {path for path in DOCUMENTS if path.parent == ROOT / "docs"} <= linked


def test_the_document_for_issuers_lists_every_error_code() -> None:
    errors = [
        error for one in DESCRIBED for method in one.route.methods for of in errors_of(one, method).values() for error in of
    ]
    text = API.read_text(encoding="utf-8")
    for error in {*errors, NotFound, MethodNotAllowed, ReplyFull}:
        assert f"| `{error.code}` | {error.http_status} |" in text, error.code


def test_the_document_for_issuers_lists_every_code_of_a_failed_job() -> None:
    section = API.read_text(encoding="utf-8").split("\n## Codes of failed jobs\n")[1].split("\n## ")[0]
    listed = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    assert {code.value for code in FailCode} <= listed
