"""Find jobs. A principal sees its own jobs: another issuer's job looks exactly like one that does not exist."""

from __future__ import annotations  # the ports are for mypy: a poll by an issuer loads as little as it can

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib.errors import JobNotFound
from chalicelib.jobs.ids import derived_job_id
from chalicelib.jobs.model import Job, Status
from chalicelib.jobs.principal import Principal
from chalicelib.jobs.stores import Page

if TYPE_CHECKING:
    from chalicelib.jobs.api_ports import ApiPorts


def fetch_job(job_id: str, principal: Principal, ports: ApiPorts) -> Job:
    """Raises JobNotFound."""
    job = ports.jobs.get(job_id)
    if job is None or not principal.may_see(job):
        raise JobNotFound
    return job


def fetch_by_correlation_id(correlation_id: str, principal: Principal, ports: ApiPorts) -> Job:
    """Return the principal's own job with this correlationId, strongly consistent. An admin finds the newest of any owner, too.

    Raises JobNotFound.
    """
    own = ports.jobs.get(derived_job_id(principal.owner, correlation_id))
    if own is not None and own.correlation_id == correlation_id and principal.may_see(own):
        return own
    found = [job for job in ports.jobs.find_by_correlation_id(correlation_id) if principal.may_see(job)]
    if not found:
        raise JobNotFound
    return max(found, key=lambda job: job.created_at)


def fetch_by_external_id(
    external_id: str, principal: Principal, ports: ApiPorts, *, limit: int, cursor: Mapping[str, str] | None
) -> Page:
    """Return the jobs with this externalId that the principal may see, newest first."""
    owner = None if principal.is_admin else principal.owner
    return ports.jobs.find_by_external_id(external_id, owner, limit, cursor)


def list_jobs(
    principal: Principal,
    ports: ApiPorts,
    *,
    status: Status | None,
    name: str | None,
    limit: int,
    cursor: Mapping[str, str] | None,
    correlation_id: str | None = None,
    account: str | None = None,
) -> Page:
    """Return the principal's own jobs, or for an admin the jobs of every owner, newest first. All given filters hold."""
    if correlation_id is None:
        owner = None if principal.is_admin else principal.owner
        return ports.jobs.list_jobs(owner, status, name, limit, cursor, account=account)
    found = [
        job
        for job in _correlated(correlation_id, principal, ports)
        if status in (None, job.status) and name in (None, job.name) and account in (None, job.account)
    ]
    return Page(tuple(sorted(found, key=lambda job: job.issued_order, reverse=True)[:limit]))


def _correlated(correlation_id: str, principal: Principal, ports: ApiPorts) -> list[Job]:
    """Return the principal's own job with this correlationId, read consistently, and for an admin those of the index."""
    own = ports.jobs.get(derived_job_id(principal.owner, correlation_id))
    found = {job.job_id: job for job in (ports.jobs.find_by_correlation_id(correlation_id) if principal.is_admin else [])}
    if own is not None:
        found[own.job_id] = own
    return [job for job in found.values() if job.correlation_id == correlation_id and principal.may_see(job)]
