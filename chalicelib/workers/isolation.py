"""Log an error of one job with the job's id, so that the work on other jobs can go on (invariant 12)."""

import logging

from chalicelib.errors import JobsApiError

log = logging.getLogger(__name__)


def log_isolated(what: str, job_id: str, error: Exception) -> None:
    """Write one line for the operator, with a traceback if the error is not one of this service's own."""
    if isinstance(error, JobsApiError):
        log.error(what, extra={"jobId": job_id, "code": error.code, "reason": error.message})
    else:
        log.error(what, extra={"jobId": job_id}, exc_info=error)
