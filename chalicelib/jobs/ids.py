"""Job ids and request fingerprints: what makes issuing idempotent without a lock (design: section 4)."""

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

JOB_ID = re.compile(r"[0-9a-f]{24}")


def derived_job_id(owner: str, correlation_id: str) -> str:
    """The id of an owner's job with this correlationId: 24 hex digits, the same every time it is asked for."""
    return hashlib.sha256(f"{owner}\0{correlation_id}".encode()).hexdigest()[:24]


def random_job_id(now: datetime, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """An id for a job without a correlationId: 4 bytes of time, 8 random, as 24 hex digits."""
    return int(now.timestamp()).to_bytes(4, "big").hex() + random_bytes(8).hex()


def fingerprint(canonical: Mapping[str, Any]) -> str:
    """SHA-256 of a request in canonical form: the same request, however it was written, has the same fingerprint."""
    return hashlib.sha256(json.dumps(canonical, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
