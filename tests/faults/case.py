"""One case: issuers, queues, blocks and time, driven until nothing is left to be done; then chain and tables are compared.

Time is the case's own: it hardly moves while workers run, and jumps on, a block every `block_seconds`, when nothing is due.
"""

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from chalicelib.jobs.model import FINAL, Job, Status
from chalicelib.store.records import job_from
from tests.faults.boundaries import Choose, no_fault
from tests.faults.ground import Ground, Issuer
from tests.faults.queues import QUEUES, Held, Queues
from tests.faults.wanted import Delivery, Standing, Violation, Wanted
from tests.faults.workers import Answered, Died, End, Frozen, Worker, wait_any
from tests.scheduled import SCHEDULED

RECONCILE_SECONDS = 60.0
LONGEST_CASE_SECONDS = 4 * 3_600.0
LONGEST_WALL_SECONDS = 120.0
REQUESTS_ALLOWED = 30


@dataclass
class Case:
    """`act` is called before anything else happens in each step; it returns whether the scenario has done all it wanted."""

    ground: Ground
    choose: Choose = no_fault
    breakage: str | None = None
    seed: int = 0
    confirmations: int = 2
    block_seconds: int = 5
    parallel: int = 1
    endpoints: int = 1
    """How many RPC URLs the service is given; all of them lead to the one node."""
    frozen_seconds: float = 90.0
    patience_seconds: float = LONGEST_CASE_SECONDS
    """Of its own time: when it is not at an end by then, it never will be."""
    longest_wall_seconds: float = LONGEST_WALL_SECONDS
    wanted: list[Wanted] = field(default_factory=list)
    elapsed: float = 0.0
    dead_letters: int = 0
    told: dict[str, str] = field(default_factory=dict)
    """By job id: the final state an issuer was told of, and after which no retry was asked for. It is a promise, unless a retry
    that was asked for before is still on its way: it may be done at any time.
    """
    errors: list[str] = field(default_factory=list)
    """Invocations that ended with an error."""

    def __post_init__(self) -> None:
        self.place = self.ground.place(self.confirmations, self.block_seconds)
        self.node = self.ground.node
        self.node.base_fee = 10 * 10**9
        self.proxy = self.ground.proxy
        self.proxy.reset()
        self.proxy.choose = self.choose
        self.proxy.now = lambda: self.elapsed
        self.queues = Queues(self.ground.client("sqs"), self.place, self.proxy)
        self.ground.log.write_bytes(b"")
        self.issuers = [self.ground.issuer(self.place, kms=kms) for kms in self._kinds()]
        self.node.mine(self.confirmations)  # no reorg takes their funds away
        self.standing: list[Standing] = []
        self.invocations = 0
        self._idle: dict[str, list[Worker]] = {}
        self._busy: dict[Worker, Delivery] = {}
        self._asked: dict[Worker, str] = {}
        """The path of the request that a frozen worker has not answered yet."""
        self._began = time.monotonic()
        self._ahead = 0.0
        self._next_reconcile = RECONCILE_SECONDS

    def _kinds(self) -> tuple[bool, ...]:
        """Which of the accounts have a KMS key."""
        return (True, False)

    def close(self) -> None:
        for worker in [*self._busy, *(standing.worker for standing in self.standing)]:
            worker.kill()
        for workers in self._idle.values():
            for worker in workers:
                worker.kill()

    # --- issuers -------------------------------------------------------------------------------------------------------

    def issue(self, issuer: Issuer, function: str = "hit(bytes32)", *args: str, **more: Any) -> Wanted:
        """Ask until there is an answer, as an issuer would whose connection broke: with the same correlationId."""
        effect = "0x" + secrets.token_hex(32)
        body = {
            "to": self.ground.sink,
            "call": {"function": function, "args": [effect, *args]},
            "correlationId": effect[:20],
            **more,
        }
        return self._ask_for(Wanted(issuer, effect, effect[:20], body))

    def pay(self, issuer: Issuer, **more: Any) -> Wanted:
        """The same for 1 wei, to an address that nobody has used."""
        effect = "0x" + secrets.token_hex(20)
        body = {"to": effect, "value": "1", "correlationId": effect[:20], **more}
        return self._ask_for(Wanted(issuer, effect, effect[:20], body))

    def _ask_for(self, wanted: Wanted) -> Wanted:
        self.wanted.append(wanted)
        answer = self.request(wanted.issuer, "POST", "/api/v2/jobs", wanted.body, {200, 201})
        wanted.job_id = answer["job"]["_id"]
        return wanted

    def effects(self) -> dict[str, int]:
        """How often what each job is for has happened on chain, by job id."""
        paid = [wanted for wanted in self.wanted if wanted.function == "pay"]
        called = [wanted for wanted in self.wanted if wanted.function != "pay"]
        counts = [
            *self.node.balances([wanted.effect for wanted in paid]),
            *self.node.hits(self.ground.sink, [wanted.effect for wanted in called]),
        ]
        return {wanted.job_id: count for wanted, count in zip([*paid, *called], counts, strict=True)}

    def retry(self, wanted: Wanted) -> None:
        self.told.pop(wanted.job_id, None)  # from now on anything may follow, whatever the answer is, if one comes
        self.request(wanted.issuer, "POST", f"/api/v2/jobs/retry/{wanted.job_id}", None, {200, 409})

    def cancel(self, wanted: Wanted) -> None:
        self.request(wanted.issuer, "POST", f"/api/v2/jobs/cancel/{wanted.job_id}", None, {200, 409})

    def request(self, issuer: Issuer, method: str, path: str, asked: Any, wanted: set[int]) -> dict[str, Any]:
        """The body of the first answer whose status is a wanted one. Raises Violation when none comes."""
        headers = {"authorization": f"Bearer {issuer.token}", "content-type": "application/json"}
        event = {"method": method, "path": path, "headers": headers, "body": None if asked is None else json.dumps(asked)}
        answer: Any = None
        for _ in range(REQUESTS_ALLOWED):
            end = self._invoke("api", event)
            if isinstance(end, Frozen):
                self._asked[self.standing[-1].worker] = path
            if isinstance(end, Answered) and end.error is None:
                answer = end.result
                if answer["statusCode"] in wanted:
                    body: dict[str, Any] = json.loads(answer["body"])
                    job = body.get("job") or body.get("data")
                    if job is not None and Status(job["status"]) in FINAL and not self._is_retry_under_way(job["_id"]):
                        self.told[job["_id"]] = job["status"]
                    return body
        raise self.violation(f"{method} {path} is not answered as it should be: {answer}")

    def _is_retry_under_way(self, job_id: str) -> bool:
        return any(self._asked.get(standing.worker, "").endswith(f"/retry/{job_id}") for standing in self.standing)

    # --- driving -------------------------------------------------------------------------------------------------------

    def run(self, act: Callable[[], bool]) -> None:
        """Until every job is final and no message is left. Raises Violation when that does not come about."""
        while True:
            done = act()
            self.queues.collect(self.elapsed)
            if self._deliver():
                pass
            elif self.elapsed >= self._next_reconcile:
                self._next_reconcile = self.elapsed + RECONCILE_SECONDS
                self.reconcile()
            elif done and not self.queues.open and not self.open_jobs():
                if not self.standing:
                    return
                self._thaw(self.standing[0])
            else:
                self._move_on()
            self._watch_the_time()

    def moment(self, seconds: float) -> datetime:
        """So many seconds from now, on the service's clock."""
        return datetime.now(UTC) + timedelta(seconds=self._offset + seconds)

    def reconcile(self) -> None:
        self._invoke("reconcile", SCHEDULED)

    def rows(self) -> list[Job]:
        pages = (
            self.ground.client("dynamodb").get_paginator("scan").paginate(TableName=self.place.jobs_table, ConsistentRead=True)
        )
        return [job_from(item) for page in pages for item in page["Items"]]

    def row(self, wanted: Wanted) -> Job | None:
        key = {"jobId": {"S": wanted.job_id}}
        item = (
            self.ground.client("dynamodb").get_item(TableName=self.place.jobs_table, Key=key, ConsistentRead=True).get("Item")
        )
        return job_from(item) if item else None

    def open_jobs(self) -> list[Job]:
        pages = self.ground.client("dynamodb").get_paginator("scan")
        final: Any = {f":{status.name}": {"S": status.value} for status in FINAL}
        only = {
            "FilterExpression": f"NOT #status IN ({', '.join(final)})",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": final,
        }
        found = pages.paginate(TableName=self.place.jobs_table, ConsistentRead=True, **only)
        return [job_from(item) for page in found for item in page["Items"]]

    def advance(self, seconds: float) -> None:
        """Time passes, with its blocks."""
        blocks = int((self.elapsed + seconds) // self.block_seconds) - int(self.elapsed // self.block_seconds)
        self.elapsed += seconds
        if blocks:
            self.mine(blocks)

    def mine(self, blocks: int) -> None:
        self.node.mine(blocks)

    def _move_on(self) -> None:
        """To the next thing that is due."""
        moments = [self._next_reconcile, *self.queues.moments(), *(standing.until for standing in self.standing)]
        self.advance(max(0.0, min(moments) - self.elapsed))
        for standing in [standing for standing in self.standing if standing.until <= self.elapsed]:
            self._thaw(standing)

    def _watch_the_time(self) -> None:
        if self.elapsed > self.patience_seconds:
            raise self.violation(f"not at an end after {self.elapsed:.0f} s of its own time")
        if time.monotonic() - self._began > self.longest_wall_seconds:
            raise self.violation(f"not at an end after {self.longest_wall_seconds:.0f} s")

    # --- workers -------------------------------------------------------------------------------------------------------

    def _deliver(self) -> bool:
        """Hand what is due to workers, `parallel` batches at a time, and see what becomes of it."""
        batches = list(islice(self.batches(), self.parallel))
        for queue, messages in batches:
            event = {"Records": [held.record for held in messages]}
            self._start(QUEUES[queue], event, Delivery(queue, messages, self.elapsed))
            if queue not in ("ExecuteQueue", "ConfirmQueue"):
                self.dead_letters += len(messages)
        self._wait()
        return bool(batches)

    def batches(self) -> Iterator[tuple[str, list[Held]]]:
        """What is due; a batch that is taken from here is with a worker."""
        for queue in QUEUES:
            while batch := self.queues.due(queue, self.elapsed):
                yield queue, batch

    def _invoke(self, function: str, event: Mapping[str, Any]) -> End:
        """One invocation alone. Of a frozen one nobody has heard: whoever asked asks again."""
        return self._wait(self._start(function, event, Delivery(None, (), self.elapsed)))

    def _start(self, function: str, event: Mapping[str, Any], delivery: Delivery) -> Worker:
        idle = self._idle.setdefault(function, [])
        worker = idle.pop() if idle else self._new_worker(function)
        self.invocations += 1
        self._busy[worker] = delivery
        self.ground.clock.set(self._offset)
        worker.start(event)
        return worker

    def _new_worker(self, function: str) -> Worker:
        birth = {"seed": self.seed, "breakage": self.breakage}
        return self.ground.worker(function, self.place, self.endpoints, birth)

    @property
    def _offset(self) -> float:
        """What the workers' clocks are ahead of the machine's. It never shrinks: whoever is asked later sees a later time."""
        self._ahead = max(self._ahead, self.elapsed - (time.monotonic() - self._began))
        return self._ahead

    def _wait(self, asked: Worker | None = None) -> End:
        """Until no worker is busy that is not frozen; the end of the one asked for."""
        end_of_asked: End = Died()
        while self._busy:
            try:
                ends = wait_any(list(self._busy))
            except TimeoutError as error:
                raise self.violation(str(error)) from None
            for worker, end in ends.items():
                delivery = self._busy.pop(worker)
                if worker is asked:
                    end_of_asked = end
                self._ended(worker, end, delivery)
        return end_of_asked

    def _ended(self, worker: Worker, end: End, delivery: Delivery) -> None:
        self.queues.stale = True
        match end:
            case Answered(result, error):
                self._idle[worker.function].append(worker)
                if error is not None:
                    self.errors.append(f"{worker.function}: {error}")
                if delivery.queue is not None:
                    failed = {item["itemIdentifier"] for item in (result or {}).get("batchItemFailures", ())}
                    done = [held for held in delivery.messages if error is None and held.message_id not in failed]
                    self.queues.done(delivery.queue, done, self.elapsed)
            case Died():
                worker.kill()
            case Frozen():
                self.standing.append(Standing(worker, delivery, self.elapsed + self.frozen_seconds))

    def _thaw(self, standing: Standing) -> None:
        self.standing.remove(standing)
        self._busy[standing.worker] = standing.delivery
        self.ground.clock.set(self._offset)
        standing.worker.thaw()
        self._wait()

    # --- in the end ----------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Invariants 1 to 6, on chain and in the tables. Raises Violation."""
        from tests.faults.verdict import problems  # noqa: PLC0415 -- it needs the case

        found = problems(self)
        if found:
            raise self.violation("; ".join(found))

    def violation(self, what: str) -> Violation:
        from tests.faults.story import story  # noqa: PLC0415

        return Violation(f"{what}\n{story(self, what)}")
