"""Issue a job of the Admin API: recognised by what the issuer asked for, made of what the chain says now."""

from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.admin.ports import AdminPorts
from chalicelib.jobs.accounts import default_account, is_idle
from chalicelib.jobs.ids import fingerprint
from chalicelib.jobs.issue import Issued, NewJob, job_id_of, job_of, put_job, replayed
from chalicelib.jobs.model import Account
from chalicelib.jobs.principal import Principal

Prepare = Callable[[str], NewJob]
"""Makes the new job, given its id: reads the chain, and refuses what cannot work."""


def issue_once(
    name: str,
    asked: Mapping[str, Any],
    correlation_id: str | None,
    principal: Principal,
    *,
    prepare: Prepare,
    ports: AdminPorts,
) -> Issued:
    """Store a new pending job, or return the one that this correlationId already names.

    `asked` is what the issuer asked for, in a canonical form: the same request, however it is written, has the same. A
    repetition is recognised by it before `prepare` reads the chain. So a burn that took the balance is not refused, when it is
    repeated, because the balance is too low. Raises CorrelationIdReused, TooManyOpenJobs, and what `prepare` raises.
    """
    fingerprint_ = fingerprint({"name": name, "network": ports.network, "for": principal.default_signer, "asked": dict(asked)})
    job_id = job_id_of(correlation_id, principal, ports.clock())
    if correlation_id is not None:
        existing = ports.jobs.get(job_id)
        if existing is not None:
            return replayed(existing, principal.owner, fingerprint_, ports)
    job = job_of(prepare(job_id), job_id, fingerprint_, principal, ports.clock())
    return put_job(job, ports)


def signing_account(principal: Principal, ports: AdminPorts) -> Account:
    """Return the account that signs where nothing on chain decides it. Raises InvalidRequest where it does not exist."""
    return default_account(principal, ports.network, ports.chain_id, ports)


def is_account_idle(account: Account, ports: AdminPorts) -> bool:
    """Return True when no open job of the account can change what the chain says about it now (invariant 11)."""
    return is_idle(account, ports)
