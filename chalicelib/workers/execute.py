"""Execute: estimate, sign, store and broadcast the pending jobs of one account, in the order they were issued.

The worker may die between any two lines. Before `jobs.start` nothing has happened. After it the signed transaction is stored,
and the next worker (of this message again, ConfirmJobs or ReconcileJobs) broadcasts the same bytes.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.errors import ChainUnavailable, ConfigurationError, SignerUnavailable, VersionConflict
from chalicelib.jobs.fail_codes import FailCode
from chalicelib.jobs.in_flight import still_in_flight
from chalicelib.jobs.model import IN_FLIGHT, RETRYABLE, Account, Failure, Job, WaitCode
from chalicelib.jobs.ports import AccountView, Call, Estimate, Unavailable
from chalicelib.jobs.states import failed
from chalicelib.workers.broadcast import broadcast
from chalicelib.workers.custody import in_custody
from chalicelib.workers.funds import UNFUNDED, pause_if_broke, resumed_if_funded
from chalicelib.workers.pending import Backlog, read_jobs
from chalicelib.workers.polling import first_poll_seconds
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.sign import Signing, sign_jobs
from chalicelib.workers.sorting import RoundContext, RoundResult, sort_jobs
from chalicelib.workers.storing import put_refused_off, save_failed, store_signed
from chalicelib.workers.waits import all_put_off, code_of, postpone, put_off

log = logging.getLogger(__name__)

LOST_RACES_ALLOWED = 5
LEFT_BEHIND_BLOCKS = 2
"""Broadcast again when the first poll is this many blocks overdue: the worker that should have sent it probably died."""
AT_ONCE = 500
"""At most so many of the jobs that a run leaves are put off, or named in its last message. Each has its own message, too."""


def execute_jobs(account_id: str, job_ids: Sequence[str], ports: WorkerPorts, until: datetime | None = None) -> None:
    """Sign and broadcast the pending jobs of the account: all of `job_ids`, and others as far as the index shows them.

    No round begins after `until`, or so late that its estimates could go on past `Bounds.run_seconds`. Raises an error only
    when the table or the queue does not answer, which another delivery of the message may mend.
    """
    named = read_jobs(job_ids, ports, unlikely=RETRYABLE)
    broadcast(_left_behind(named, ports), ports)
    backlog = Backlog(account_id, named, ports)
    if not backlog:
        return None  # they were signed together with the jobs of an earlier message, or they rest
    ports.bursts.gather(account_id, len(backlog))
    account: Account | None = None
    lost_races = 0
    last_round_by = ports.clock() + timedelta(seconds=ports.bounds.run_seconds - ports.bounds.estimate_seconds)
    if until is not None:
        last_round_by = min(last_round_by, until)
    for _ in range(ports.bounds.rounds):
        if ports.clock() > last_round_by:
            break
        account = account or ports.accounts.get(account_id)
        if account is None:
            reason = f"The account {account_id} is not set up."
            return postpone(account_id, all_put_off(backlog.rest(), WaitCode.ACCOUNT_MISSING, reason), ports)
        jobs = backlog.next_round(account)
        if not jobs:
            break
        changed: list[Job] = []
        try:
            done = _execute_round(account, jobs, changed, ports)
        except VersionConflict:
            backlog.put_back(jobs)
            account = None
            lost_races += 1
            if lost_races > LOST_RACES_ALLOWED:
                break
            backlog.read_again()  # jobs were cancelled, or another worker took the nonces: read what is true now
            continue
        except (ChainUnavailable, SignerUnavailable, ConfigurationError) as error:
            left = [*jobs, *backlog.rest()][:AT_ONCE]
            return postpone(account_id, all_put_off(left, code_of(error), error.message), ports)
        account = done.account
        backlog.take_changed(changed)
        backlog.put_back([*done.unreached, *done.for_next_round])
        if done.shares is not None and done.shares.full:
            done.waits += [done.shares.put_off(job) for job in backlog.of_owners(done.shares.full, AT_ONCE)]
        postpone(account_id, done.to_postpone, ports)
        if done.busy:
            break
    rest = backlog.rest() or (backlog.next_round(account) if account else [])
    if rest:
        ports.queue.execute_later(account_id, [job.job_id for job in rest[:AT_ONCE]], delay_seconds=1)
    return None


def _left_behind(jobs: Sequence[Job], ports: WorkerPorts) -> list[Job]:
    """Return the jobs whose worker died after it had stored them: they are sent again.

    Most messages name jobs that were signed together with others a moment ago. Those are not sent again.
    """
    overdue_after = first_poll_seconds(ports.network) + LEFT_BEHIND_BLOCKS * ports.network.block_seconds
    signed_before = ports.clock() - timedelta(seconds=overdue_after)
    return [job for job in jobs if job.status in IN_FLIGHT and job.attempt.latest.signed_at <= signed_before]


def _execute_round(account: Account, jobs: Sequence[Job], changed: list[Job], ports: WorkerPorts) -> RoundResult:
    """Sign, store and broadcast the jobs that can be signed. Jobs that were changed meanwhile are added to `changed`."""
    jobs = _fail_expired(jobs, changed, ports)
    if not jobs:
        return RoundResult(account)
    if account.paused not in (None, UNFUNDED):
        return _paused(account, jobs)
    if _is_busy(account, ports):
        return RoundResult(account, unreached=list(jobs), busy=True)
    jobs, in_doubt = in_custody(jobs, account, changed, ports)
    too_new = [put_off(job, WaitCode.CONTRACT_TOO_NEW, reason) for job, reason in in_doubt]
    if not jobs:
        return RoundResult(account, waits=too_new)
    account_view = _read_account(account, jobs, ports)
    account = resumed_if_funded(account, account_view, ports)
    if account.paused is not None:
        return _paused(account, jobs)
    account = replace(account, in_flight=still_in_flight(account.in_flight, account_view.mined_count))
    context = RoundContext(account, account_view, ports)
    done = sort_jobs(jobs, changed, context)
    done.waits += too_new
    if done.unfunded and not done.accepted:
        done.account = pause_if_broke(account, account_view, ports)
    signing = sign_jobs(done.accepted, account, context.first_nonce, account_view, ports) if done.accepted else Signing()
    if signing.because is not None:
        done.waits += all_put_off(signing.put_off, code_of(signing.because), signing.because.message)
    changed += signing.changed
    if signing.signed:
        _store(signing.signed, done, changed, context, ports)
    return done


def _store(signed: Sequence[Job], done: RoundResult, changed: list[Job], context: RoundContext, ports: WorkerPorts) -> None:
    """Store the signed jobs and broadcast them.

    Jobs whose rows the table refuses wait. Jobs that were changed meanwhile are added to `changed`. Jobs that were signed
    behind one of these are signed anew.
    """
    account = context.account
    stored = store_signed(account, context.first_nonce, signed, ports)
    unsigned = {job.job_id: job for job, _ in done.accepted}
    done.unreached += [unsigned[job_id] for job_id in stored.behind]
    done.stopped = bool(stored.changed)
    changed += [unsigned[job_id] for job_id in stored.changed]
    if stored.started:
        broadcast(stored.started, ports)
        next_nonce = context.first_nonce + len(stored.started)
        done.account, done.signed = account.having_signed(next_nonce, stored.started), True
        ports.bursts.signed(account.account_id, len(stored.started))
    put_refused_off(account.account_id, [unsigned[job_id] for job_id in stored.refused], ports)


def _is_busy(account: Account, ports: WorkerPorts) -> bool:
    """True if the node does not even estimate a payment of 0 in time, because it works on estimates that were cut off.

    It is asked only when rounds are down to one job. Otherwise that job would count as too slow because of earlier jobs.
    """
    pace = ports.paces.of(account.account_id)
    if not (pace.is_slowest and pace.may_be_busy(ports.clock())):
        return False
    try:
        return _is_missing(_payment_view(account, ports).estimates[0])
    except ChainUnavailable:
        return True


def _payment_view(account: Account, ports: WorkerPorts) -> AccountView:
    """Read the account from the chain with the estimate of a payment of nothing to itself: it shows if the node estimates."""
    return ports.chain.account_view(account.address, [Call(account.address, account.address, 0, b"")])


def _read_account(account: Account, jobs: Sequence[Job], ports: WorkerPorts) -> AccountView:
    """Read the account from the chain, with an estimate for each job, and remember how many estimates came in time.

    A single job without an answer is to blame only if the node estimates a payment at that moment.

    Raises ChainUnavailable when the node does not answer, or when a single job has no estimate and is not to blame.
    """
    began = ports.clock()
    try:
        account_view = ports.chain.account_view(account.address, [Call.of(account.address, job.request) for job in jobs])
    except ChainUnavailable as error:
        # The estimates may be too much for a node that answers all else. Then the next round asks for fewer of them.
        is_single = len(jobs) == 1
        account_view = _payment_view(account, ports) if is_single else ports.chain.account_view(account.address, [])
        missing = Unavailable(error.message, alone=is_single and not _is_missing(account_view.estimates[0]), answered=False)
        account_view = replace(account_view, estimates=(missing,) * len(jobs))
    seconds = (ports.clock() - began).total_seconds()
    answered = sum(not _is_missing(estimate) for estimate in account_view.estimates)
    pace = ports.paces.of(account.account_id)
    pace.learn(len(jobs), answered, seconds, ports.bounds.round_seconds)
    if answered < len(jobs):
        pace.cut_at = ports.clock()
    for estimate in account_view.estimates if len(jobs) == 1 else ():
        if isinstance(estimate, Unavailable) and not (estimate.answered or estimate.alone):
            raise ChainUnavailable(estimate.reason)
    return account_view


def _is_missing(estimate: Estimate) -> bool:
    return isinstance(estimate, Unavailable) and (estimate.alone or not estimate.answered)


def _fail_expired(jobs: Sequence[Job], changed: list[Job], ports: WorkerPorts) -> list[Job]:
    """Return the jobs that may still be signed. Expired jobs fail, or are added to `changed` if they were changed meanwhile."""
    now = ports.clock()
    alive: list[Job] = []
    for job in jobs:
        valid_until = job.request.valid_until
        if valid_until is not None and valid_until <= now:
            failure = Failure(FailCode.EXPIRED, "The job was not signed by its validUntil.")
            save_failed(failed(job, failure, now), changed, ports)
        else:
            alive.append(job)
    return alive


def _paused(account: Account, jobs: Sequence[Job]) -> RoundResult:
    code = WaitCode.FUNDS_TOO_LOW if account.paused == UNFUNDED else WaitCode.ACCOUNT_PAUSED
    return RoundResult(account, waits=all_put_off(jobs, code, f"the account is paused: {account.paused}"))
