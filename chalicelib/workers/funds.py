"""An account that cannot pay for gas pauses itself, and resumes by itself once it is funded."""

import logging

from chalicelib.jobs.model import Account
from chalicelib.jobs.ports import Head
from chalicelib.workers.ports import WorkerPorts

log = logging.getLogger(__name__)

UNFUNDED = "it has no funds to pay for gas"
"""The one reason this service pauses and resumes an account for; any other is an operator's."""
LEAST_GAS = 21_000


def pause_if_broke(account: Account, head: Head, ports: WorkerPorts) -> None:
    """Pause the account when not even the smallest transaction can be paid for. One job that asks for too much is no reason."""
    if not _can_pay(account, head, ports):
        ports.accounts.pause(account, UNFUNDED)
        log.error("account paused", extra={"account": account.address, "reason": UNFUNDED})


def resumed_if_funded(account: Account, head: Head, ports: WorkerPorts) -> Account:
    """The account, resumed if it paused itself and has funds again."""
    if account.paused != UNFUNDED or not _can_pay(account, head, ports):
        return account
    log.warning("account resumed", extra={"account": account.address})
    return ports.accounts.pause(account, None)


def _can_pay(account: Account, head: Head, ports: WorkerPorts) -> bool:
    return ports.chain.balance(account.address) >= LEAST_GAS * ports.chain.fees(head).max_fee_per_gas
