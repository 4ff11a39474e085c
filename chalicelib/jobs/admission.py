"""Limit the open jobs of one owner and the size of one row. Both are checked before a job is issued or retried.

Most requests need no count. A process counts an owner's jobs once, lets a share of the remaining ones through, and counts again
when the share is used up or a minute old. Jobs of the last minutes are in no index and do not count. The limit of requests in a
minute bounds those.
"""

import logging
import threading
import time
from collections.abc import Callable

from chalicelib.backoff import ASK_AGAIN_SECONDS
from chalicelib.bounds import Bounds
from chalicelib.errors import JobTooLarge, TooManyOpenJobs
from chalicelib.jobs.model import Job
from chalicelib.jobs.stores import JobStore

log = logging.getLogger(__name__)

SHARE = 20
"""A process lets this part of an owner's limit through before it counts again."""
COUNT_SECONDS = 60
RETRY_AFTER_SECONDS = 60
OWNERS_REMEMBERED = 10_000


class Admission:
    """One process's memory of how many jobs each owner may still open."""

    def __init__(self, bounds: Bounds, jobs: Callable[[], JobStore], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._bounds = bounds
        self._jobs = jobs
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._left: dict[str, tuple[int, float]] = {}
        """By owner: how many more jobs may be opened, and until when that count is used."""

    def require_room(self, owner: str) -> None:
        """Take one open job of the owner's share. Raises TooManyOpenJobs when the owner has as many as it may have."""
        if not (self._takes_one(owner) or self._counts(owner)):
            raise TooManyOpenJobs(self._bounds.open_jobs_of_owner, RETRY_AFTER_SECONDS)

    def require_small(self, job: Job) -> None:
        """Raises JobTooLarge for a job whose row has no room for one more attempt."""
        row_bytes = self._jobs().row_bytes(job)
        if row_bytes > self._bounds.row_bytes:
            raise JobTooLarge(row_bytes, self._bounds.row_bytes)

    def _takes_one(self, owner: str) -> bool:
        with self._lock:
            left, until = self._left.get(owner, (0, 0.0))
            if left <= 0 or self._monotonic() >= until:
                return False
            self._left[owner] = (left - 1, until)
            return True

    def _counts(self, owner: str) -> bool:
        limit = self._bounds.open_jobs_of_owner
        believed_for = COUNT_SECONDS
        try:
            left = limit - self._jobs().count_open(owner, limit)
        except Exception as error:  # noqa: BLE001 -- an index that does not answer is no reason to refuse requests
            log.warning("open jobs could not be counted, so they are not limited", extra={"problem": type(error).__name__})
            left, believed_for = limit, ASK_AGAIN_SECONDS
        with self._lock:
            if len(self._left) >= OWNERS_REMEMBERED:
                self._left.clear()
            share = min(left, max(1, limit // SHARE))
            self._left[owner] = (share - 1, self._monotonic() + believed_for)
        return left > 0
