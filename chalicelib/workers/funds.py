"""An account that cannot pay for gas is paused, and resumed once it has funds again."""

import logging

from chalicelib.jobs.model import Account
from chalicelib.jobs.ports import AccountView
from chalicelib.networks import TRANSFER_GAS
from chalicelib.workers.ports import WorkerPorts

log = logging.getLogger(__name__)

UNFUNDED = "it has no funds to pay for gas"
"""The one reason for which this service pauses an account and resumes it. Any other reason is an operator's.

Rows hold this text: do not change it.
"""


def pause_if_broke(account: Account, account_view: AccountView, ports: WorkerPorts) -> Account:
    """Pause the account if it cannot pay for the smallest transaction. One job that costs too much is no reason."""
    if _can_pay(account_view):
        return account
    paused = ports.accounts.pause(account, UNFUNDED)
    log.error("account paused", extra={"account": account.address, "reason": UNFUNDED})
    return paused


def resumed_if_funded(account: Account, account_view: AccountView, ports: WorkerPorts) -> Account:
    """Return the account, resumed if this service had paused it and it has funds again."""
    if account.paused != UNFUNDED or not _can_pay(account_view):
        return account
    log.warning("account resumed", extra={"account": account.address})
    return ports.accounts.pause(account, None)


def _can_pay(account_view: AccountView) -> bool:
    return account_view.balance >= TRANSFER_GAS * account_view.fees.max_fee_per_gas
