"""Execute: estimate, sign, store and broadcast the pending jobs of one account, in the order they were issued.

Everything may die between any two lines. Before `jobs.start` nothing has happened; after it the signed transaction is stored,
and whoever comes next (this message again, confirm, reconcile) broadcasts the same bytes.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.errors import ChainUnavailable, ConfigurationError, SignerUnavailable, VersionConflict
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
from chalicelib.workers.sorting import Round, Standing, sort_jobs
from chalicelib.workers.storing import put_refused_off, save_failed, store_signed
from chalicelib.workers.waits import all_put_off, code_of, postpone, put_off

log = logging.getLogger(__name__)

LOST_RACES_ALLOWED = 5
LEFT_BEHIND_BLOCKS = 2
"""How many blocks after the first look at a transaction was due nobody has looked: whoever sent it has died, if it was sent."""
AT_ONCE = 500
"""So many of the jobs that a run leaves are put off, or named in its last message. Each has a message of its own as well."""


def execute_jobs(account_id: str, job_ids: Sequence[str], ports: WorkerPorts, until: datetime | None = None) -> None:
    """Sign and broadcast what is pending on the account: `job_ids` for sure, others as the index shows them.

    No round begins after `until`, nor so late that its estimates could go on past `Bounds.run_seconds`. Raises only what
    another delivery of the message may mend (the table or the queue does not answer).
    """
    named = read_jobs(job_ids, ports, unlikely=RETRYABLE)
    broadcast(_left_behind(named, ports), ports)
    backlog = Backlog(account_id, named, ports)
    if not backlog:
        return None  # they were signed with an earlier message's, or rest
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
            backlog.read_again()  # cancelled meanwhile, or another worker took the nonces: yield to what is true
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
    """Jobs that a worker stored, and then died: to be sent again. Not those that are being looked after: most messages name
    jobs that were signed with others a moment ago.
    """
    patience = first_poll_seconds(ports.network) + LEFT_BEHIND_BLOCKS * ports.network.block_seconds
    signed_before = ports.clock() - timedelta(seconds=patience)
    return [job for job in jobs if job.status in IN_FLIGHT and job.attempt.latest.signed_at <= signed_before]


def _execute_round(account: Account, jobs: Sequence[Job], changed: list[Job], ports: WorkerPorts) -> Round:
    """Sign, store and broadcast what can be. Jobs that somebody else has changed meanwhile are added to `changed`."""
    jobs = _fail_expired(jobs, changed, ports)
    if not jobs:
        return Round(account)
    if account.paused not in (None, UNFUNDED):
        return _paused(account, jobs)
    if _is_busy(account, ports):
        return Round(account, unreached=list(jobs), busy=True)
    jobs, in_doubt = in_custody(jobs, account, changed, ports)
    too_new = [put_off(job, WaitCode.CONTRACT_TOO_NEW, reason) for job, reason in in_doubt]
    if not jobs:
        return Round(account, waits=too_new)
    outlook = _look(account, jobs, ports)
    account = resumed_if_funded(account, outlook, ports)
    if account.paused is not None:
        return _paused(account, jobs)
    account = replace(account, in_flight=still_in_flight(account.in_flight, outlook.mined_count))
    standing = Standing(account, outlook, ports)
    done = sort_jobs(jobs, changed, standing)
    done.waits += too_new
    if done.unfunded and not done.accepted:
        done.account = pause_if_broke(account, outlook, ports)
    signing = sign_jobs(done.accepted, account, standing.first_nonce, outlook, ports) if done.accepted else Signing()
    if signing.because is not None:
        done.waits += all_put_off(signing.put_off, code_of(signing.because), signing.because.message)
    changed += signing.changed
    if signing.signed:
        _store(signing.signed, done, changed, standing, ports)
    return done


def _store(signed: Sequence[Job], done: Round, changed: list[Job], standing: Standing, ports: WorkerPorts) -> None:
    """Store the signed jobs and broadcast them.

    Jobs whose rows are refused wait. Those that somebody else has changed are added to `changed`. Those that were signed behind
    either are signed anew.
    """
    account = standing.account
    stored = store_signed(account, standing.first_nonce, signed, ports)
    unsigned = {job.job_id: job for job, _ in done.accepted}
    done.unreached += [unsigned[job_id] for job_id in stored.behind]
    done.stopped = bool(stored.changed)
    changed += [unsigned[job_id] for job_id in stored.changed]
    if stored.started:
        broadcast(stored.started, ports)
        next_nonce = standing.first_nonce + len(stored.started)
        done.account, done.signed = account.having_signed(next_nonce, stored.started), True
        ports.bursts.signed(account.account_id, len(stored.started))
    put_refused_off(account.account_id, [unsigned[job_id] for job_id in stored.refused], ports)


def _is_busy(account: Account, ports: WorkerPorts) -> bool:
    """True if the node does not even estimate a payment of nothing in time, because of estimates that were cut off before.

    Asked only where rounds are down to one job: a job would be taken for too slow because of the jobs before it.
    """
    pace = ports.paces.of(account.account_id)
    if not (pace.is_slowest and pace.may_be_busy(ports.clock())):
        return False
    try:
        (estimate,) = ports.chain.account_view(account.address, [Call(account.address, account.address, 0, b"")]).estimates
    except ChainUnavailable:
        return True
    return _is_missing(estimate)


def _look(account: Account, jobs: Sequence[Job], ports: WorkerPorts) -> AccountView:
    """Read how the account stands, with an estimate for each job, and remember for how many jobs that was possible in time.

    Raises ChainUnavailable when the node does not answer, or when a single job has no estimate although it is not too slow.
    """
    began = ports.clock()
    try:
        outlook = ports.chain.account_view(account.address, [Call.of(account.address, job.request) for job in jobs])
    except ChainUnavailable as error:
        # The estimates may have been too much for a node that answers all else: then fewer of them are asked for next.
        outlook = ports.chain.account_view(account.address, [])
        missing = Unavailable(error.message, alone=len(jobs) == 1, answered=False)
        outlook = replace(outlook, estimates=(missing,) * len(jobs))
    seconds = (ports.clock() - began).total_seconds()
    answered = sum(not _is_missing(estimate) for estimate in outlook.estimates)
    pace = ports.paces.of(account.account_id)
    pace.learn(len(jobs), answered, seconds, ports.bounds.round_seconds)
    if answered < len(jobs):
        pace.cut_at = ports.clock()
    for estimate in outlook.estimates if len(jobs) == 1 else ():
        if isinstance(estimate, Unavailable) and not (estimate.answered or estimate.alone):
            raise ChainUnavailable(estimate.reason)
    return outlook


def _is_missing(estimate: Estimate) -> bool:
    return isinstance(estimate, Unavailable) and (estimate.alone or not estimate.answered)


def _fail_expired(jobs: Sequence[Job], changed: list[Job], ports: WorkerPorts) -> list[Job]:
    """The jobs that may still be signed; the others have failed, with nothing of them on chain, or are added to `changed`."""
    now = ports.clock()
    alive: list[Job] = []
    for job in jobs:
        valid_until = job.request.valid_until
        if valid_until is not None and valid_until <= now:
            save_failed(failed(job, Failure("Expired", "It was not signed by its validUntil."), now), changed, ports)
        else:
            alive.append(job)
    return alive


def _paused(account: Account, jobs: Sequence[Job]) -> Round:
    code = WaitCode.FUNDS_TOO_LOW if account.paused == UNFUNDED else WaitCode.ACCOUNT_PAUSED
    return Round(account, waits=all_put_off(jobs, code, f"the account is paused: {account.paused}"))
