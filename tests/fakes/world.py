"""The whole service in one process, on a clock that only the test moves: the real handlers over ports in memory.

Every 5 s (the network's block time) a block, every minute a reconcile, and messages when they become visible.
"""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from chalicelib.bounds import Bounds
from chalicelib.errors import ChainUnavailable, JobNotRetryable, JobsApiError
from chalicelib.jobs.admission import Admission
from chalicelib.jobs.bursts import Bursts
from chalicelib.jobs.cancel import cancel_job
from chalicelib.jobs.issue import NewJob, issue_job, signing_account
from chalicelib.jobs.model import Account, Job, Status, TransactionRequest, account_id
from chalicelib.jobs.pace import Paces
from chalicelib.jobs.principal import Principal
from chalicelib.jobs.retry import retry_job
from chalicelib.networks import GWEI, Network
from chalicelib.queues.batch import BatchAnswer
from chalicelib.workers import reconcile
from chalicelib.workers.events import handle_confirm, handle_dead_letters, handle_execute
from chalicelib.workers.ports import WorkerPorts
from tests.fakes.calls import Calls, Killed, Made, Watched, WatchedJobs, WatchedSigners
from tests.fakes.chain import ETHER, SimulatedChain
from tests.fakes.memory import MemoryAccountStore, MemoryJobStore
from tests.fakes.signers import SimulatedSigners
from tests.fakes.sqs import Message, SimulatedQueue, SimulatedQueues

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALICE = "0x" + "A" * 40
BOB = "0x" + "B" * 40
TARGET = "0x" + "C" * 40
NETWORK = Network(
    chain_id=122,
    rpc_urls=("http://chain",),
    block_seconds=5,
    confirmations=4,
    min_priority_fee=1 * GWEI,
    max_priority_fee=2 * GWEI,
    min_base_fee=10 * GWEI,
    base_fee_multiplier=2.0,
    max_fee_cap=500 * GWEI,
    gas_multiplier=1.2,
    max_in_flight=1_000,
    stuck_after_blocks=5,
)
BOUNDS = Bounds()
FOR_A_CLIENT = 12
"""How often a client repeats a request that got no answer."""

T = TypeVar("T")
Handler = Callable[[dict[str, Any], WorkerPorts], BatchAnswer]


@dataclass(frozen=True)
class Ports:
    """What the handlers are given; each port's calls are watched."""

    jobs: Any
    accounts: Any
    queue: Any
    chain: Any
    signers: Any
    network: Network
    bounds: Bounds
    bursts: Bursts
    paces: Paces
    clock: Callable[[], datetime]


