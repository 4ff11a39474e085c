"""Custody: which contracts an issuer may call with a shared account.

An account of a pool signs for several issuers, and a contract cannot tell them apart. So only the issuer whose job created a
contract may call it with a shared account. Contracts that no job created are open to every issuer of the pool.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from chalicelib.errors import NotYourContract, ValueNotAllowed
from chalicelib.jobs.api_ports import ApiPorts
from chalicelib.jobs.model import Account, Job, TransactionRequest, account_id
from chalicelib.jobs.principal import Principal

BY_ADMIN = "issuedByAdministrator"
"""In the data of an administrator's job on a shared account, which may call any contract. No request can set it."""
MOST_CALLEES = 20
"""Contracts that one transaction of a shared account may reach: each one is looked up."""

Callees = Callable[[TransactionRequest], Sequence[str]]
"""Returns the contracts that a transaction calls: `to`, and those that wallets call. Addresses are checksummed."""


class Creations(Protocol):
    """What custody needs of the store of jobs."""

    def find_by_creation(self, address: str) -> Sequence[Job]: ...


class EachOnce:
    """Looks each address up once, for many jobs that are checked together."""

    def __init__(self, jobs: Creations) -> None:
        self._jobs = jobs
        self._found: dict[str, Sequence[Job]] = {}

    def find_by_creation(self, address: str) -> Sequence[Job]:
        if address not in self._found:
            self._found[address] = self._jobs.find_by_creation(address)
        return self._found[address]


def require_own_contracts(
    addresses: Collection[str], owner: str, account: Account, *, jobs: Creations, by_admin: bool = False
) -> frozenset[str]:
    """Raises NotYourContract if the account is shared and another issuer's job created one of these contracts.

    Returns the addresses that no job is known to have created. The index of creations lags behind the chain by seconds:
    `chalicelib.workers.custody` waits for it before anything is signed.
    """
    if not account.is_shared or by_admin:
        return frozenset()
    if len(set(addresses)) > MOST_CALLEES:
        raise NotYourContract(f"With a shared account, a transaction calls at most {MOST_CALLEES} contracts.")
    unknown = set()
    for address in dict.fromkeys(addresses):
        creators = {job.owner for job in jobs.find_by_creation(address) if job.chain_id == account.chain_id}
        if creators and owner not in creators:
            raise NotYourContract(
                f"Another issuer's job created {address}: the shared account {account.address} may not call it."
            )
        if not creators:
            unknown.add(address)
    return frozenset(unknown)


def require_custody(
    request: TransactionRequest, owner: str, account: Account, *, jobs: Creations, callees: Callees, by_admin: bool = False
) -> None:
    """Raises NotYourContract and ValueNotAllowed if this owner may not have the account sign the transaction."""
    if not account.is_shared or by_admin:
        return
    if request.value > 0 and not account.allows_value:
        raise ValueNotAllowed(f"The shared account {account.address} sends no coins: leave value out, or make it 0.")
    require_own_contracts(callees(request), owner, account, jobs=jobs)


def may_use(address: str, principal: Principal, account: Account, *, jobs: Creations) -> bool:
    """True if the principal may call this contract with the account: no other issuer's job created it."""
    try:
        require_own_contracts([address], principal.owner, account, jobs=jobs, by_admin=principal.is_admin)
    except NotYourContract:
        return False
    return True


def is_by_admin(job: Job) -> bool:
    """True if an administrator issued the job on a shared account."""
    return job.data.get(BY_ADMIN) is True


class Custody:
    """Check jobs that are stored already. Each account is read once."""

    def __init__(self, ports: ApiPorts) -> None:
        self._ports = ports
        self._jobs = EachOnce(ports.jobs)
        self._read: dict[str, Account | None] = {}

    def require(self, job: Job) -> None:
        """Raises NotYourContract and ValueNotAllowed."""
        its_id = account_id(job.chain_id, job.account)
        if its_id not in self._read:
            self._read[its_id] = self._ports.accounts.get(its_id, consistent=False)
        account = self._read[its_id]
        if account is not None:
            callees, by_admin = self._ports.callees, is_by_admin(job)
            require_custody(job.request, job.owner, account, jobs=self._jobs, callees=callees, by_admin=by_admin)
