"""Signing accounts: list them, create one with its own key, unlock a paused one."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.admin.ports import AdminPorts
from chalicelib.errors import AccountNotFound, AccountNotUnlockable, JobsApiError, VersionConflict
from chalicelib.jobs.model import Account, account_id

NUDGED_AT_ONCE = 10
"""Jobs that an unlocked account's queue message names. The worker finds the others itself."""
UNCHECKED = "restored, not checked against the chain"
"""The reason for a pause begins so after a restore. Until the account is compared with the chain, a job could happen twice."""


@dataclass(frozen=True, slots=True)
class NewAccount:
    role: str
    bridge_type: str
    description: str | None = None
    app_name: str | None = None
    """The application whose issuer is the only one to sign with the account. None: the account belongs to its role's pool."""
    allows_value: bool = False
    """The issuers of the pool may send coins with it."""


def list_accounts(ports: AdminPorts) -> Sequence[Account]:
    """Return every account of this network, the oldest first."""
    own = [account for account in ports.accounts.all() if account.chain_id == ports.chain_id]
    return sorted(own, key=lambda account: (account.created_at is not None, account.created_at or 0, account.address))


def create_account(new: NewAccount, ports: AdminPorts) -> Account:
    """Create an account with a new key, which never leaves the key service. It has no funds yet.

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
            allows_value=new.allows_value,
        )
        try:
            is_stored = ports.accounts.put(account)
        except JobsApiError:
            ports.keys.give_back(key, address)
            raise
        if is_stored:
            return account
        # The key had been given back, because storing its account seemed to fail. The account exists: take another key.


def unlock_account(address: str, ports: AdminPorts) -> Account:
    """End the pause of an account, and send a queue message for its unsigned jobs.

    Raises AccountNotFound, and AccountNotUnlockable for an account that was restored and not compared with the chain yet.
    """
    account = _account(address, ports)
    if account.paused is not None:
        if account.paused.startswith(UNCHECKED):
            raise AccountNotUnlockable(f"{address} is {account.paused}: an operator has to run `make restore-check` first.")
        try:
            account = ports.accounts.pause(account, None)
        except VersionConflict:
            return _account(address, ports)  # another request unlocked it just now, or it was paused again for a new reason
    unsigned = ports.jobs.issued_on(account.account_id, account.signed_to, NUDGED_AT_ONCE)
    ports.queue.execute_now(account.account_id, [job_id for _, job_id in unsigned])
    return account


def _account(address: str, ports: AdminPorts) -> Account:
    account = ports.accounts.get(account_id(ports.chain_id, address))
    if account is None:
        raise AccountNotFound(address)
    return account
