"""Watch the accounts' transaction counts: a count below a settled nonce proves a reorg deeper than the confirmations."""

import logging

from chalicelib.errors import JobsApiError
from chalicelib.jobs.model import Account, Attempt, Job
from chalicelib.jobs.order import time_text
from chalicelib.jobs.reorgs import is_told, reorged_attempts
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.reorged_jobs import last_of_each, send_again

log = logging.getLogger(__name__)

PAGE = 100
PAGES = 20
"""Pages of an account's newest jobs that are searched for the nonces that are not mined: more than may be in flight."""


def watch_nonces(ports: WorkerPorts) -> int:
    """Send final transactions again that a deep reorg took back. Returns how many attempts that were.

    This takes one request for all accounts, and reads the newest jobs of accounts with transactions that are not mined. Raises
    ServiceUnavailable and ChainUnavailable. The next minute tries again.
    """
    accounts = [
        account for account in ports.accounts.all() if account.chain_id == ports.network.chain_id and account.next_nonce
    ]
    counts = ports.chain.transaction_counts([account.address for account in accounts]) if accounts else {}
    found = 0
    for account in accounts:
        if counts[account.address] < (account.next_nonce or 0):
            try:
                found += _watch(account, counts[account.address], ports)
            except JobsApiError as error:  # an error of one account must not stop the others
                fields = {"account": account.address, "code": error.code, "reason": error.message}
                log.warning("an account's nonces could not be watched", extra=fields)
    return found


def _watch(account: Account, mined: int, ports: WorkerPorts) -> int:
    suspects = _settled_above(account, mined, ports)
    if not suspects:
        return 0
    # Count again after the jobs were read: a job that was closed a moment ago is counted by now (invariant 8).
    mined = ports.chain.transaction_counts([account.address])[account.address]
    hashes: dict[int, str | None] = {}
    lost: list[tuple[Job, Attempt]] = []
    for job in suspects:
        for attempt in reorged_attempts(job, mined):
            if attempt.receipt is None:
                continue
            number = attempt.receipt.block_number
            if number not in hashes:
                hashes[number] = ports.chain.block_hash(number)
            if hashes[number] not in (None, attempt.receipt.block_hash):  # otherwise a node that lags gave the count
                lost.append((job, attempt))
    if lost:
        is_new = any(attempt.receipt and not is_told(job, attempt.receipt) for job, attempt in last_of_each(lost))
        fields = {"account": account.address, "mined": mined, "attempts": len(lost)}
        log.log(logging.ERROR if is_new else logging.WARNING, "deep reorg: sent again", extra=fields)
        send_again(lost, ports)
    return len(lost)


def _settled_above(account: Account, mined: int, ports: WorkerPorts) -> list[Job]:
    """Return the account's jobs that have settled a nonce which is not mined: newest first, until each such nonce is found."""
    missing = set(range(mined, account.next_nonce or 0))
    until, suspects = account.signed_to or time_text(ports.clock()), dict[str, Job]()
    for _ in range(PAGES):
        page = ports.jobs.issued_until(account.account_id, until, PAGE)
        for job in ports.jobs.load([job_id for _, job_id in page], consistent=False):
            missing -= {attempt.nonce for attempt in job.attempts}
            if reorged_attempts(job, mined):
                suspects[job.job_id] = job
        if not missing or len(page) < PAGE:
            break
        until = page[-1][0]
    return list(suspects.values())
