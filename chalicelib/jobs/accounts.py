"""Choose the account that signs a job: always one that the principal may sign with, whatever the request says."""

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence

from chalicelib.errors import ChainUnavailable, Forbidden, InvalidRequest
from chalicelib.jobs.api_ports import ApiPorts
from chalicelib.jobs.model import Account, account_id
from chalicelib.jobs.principal import Principal
from chalicelib.jobs.stores import AccountStore

log = logging.getLogger(__name__)

BUSY = 200
"""Accounts with more pending jobs than this count as equally busy: counting further would cost more than it tells."""


def named_account(address: str, principal: Principal, network: str, chain_id: int, ports: ApiPorts) -> Account:
    """Return the account that a request names. Raises Forbidden if the principal may not sign with it or it does not exist."""
    account = _read(account_id(chain_id, address), ports.accounts)
    if account is not None and principal.may_sign_with(account):
        return account
    if address == principal.account_address:
        raise _not_set_up(address, network)
    raise Forbidden(f"You may not sign with the account {address}.")


def default_account(principal: Principal, network: str, chain_id: int, ports: ApiPorts) -> Account:
    """Return the account that signs when a request names none: the least busy of the role's pool, or the JWT's own account.

    Raises InvalidRequest if there is no such account.
    """
    if principal.role is not None:
        pool = ports.accounts.of_role(chain_id, principal.role)
        if not pool:
            raise InvalidRequest(
                f"There is no account of the role {principal.role!r} on {network}: ask an administrator to add one."
            )
        return least_busy(pool, ports)
    account = _read(account_id(chain_id, principal.account_address), ports.accounts)
    if account is None:
        raise _not_set_up(principal.account_address, network)
    return account


def own_account(address: str | None, principal: Principal, chain_id: int, ports: ApiPorts) -> Account | None:
    """Return the account at this address if the principal may sign with it."""
    account = _read(account_id(chain_id, address), ports.accounts) if address is not None else None
    return account if account is not None and principal.may_sign_with(account) else None


def least_busy(
    pool: Sequence[Account], ports: ApiPorts, choose: Callable[[Sequence[Account]], Account] = secrets.choice
) -> Account:
    """Return the account with the fewest open jobs: pending jobs, and nonces that are taken but not mined.

    Ties are broken at random, so that requests at the same moment spread. Paused accounts come last. When the chain does not
    answer, the pending jobs alone decide.
    """
    running = [account for account in pool if account.paused is None] or list(pool)
    if len(running) == 1:
        return running[0]
    in_flight = _in_flight(running, ports)
    open_jobs = {
        account.account_id: ports.jobs.count_pending(account, BUSY) + in_flight[account.address] for account in running
    }
    fewest = min(open_jobs.values())
    return choose([account for account in running if open_jobs[account.account_id] == fewest])


def is_idle(account: Account, ports: ApiPorts) -> bool:
    """True if no open job of the account may still change what its next transaction meets. Raises ChainUnavailable."""
    if ports.jobs.has_pending(account):
        return False
    # Read after the jobs: a job that was signed before has moved the account's next nonce by now.
    current = ports.accounts.get(account.account_id) or account
    return current.next_nonce is None or current.next_nonce <= ports.mined_counts([account.address])[account.address]


def _read(its_id: str, accounts: AccountStore) -> Account | None:
    """What decides who may sign never changes, so an inconsistent read is only wrong about an account that is quite new."""
    return accounts.get(its_id, consistent=False) or accounts.get(its_id)


def _in_flight(accounts: Sequence[Account], ports: ApiPorts) -> Mapping[str, int]:
    counts: Mapping[str, int] = {}
    try:
        counts = ports.mined_counts([account.address for account in accounts])
    except ChainUnavailable:
        log.warning("a pool's account is chosen by its pending jobs alone: the chain does not answer")
    return {
        account.address: max(0, (account.next_nonce or 0) - counts.get(account.address, account.next_nonce or 0))
        for account in accounts
    }


def _not_set_up(address: str, network: str) -> InvalidRequest:
    return InvalidRequest(f"The token's account {address} is not set up on {network}: ask an administrator to add it.")
