"""Signing accounts: list them, make one with a key of its own, let a paused one go on."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.admin.ports import AdminPorts
from chalicelib.errors import AccountNotFound, AccountNotUnlockable, JobsApiError, VersionConflict
from chalicelib.jobs.model import Account, account_id

NUDGED_AT_ONCE = 10
UNCHECKED = "restored, not checked against the chain"
"""How the reason begins for which an operator pauses accounts whose jobs were restored: signed on, a job could happen twice."""


@dataclass(frozen=True, slots=True)
class NewAccount:
    role: str
    bridge_type: str
    description: str | None = None
    app_name: str | None = None
    """The application whose issuer alone signs with the account; without one it belongs to the pool of its role."""


def list_accounts(ports: AdminPorts) -> Sequence[Account]:
    """Every account of this network, the oldest first."""
    own = [account for account in ports.accounts.all() if account.chain_id == ports.chain_id]
    return sorted(own, key=lambda account: (account.created_at is not None, account.created_at or 0, account.address))


def create_account(new: NewAccount, ports: AdminPorts) -> Account:
    """An account with a new key, which never leaves the key service. It has no funds yet.

    Raises SignerUnavailable when the key service does not answer, ServiceUnavailable when the account cannot be stored.
    """
    while True:
        key, address = ports.keys.create(new.description or f"{new.role} account")
        account = Account(
            chain_id=ports.chain_id,
            address=address,
            key=key,
            owner=None if new.app_name is None else address,
            role=new.role,
            bridge_type=new.bridge_type,
            description=new.description,
            app_name=new.app_name,
            created_at=ports.clock(),
        )
        try:
            is_stored = ports.accounts.put(account)
        except JobsApiError:
            ports.keys.give_back(key, address)
            raise
        if is_stored:
            return account
        # The key was given back when its account could not be stored. It was stored all the same: that key is taken.


def unlock_account(address: str, ports: AdminPorts) -> Account:
    """Let a paused account go on; one that is not paused stays as it is.

    Raises AccountNotFound, and AccountNotUnlockable for one that was restored and not compared with the chain yet.
    """
    account = _account(address, ports)
    if account.paused is not None:
        if account.paused.startswith(UNCHECKED):
            raise AccountNotUnlockable(f"{address} is {account.paused}: an operator's restore-check lets it go on.")
        try:
            account = ports.accounts.pause(account, None)
        except VersionConflict:
            return _account(address, ports)  # somebody else has just resumed it, or paused it again for a reason of today
    unsigned = ports.jobs.issued_on(account.account_id, account.signed_to, NUDGED_AT_ONCE)
    ports.queue.execute_now(account.account_id, [job_id for _, job_id in unsigned])
    return account


def _account(address: str, ports: AdminPorts) -> Account:
    account = ports.accounts.get(account_id(ports.chain_id, address))
    if account is None:
        raise AccountNotFound(address)
    return account