class ApiPorts:
    """What the API's use cases are given: the watched ports of the world, and what needs no watching."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.clock = world.clock
        self.admission = Admission(world.ports.bounds, lambda: world.jobs)

    @property
    def jobs(self) -> Any:
        return self._world.ports.jobs

    @property
    def accounts(self) -> Any:
        return self._world.ports.accounts

    @property
    def queue(self) -> Any:
        return self._world.ports.queue

    def mined_counts(self, addresses: Sequence[str]) -> dict[str, int]:
        raise ChainUnavailable("No job of a world leaves its account to the API.")

    def callees(self, request: TransactionRequest) -> Sequence[str]:
        return () if request.to is None else (request.to,)


class NotSettled(AssertionError):
    """The world did not come to rest: it says what is still open."""


class World:
    def __init__(self, *, network: Network = NETWORK, bounds: Bounds = BOUNDS, seed: int = 0, wei: int = 1_000 * ETHER) -> None:
        self.network = network
        self.now = START
        self.dice = random.Random(seed)  # noqa: S311 -- not a secret
        self.accounts = MemoryAccountStore(
            [Account(network.chain_id, address, key=f"secret:{address}", owner="issuer") for address in (ALICE, BOB)]
        )
        self.jobs = MemoryJobStore(self.accounts)
        self.chain = SimulatedChain(network, {ALICE: wei, BOB: wei})
        self.chain.mine(10)
        self.signers = SimulatedSigners()
        self.queues = SimulatedQueues(self.clock, self.dice)
        self.calls = Calls()
        self.calls.watch = self._watch
        self.violations: list[str] = []
        self.duplicates = 0.0
        """The chance that a message which was handled is delivered once more."""
        self.on_block: Callable[[], None] = self.chain.mine
        """What happens every block time."""
        self.ports = Ports(
            jobs=WatchedJobs("jobs", self.jobs, self.calls),
            accounts=Watched("accounts", self.accounts, self.calls),
            queue=Watched("queue", self.queues, self.calls),
            chain=Watched("chain", self.chain, self.calls),
            signers=WatchedSigners("signers", self.signers, self.calls),
            network=network,
            bounds=bounds,
            bursts=Bursts(lambda: self.clock().timestamp(), lambda _seconds: None),
            paces=Paces(),
            clock=self.clock,
        )
        self.api_ports = ApiPorts(self)
        self._next_block = self.now + timedelta(seconds=network.block_seconds)
        self._next_reconcile = self.now + timedelta(minutes=1)
        self._issued = 0

    def clock(self) -> datetime:
        return self.now

    # --- the issuer --------------------------------------------------------------------------------------------------

    def issue(self, data: str, sender: str = ALICE, *, name: str = "job", owner: str = "issuer", **request: Any) -> str:
        """The id of a new job whose transaction runs this programme. The client repeats a request without an answer."""
        self._issued += 1
        self.now += timedelta(milliseconds=1)  # no two requests of a client come at the same instant
        transaction = TransactionRequest(TARGET, data=data.encode(), **request)
        principal, correlation_id = Principal(owner, sender), f"request-{self._issued}"

        def issue() -> str:
            account = signing_account(None, principal, "sim", self.network.chain_id, self.api_ports)
            new = NewJob(name, "sim", account, transaction, correlation_id=correlation_id)
            return issue_job(new, principal, self.api_ports).job.job_id

        return self._asked(issue)

    def cancel(self, job_id: str) -> Job:
        return self._asked(lambda: cancel_job(job_id, Principal("issuer", ALICE), self.api_ports))

    def retry(self, job_id: str) -> Job:
        def retried() -> Job:
            try:
                return retry_job(job_id, Principal("issuer", ALICE), self.api_ports)
            except JobNotRetryable:
                if self.job(job_id).is_open:  # the answer to the first request was lost
                    return self.job(job_id)
                raise

        return self._asked(retried)

    def _asked(self, request: Callable[[], T]) -> T:
        for _ in range(FOR_A_CLIENT):
            try:
                return request()
            except Killed:
                continue
            except JobsApiError as error:
                if not error.passing:
                    raise
            except RuntimeError:
                continue
        raise AssertionError("the API does not answer")

    # --- looking -----------------------------------------------------------------------------------------------------

    def job(self, job_id: str) -> Job:
        return self.jobs.rows[job_id]

    def status(self, job_id: str) -> Status:
        return self.job(job_id).status

    def events(self, job_id: str) -> list[str]:
        return [event.event for event in self.job(job_id).history]

    def open_jobs(self) -> list[Job]:
        return [job for job in self.jobs.rows.values() if job.is_open]

    def account(self, address: str) -> Account:
        return self.accounts.rows[account_id(self.network.chain_id, address)]

    def share(self, address: str) -> None:
        """Make the account one of a pool: it belongs to nobody, and may send coins. TARGET has been there since long ago."""
        account = self.account(address)
        self.accounts.rows[account.account_id] = replace(account, owner=None, role="pool", allows_value=True)
        self.chain.contracts[TARGET] = 0

    def pause(self, address: str, reason: str | None) -> None:
        account = self.account(address)
        self.accounts.rows[account.account_id] = replace(account, paused=reason)

    # --- time --------------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Go to the next thing that is due, and do it."""
        queues = self.queues
        visible = [
            queue.next_visible()
            for queue in (queues.execute_queue, queues.confirm_queue, queues.execute_dead_letters, queues.confirm_dead_letters)
        ]
        due = min(at for at in (self._next_block, self._next_reconcile, *visible) if at is not None)
        self.now = max(self.now, due)
        if self.now >= self._next_block:
            self._next_block = self.now + timedelta(seconds=self.network.block_seconds)
            self.on_block()
        if self.now >= self._next_reconcile:
            self._next_reconcile = self.now + timedelta(minutes=1)
            self._reconcile()
        self.deliver()

    def deliver(self) -> None:
        """Hand out every message that is visible now, batch after batch."""
        queues = self.queues
        shuffle = self.dice.shuffle
        for _ in range(10_000):
            batches: list[tuple[SimulatedQueue, list[Message], Handler]] = [
                (queues.execute_queue, queues.execute_queue.receive(self.now), handle_execute),
                (queues.confirm_queue, queues.confirm_queue.receive(self.now, shuffle), handle_confirm),
                (queues.execute_dead_letters, queues.execute_dead_letters.receive(self.now), handle_dead_letters),
                (queues.confirm_dead_letters, queues.confirm_dead_letters.receive(self.now), handle_dead_letters),
            ]
            for queue, messages, handler in batches:
                self._handle(queue, messages, handler)
            if not any(messages for _, messages, _ in batches):
                return
        raise NotSettled("messages beget messages without time passing")

    def run(self, seconds: float) -> None:
        until = self.now + timedelta(seconds=seconds)
        while self.now < until:
            self.step()

    def run_until(self, holds: Callable[[], bool], minutes: float = 120) -> None:
        until = self.now + timedelta(minutes=minutes)
        self.deliver()
        while not holds():
            if self.now >= until:
                raise NotSettled(f"after {minutes} minutes: {self._what_is_open()}")
            self.step()

    def run_until_settled(self, minutes: float = 120) -> None:
        """Until every job is final. Raises NotSettled, saying which one is not."""
        self.run_until(lambda: not self.open_jobs(), minutes)

    def _handle(self, queue: SimulatedQueue, messages: Sequence[Message], handler: Handler) -> None:
        """One invocation: what fails or dies with its worker stays, invisible for its time."""
        if not messages:
            return
        try:
            answer = handler({"Records": [_record(message) for message in messages]}, self.ports)
        except (Killed, Exception):  # noqa: BLE001 -- a Lambda that raises has handled nothing
            return
        failed = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
        done = [message for message in messages if message.message_id not in failed]
        queue.delete(done)
        for message in done:
            if self.duplicates and self.dice.random() < self.duplicates:
                again = Message(message.message_id, message.body, message.group, self.now + timedelta(seconds=1))
                queue.messages.append(again)

    def _reconcile(self) -> None:
        try:
            reconcile.reconcile_jobs(self.ports)
        except (Killed, Exception):  # noqa: BLE001 -- the next minute tries again
            return

    # --- what has to hold --------------------------------------------------------------------------------------------

    def _watch(self, call: Made) -> None:
        """Invariant 1, at every broadcast; invariant 9, at every message."""
        if call.name == "chain.broadcast":
            stored = {hash_ for job in self.jobs.rows.values() for attempt in job.attempts for hash_ in attempt.hashes}
            for transaction in call.arguments[0]:
                if transaction.hash not in stored:
                    self.violations.append(f"{transaction.hash} is broadcast before it is stored")

    def assert_exactly_once(self) -> None:
        """Every job is final and its `hit` is on chain once, or not at all if it did not succeed; no nonce is left over."""
        assert not self.open_jobs(), self._what_is_open()
        self.run(150)  # whatever was still under way
        assert not self.open_jobs(), self._what_is_open()
        for job in self.jobs.rows.values():
            self._assert_effects(job)
        for account in self.accounts.rows.values():
            used = self.chain.state.nonce(account.address)
            assert used >= (account.next_nonce or 0), f"{account.address}: nonces up to {account.next_nonce} taken, {used} used"
            left = self.chain.pool.get(account.address)
            assert not left, f"{account.address}: transactions at {sorted(left or ())} may still be mined"
        assert not self.violations, self.violations
        for body in self.queues.sent:
            assert json.loads(body).keys() <= {"command", "accountId", "jobIds"}, body

    def _assert_effects(self, job: Job) -> None:
        expected = 1 if job.status is Status.SUCCEEDED else 0
        for instruction in job.request.data.decode().split(";"):
            verb, _, what = instruction.partition(" ")
            if verb == "hit":
                hits = self.chain.hits(what)
                assert hits == expected, f"{job.status} {what!r} took effect {hits} times: {story(job)}"
        assert all(attempt.outcome is not None for attempt in job.attempts), f"an attempt is open: {story(job)}"
        if job.status is Status.SUCCEEDED:
            receipt = job.attempt.receipt
            assert receipt is not None and receipt.hash in self.chain.mined_hashes(), story(job)

    def _what_is_open(self) -> str:
        return "; ".join(story(job) for job in self.open_jobs())


def _record(message: Message) -> dict[str, Any]:
    """As Lambda gets it from SQS."""
    attributes = {"ApproximateReceiveCount": str(message.receives)}
    if message.group is not None:
        attributes["MessageGroupId"] = message.group
    return {"messageId": message.message_id, "body": message.body, "attributes": attributes, "eventSource": "aws:sqs"}


def story(job: Job) -> str:
    events = ", ".join(f"{event.at:%H:%M:%S} {event.event} {event.detail or ''}".strip() for event in job.history)
    return f"{job.request.data.decode()!r} {job.status} (waits: {job.waits_because}) [{events}]"
