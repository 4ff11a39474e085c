"""Issue a job of the Admin API: recognised by what was asked for, made of what the chain says now."""

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
"""From the job's id to its transaction: reads the chain, and refuses what cannot work."""


@dataclass(frozen=True, slots=True)
class Order:
    """A request in the issuer's own words. `asked` is canonical: the same request, however it was written, has the same."""

    name: str
    asked: Mapping[str, Any] = field(default_factory=dict)
    correlation_id: str | None = None


def issue_order(order: Order, principal: Principal, prepare: Prepare, ports: AdminPorts) -> Issued:
    """Store a new pending job, or return the one this correlationId already names, which asks the chain for nothing.

    What a first request was refused for or what has changed since plays no part in a repetition's answer: a burn that took the
    balance is not told that the balance is too low. Raises CorrelationIdReused, and whatever `prepare` refuses.
    """
    canonical = {"name": order.name, "network": ports.network, "for": principal.default_signer, "asked": dict(order.asked)}
    wish = Wish(order.name, ports.network, ports.chain_id, fingerprint(canonical), order.correlation_id)
    job_id = job_id_of(wish, principal, ports.clock())
    if order.correlation_id is not None:
        existing = ports.jobs.get(job_id)
        if existing is not None:
            return replayed(existing, principal.owner, wish.fingerprint, ports)
    job = new_job(job_id, wish, prepare(job_id), principal, ports.clock())
    return put_job(job, ports)


def signing_account(principal: Principal, ports: AdminPorts) -> Account:
    """Who signs where nothing on chain decides it. Raises InvalidRequest when there is none."""
    return default_account(principal, ports.network, ports.chain_id, ports)


def stands_still(account: Account, ports: AdminPorts) -> bool:
    """Whether what the chain says of the account's doings will stay so: an open job may change it (invariant 11)."""
    return is_idle(account, ports)
