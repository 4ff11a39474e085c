"""The order of jobs as sortable text: by time, and by id for the same time."""

from datetime import UTC, datetime


def time_text(at: datetime) -> str:
    """Return the time as sortable text of a fixed width: 2026-01-31T12:00:00.000000Z."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def order(at: datetime, job_id: str) -> str:
    """Return a sort key by time, unique by id."""
    return f"{time_text(at)}#{job_id}"


def time_of(its_order: str) -> datetime:
    """Return the time in a sort key."""
    return datetime.fromisoformat(its_order.partition("#")[0])
