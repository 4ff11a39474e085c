"""Issues the jobs of the Admin API."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.admin.ports import AdminPorts
from chalicelib.jobs.accounts import default_account, is_idle
from chalicelib.jobs.ids import fingerprint
from chalicelib.jobs.issue import Issued, Prepared, Wish, job_id_of, new_job, put_job, replayed
from chalicelib.jobs.model import Account
from chalicelib.jobs.principal import Principal

Prepare = Callable[[str], Prepared]
"""Takes the job's id, returns its account, transaction and public data. It reads the chain, and refuses what cannot work."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One request to the Admin API. `parameters` is canonical: two ways to write the same request give the same
    `parameters`.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    correlation_id: str | None = None


def issue_operation(operation: Operation, principal: Principal, prepare: Prepare, ports: AdminPorts) -> Issued:
    """Store a new pending job, or return the job that this correlationId already names.

    A repeated request does not read the chain. So a repeated burn gets its job again, although the balance is now too low.

    Raises CorrelationIdReused when another request has this correlationId, and what `prepare` raises.
    """
    # Fingerprints are stored: a change of these keys would make repeated requests look like other ones.
    canonical = {
        "name": operation.name,
        "network": ports.network,
        "for": principal.default_signer,
        "asked": dict(operation.parameters),
    }
    wish = Wish(operation.name, ports.network, ports.chain_id, fingerprint(canonical), operation.correlation_id)
    job_id = job_id_of(wish, principal, ports.clock())
    if operation.correlation_id is not None:
        existing = ports.jobs.get(job_id)
        if existing is not None:
            return replayed(existing, principal.owner, wish.fingerprint, queue=ports.queue)
    job = new_job(job_id, wish, prepare(job_id), principal, ports.clock())
    return put_job(job, jobs=ports.jobs, queue=ports.queue, admission=ports.admission)


def signing_account(principal: Principal, ports: AdminPorts) -> Account:
    """Return the principal's account that signs, where the chain does not decide it. Raises InvalidRequest without one."""
    return default_account(
        principal,
        ports.network,
        ports.chain_id,
        jobs=ports.jobs,
        accounts=ports.accounts,
        mined=ports.contracts.transaction_counts,
    )


def is_account_idle(account: Account, ports: AdminPorts) -> bool:
    """Return whether no open job of the account may still change what the chain tells of it (invariant 11)."""
    return is_idle(account, jobs=ports.jobs, accounts=ports.accounts, mined=ports.contracts.transaction_counts)
