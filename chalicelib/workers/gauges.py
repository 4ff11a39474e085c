"""Measure open jobs, paused accounts and balances each minute.

A figure that could not be read is not published. CloudWatch then shows a gap, and not a false 0 (invariant 8).
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from math import inf

from chalicelib.errors import JobsApiError
from chalicelib.jobs.model import Account
from chalicelib.metrics import COIN, Metric
from chalicelib.workers.ports import WorkerPorts

log = logging.getLogger(__name__)

JOBS_LOOKED_AT = 300
AGES: Mapping[str, float] = {
    "under5Minutes": timedelta(minutes=5).total_seconds(),
    "under15Minutes": timedelta(minutes=15).total_seconds(),
    "under1Hour": timedelta(hours=1).total_seconds(),
    "over1Hour": inf,
}
"""By name, the age in seconds below which a job counts. A job counts once, at the first name that fits."""


def measure_gauges(ports: WorkerPorts) -> None:
    """Raises ServiceUnavailable when the tables do not answer. What was measured until then is published."""
    _measure_open_jobs(ports)
    accounts = [account for account in ports.accounts.all() if account.chain_id == ports.network.chain_id]
    ports.metrics.add(Metric.PausedAccounts, sum(account.paused is not None for account in accounts))
    _measure_balances(accounts, ports)


def _measure_open_jobs(ports: WorkerPorts) -> None:
    """Measure the open jobs that have a next check. Jobs younger than about two minutes have none, and do not count.

    Of more than JOBS_LOOKED_AT jobs, those with the soonest next check count. Then the figures are too low, as the log says.
    """
    jobs = ports.jobs.watched(JOBS_LOOKED_AT)
    if len(jobs) >= JOBS_LOOKED_AT:
        log.warning("more open jobs than are looked at: the gauges count some of them", extra={"count": len(jobs)})
    now = ports.clock()
    ages = [max(0.0, (now - job.open_since).total_seconds()) for job in jobs]
    for (_, low), (name, high) in pairwise([("", 0.0), *AGES.items()]):
        ports.metrics.add(Metric.OpenJobs, sum(low <= age < high for age in ages), age=name)
    ports.metrics.add(Metric.OldestOpenJob, round(max(ages, default=0.0), 3))


def _measure_balances(accounts: Sequence[Account], ports: WorkerPorts) -> None:
    if not accounts:
        return
    try:
        balances = ports.chain.balances([account.address for account in accounts])
    except JobsApiError as error:
        log.warning("balances could not be read", extra={"code": error.code, "reason": error.message})
        return
    for address, wei in balances.items():
        ports.metrics.add(Metric.AccountBalance, wei / COIN, account=address)
    ports.metrics.add(Metric.LowestAccountBalance, min(balances.values()) / COIN)
