"""Carry out the next steps of jobs in flight. `chalicelib.jobs.next_step` decides them; nothing is decided here."""

import logging
from collections.abc import Sequence
from datetime import datetime

from chalicelib.errors import JobsApiError
from chalicelib.jobs.model import Job, account_id
from chalicelib.jobs.next_step import Close, PollLater, ProveNonceUser, ReplayRevert, Resubmit, after_proof, closed, next_step
from chalicelib.jobs.settlement import ChainView, newest_deep_block
from chalicelib.jobs.states import seen_mined, seen_unmined
from chalicelib.workers.chain_view import read_chain_view
from chalicelib.workers.polling import Poll, poll_after_error, poll_when_due
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.resubmit import resubmit
from chalicelib.workers.reverts import CHECK_MARGIN, MinedRevert, close_reverts, save_and_nudge

log = logging.getLogger(__name__)


class StepRun:
    """The steps of one run of ConfirmJobs. Steps that need a replay come last, because a replay may be slow."""

    def __init__(self, ports: WorkerPorts, until: datetime | None = None) -> None:
        self._ports = ports
        self._until = until
        self._reverts: list[MinedRevert] = []
        self.polls: list[Poll] = []
        """The jobs that are still open, each with the time of its next poll."""

    def is_over(self) -> bool:
        """True if the time of this run has passed: no account begins, and nothing is proven any more."""
        return self._until is not None and self._ports.clock() >= self._until

    def take_next_steps(self, address: str, jobs: Sequence[Job]) -> None:
        """Take the next step of each of these jobs of one account: all in flight, or all reorged.

        An error of one job is logged, and its next poll tries again.
        """
        ports = self._ports
        try:
            view = read_chain_view(address, jobs, ports)
        except JobsApiError as error:
            log.warning("the chain could not be read", extra={"account": address, "code": error.code, "reason": error.message})
            self.polls += [poll_when_due(job, ports) for job in jobs]
            return
        closing: list[tuple[Job, Job]] = []
        not_mined: list[tuple[Job, Resubmit]] = []
        for job in jobs:
            try:
                step = next_step(job, view, ports.network, ports.clock())
                match step:
                    case Close(receipt, revert_reason):
                        closing.append((job, closed(job, receipt, ports.clock(), revert_reason)))
                    case ReplayRevert(receipt):
                        self._reverts.append(MinedRevert(job, receipt, view.head))
                    case ProveNonceUser():
                        self._prove_nonce_user(job, step, view)
                    case PollLater():
                        self._poll_later(job, step)
                    case Resubmit(hides_result=hides_result):
                        not_mined.append((self._without_result(job) if hides_result else job, step))
            except Exception as error:  # noqa: BLE001 -- an error of one job must not stop the jobs that are polled with it
                self.polls.append(poll_after_error(job, error, ports))
        self._save_closed(closing)
        still_open = resubmit(account_id(jobs[0].chain_id, address), not_mined, view, ports)
        self.polls += [poll_when_due(job, ports) for job in still_open]

    def close_reverts(self) -> list[Poll]:
        """Replay the reverts of this run and close their jobs. Returns the polls of those that are still open."""
        return close_reverts(self._reverts, self._ports, self._until)

    def _prove_nonce_user(self, job: Job, step: ProveNonceUser, view: ChainView) -> None:
        """Ask which transaction used the nonce: several requests, so not after the run's time is over."""
        ports = self._ports
        if not self.is_over():
            deep_block = newest_deep_block(view.head, ports.network.confirmations)
            user = ports.chain.user_of_nonce(job.account, job.attempt.nonce, deep_block)
            now = ports.clock()
            moved = after_proof(job, user, now, next_check_at=now + CHECK_MARGIN)
            if moved is not None:
                save_and_nudge(moved, ports)
                return
            fields = {"jobId": job.job_id, "nonce": job.attempt.nonce, "usedBy": user}
            log.warning("a settled nonce without a receipt", extra=fields)
        self.polls.append(poll_when_due(self._without_result(job) if step.hides_result else job, ports))

    def _poll_later(self, job: Job, step: PollLater) -> None:
        if step.shows_result_of is not None:
            job = self._ports.jobs.save(seen_mined(job, step.shows_result_of, self._ports.clock()))
        if step.blocks is None:
            self.polls.append(poll_when_due(job, self._ports))
        else:
            self.polls.append(Poll(job, step.blocks * self._ports.network.block_seconds))

    def _without_result(self, job: Job) -> Job:
        """Store that a reorg took back what the job shows as made."""
        return self._ports.jobs.save(seen_unmined(job, self._ports.clock()))

    def _save_closed(self, closing: Sequence[tuple[Job, Job]]) -> None:
        """Store the closed jobs of (job as it was read, job as it ends)."""
        outcomes = self._ports.jobs.save_each([ended for _, ended in closing]) if closing else []
        for (job, _), outcome in zip(closing, outcomes, strict=True):
            if isinstance(outcome, Exception):
                self.polls.append(poll_after_error(job, outcome, self._ports))
