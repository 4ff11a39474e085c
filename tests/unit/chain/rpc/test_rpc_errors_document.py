"""docs/rpc-errors.md shows the table of node errors as it is in the code."""

import re

import pytest

from chalicelib.chain.rpc.error_texts import BROADCAST, FUNDS, HALTED, REVERTED, THROTTLED, TOO_BIG, TOO_SLOW, UNSUPPORTED
from tests.rpc_errors_document import DOCUMENT, document

TABLES = [REVERTED, FUNDS, HALTED, THROTTLED, TOO_BIG, TOO_SLOW, UNSUPPORTED, *(texts for _, texts in BROADCAST)]


def test_the_document_shows_the_table_as_it_is() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(), "stale: run python -m tests.rpc_errors_document"


@pytest.mark.parametrize("text", dict.fromkeys(text for texts in TABLES for text in texts), ids=lambda text: text.pattern[:40])
def test_every_text_has_a_source_and_a_pattern_for_lower_case(text) -> None:
    re.compile(text.pattern)
    assert text.source
    without_classes = re.sub(r"\\[a-zA-Z]", "", text.pattern)
    assert without_classes == without_classes.lower()
