"""An account that cannot pay for gas pauses itself, and resumes by itself once it is funded."""

import logging

from chalicelib.jobs.model import Account
from chalicelib.jobs.ports import AccountView
from chalicelib.workers.ports import WorkerPorts

log = logging.getLogger(__name__)

UNFUNDED = "it has no funds to pay for gas"
"""The one reason this service pauses and resumes an account for; any other is an operator's."""
LEAST_GAS = 21_000


def pause_if_broke(account: Account, outlook: AccountView, ports: WorkerPorts) -> Account:
    """Pause the account when not even the smallest transaction can be paid for. One job that asks for too much is no reason."""
    if _can_pay(outlook):
        return account
    paused = ports.accounts.pause(account, UNFUNDED)
    log.error("account paused", extra={"account": account.address, "reason": UNFUNDED})
    return paused


def resumed_if_funded(account: Account, outlook: AccountView, ports: WorkerPorts) -> Account:
    """The account, resumed if it paused itself and has funds again."""
    if account.paused != UNFUNDED or not _can_pay(outlook):
        return account
    log.warning("account resumed", extra={"account": account.address})
    return ports.accounts.pause(account, None)


def _can_pay(outlook: AccountView) -> bool:
    return outlook.balance >= LEAST_GAS * outlook.fees.max_fee_per_gas
