"""A job together with the row that it was read from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from chalicelib.jobs.model import Job

_FIELDS = tuple(one.name for one in fields(Job))


@dataclass(frozen=True, slots=True, eq=False)
class StoredJob(Job):
    """A job that was read. Its row comes along through the transitions of the domain, because `replace` keeps the class.

    `JobStore.save_each` writes only what differs from the row. A job that was written is a plain `Job` again.
    """

    row: Mapping[str, Any] = field(kw_only=True, repr=False)
    """In DynamoDB's notation, as it was read, whichever version of the service wrote it."""

    def __eq__(self, other: object) -> bool:
        """Compare as jobs: the row holds nothing that the job does not."""
        return without_row(self) == without_row(other) if isinstance(other, Job) else NotImplemented

    __hash__ = Job.__hash__


def with_row(job: Job, row: Mapping[str, Any]) -> StoredJob:
    """Return the job as it would be read from this row."""
    return StoredJob(**_values(job), row=row)


def without_row(job: Job) -> Job:
    """Return the job as a plain `Job`."""
    return Job(**_values(job)) if isinstance(job, StoredJob) else job


def _values(job: Job) -> dict[str, Any]:
    return {name: getattr(job, name) for name in _FIELDS}
