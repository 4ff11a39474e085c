"""Through all pages of a list, as a client goes."""

from collections.abc import Callable, Mapping

from chalicelib.jobs.stores import Page
from tests.store.backends import ids

Cursor = Mapping[str, str] | None


def walk(page_at: Callable[[Cursor], Page], between: Callable[[], object] = lambda: None) -> list[Page]:
    """Every page, from the first one to the one without a cursor; `between` happens after each."""
    pages: list[Page] = []
    cursor: Cursor = None
    while not pages or cursor is not None:
        pages.append(page_at(cursor))
        cursor = pages[-1].cursor
        between()
        assert len(pages) < 100
    return pages


def jobs_of(pages: list[Page]) -> list[str]:
    return [job_id for page in pages for job_id in ids(page.jobs)]
