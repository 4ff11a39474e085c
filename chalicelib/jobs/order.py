"""The order of jobs, as text that sorts: by a time, and where that is the same, by id."""

from datetime import UTC, datetime


def time_text(at: datetime) -> str:
    """Fixed width, sortable: 2026-01-31T12:00:00.000000Z."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def order(at: datetime, job_id: str) -> str:
    """A sort key by time, unique by id."""
    return f"{time_text(at)}#{job_id}"


def time_of(its_order: str) -> datetime:
    """The time an order sorts by."""
    return datetime.fromisoformat(its_order.partition("#")[0])
