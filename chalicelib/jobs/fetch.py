"""Find jobs, each principal its own: what is another's looks exactly like what does not exist."""

from collections.abc import Mapping

from chalicelib.errors import JobNotFound
from chalicelib.jobs.ids import derived_job_id
from chalicelib.jobs.model import Job, Status
from chalicelib.jobs.principal import Principal
from chalicelib.jobs.stores import JobStore, Page


def fetch_job(job_id: str, principal: Principal, *, jobs: JobStore) -> Job:
    """Raises JobNotFound."""
    job = jobs.get(job_id)
    if job is None or not principal.may_see(job):
        raise JobNotFound
    return job


def fetch_by_correlation_id(correlation_id: str, principal: Principal, *, jobs: JobStore) -> Job:
    """The principal's own job with this correlationId (strongly consistent); an admin finds any owner's, the newest first.

    Raises JobNotFound.
    """
    own = jobs.get(derived_job_id(principal.owner, correlation_id))
    if own is not None and own.correlation_id == correlation_id and principal.may_see(own):
        return own
    found = [job for job in jobs.find_by_correlation_id(correlation_id) if principal.may_see(job)]
    if not found:
        raise JobNotFound
    return max(found, key=lambda job: job.created_at)


def fetch_by_external_id(
    external_id: str, principal: Principal, *, limit: int, cursor: Mapping[str, str] | None, jobs: JobStore
) -> Page:
    """The jobs with this externalId that the principal may see, newest first; none is an empty page."""
    owner = None if principal.is_admin else principal.owner
    return jobs.find_by_external_id(external_id, owner, limit, cursor)


def list_jobs(
    principal: Principal,
    *,
    status: Status | None,
    name: str | None,
    limit: int,
    cursor: Mapping[str, str] | None,
    jobs: JobStore,
    correlation_id: str | None = None,
    account: str | None = None,
) -> Page:
    """Own jobs, newest first (an admin's: everybody's). All given filters hold."""
    if correlation_id is None:
        return jobs.list_jobs(None if principal.is_admin else principal.owner, status, name, limit, cursor, account=account)
    found = [
        job
        for job in _correlated(correlation_id, principal, jobs)
        if status in (None, job.status) and name in (None, job.name) and account in (None, job.account)
    ]
    return Page(tuple(sorted(found, key=lambda job: job.issued_order, reverse=True)[:limit]))


def _correlated(correlation_id: str, principal: Principal, jobs: JobStore) -> list[Job]:
    """The principal's own job with this correlationId, read consistently; for an admin those of every owner, by the index."""
    own = jobs.get(derived_job_id(principal.owner, correlation_id))
    found = {job.job_id: job for job in (jobs.find_by_correlation_id(correlation_id) if principal.is_admin else [])}
    if own is not None:
        found[own.job_id] = own
    return [job for job in found.values() if job.correlation_id == correlation_id and principal.may_see(job)]
