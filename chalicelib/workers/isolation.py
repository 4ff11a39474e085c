"""One job's trouble is one job's: it is logged with the job's id, and the work on others goes on (invariant 12)."""

import logging

from chalicelib.errors import JobsApiError

log = logging.getLogger(__name__)


def log_isolated(what: str, job_id: str, error: Exception) -> None:
    """Write one line for the operator. An error that this service does not name is told with its traceback."""
    if isinstance(error, JobsApiError):
        log.error(what, extra={"jobId": job_id, "code": error.code, "reason": error.message})
    else:
        log.error(what, extra={"jobId": job_id}, exc_info=error)
