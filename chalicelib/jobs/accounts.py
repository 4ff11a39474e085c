"""Which account signs a job: one the principal may sign with, and no other, whatever the request says."""

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence

from chalicelib.errors import ChainUnavailable, Forbidden, InvalidRequest
from chalicelib.jobs.model import Account, account_id
from chalicelib.jobs.principal import Principal
from chalicelib.jobs.stores import AccountStore, JobStore

log = logging.getLogger(__name__)

BUSY = 200
"""Accounts with more pending jobs than this count as equally busy: counting further would cost more than it tells."""

MinedCounts = Callable[[Sequence[str]], Mapping[str, int]]
"""Addresses → how many transactions of each are mined. Raises ChainUnavailable."""


def named_account(address: str, principal: Principal, network: str, chain_id: int, *, accounts: AccountStore) -> Account:
    """The account a request names. Raises Forbidden for one that the principal may not sign with, or that is not there."""
    account = _read(account_id(chain_id, address), accounts)
    if account is not None and principal.may_sign_with(account):
        return account
    if address == principal.account_address:
        raise _not_set_up(address, network)
    raise Forbidden(f"You may not sign with the account {address}.")


def default_account(
    principal: Principal,
    network: str,
    chain_id: int,
    *,
    jobs: JobStore,
    accounts: AccountStore,
    mined: MinedCounts | None = None,
) -> Account:
    """Who signs when a request names nobody: of the role's pool the least busy account, without a role the token's own.

    Raises InvalidRequest when there is none.
    """
    if principal.role is not None:
        pool = accounts.of_role(chain_id, principal.role)
        if not pool:
            raise InvalidRequest(
                f"There is no account of the role {principal.role!r} on {network}: ask an administrator to add one."
            )
        return least_busy(pool, jobs=jobs, mined=mined)
    account = _read(account_id(chain_id, principal.account_address), accounts)
    if account is None:
        raise _not_set_up(principal.account_address, network)
    return account


def own_account(address: str | None, principal: Principal, chain_id: int, *, accounts: AccountStore) -> Account | None:
    """The account at this address, if the principal may sign with it."""
    account = _read(account_id(chain_id, address), accounts) if address is not None else None
    return account if account is not None and principal.may_sign_with(account) else None


def least_busy(
    pool: Sequence[Account],
    *,
    jobs: JobStore,
    mined: MinedCounts | None,
    choose: Callable[[Sequence[Account]], Account] = secrets.choice,
) -> Account:
    """The account with the fewest open jobs: pending ones, and nonces that are taken but not mined. Ties are broken at random,
    so that requests at the same moment spread. Paused accounts come last; without the chain, the pending jobs decide.
    """
    running = [account for account in pool if account.paused is None] or list(pool)
    if len(running) == 1:
        return running[0]
    in_flight = _in_flight(running, mined)
    open_jobs = {account.account_id: jobs.count_pending(account, BUSY) + in_flight[account.address] for account in running}
    fewest = min(open_jobs.values())
    return choose([account for account in running if open_jobs[account.account_id] == fewest])


def is_idle(account: Account, *, jobs: JobStore, accounts: AccountStore, mined: MinedCounts) -> bool:
    """Nothing of the account is open that may still change what its next transaction meets. Raises ChainUnavailable."""
    if jobs.has_pending(account):
        return False
    # After the jobs: what was signed before they were looked at has its nonce in the row by now.
    current = accounts.get(account.account_id) or account
    return current.next_nonce is None or current.next_nonce <= mined([account.address])[account.address]


def _read(its_id: str, accounts: AccountStore) -> Account | None:
    """What decides here who may sign never changes: an inconsistent read is wrong only of an account that is quite new."""
    return accounts.get(its_id, consistent=False) or accounts.get(its_id)


def _in_flight(accounts: Sequence[Account], mined: MinedCounts | None) -> Mapping[str, int]:
    counts: Mapping[str, int] = {}
    if mined is not None:
        try:
            counts = mined([account.address for account in accounts])
        except ChainUnavailable:
            log.warning("a pool's account is chosen by its pending jobs alone: the chain does not answer")
    return {
        account.address: max(0, (account.next_nonce or 0) - counts.get(account.address, account.next_nonce or 0))
        for account in accounts
    }


def _not_set_up(address: str, network: str) -> InvalidRequest:
    return InvalidRequest(f"The token's account {address} is not set up on {network}: ask an administrator to add it.")
