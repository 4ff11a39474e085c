"""Requests per job: bursts of jobs from issue to final, everything they ask of AWS and the node counted at the wire.

Real function processes, the real queues, KMS and node of the local stack; the bench plays the event source mappings. A burst is
posted by two API processes as fast as they can while the workers already work, as it would be in AWS. Environments are warm:
what a first use costs once (the secret, the chain id) is not among the counts. Polling an empty queue is not counted either:
it costs the same with and without jobs. A delivered batch counts as one ReceiveMessage and one DeleteMessageBatch.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.bench.check import check
from tests.bench.counted import Counted, floor, floor_usage
from tests.bench.dollars import Prices, usd_per_million_jobs
from tests.bench.ground import Fleet, Ground, Issuer
from tests.bench.rows import Part, Row, aligned, rounded, shown
from tests.bench.waiting import all_final, require_succeeded, until
from tests.scheduled import SCHEDULED

REPEATS: Mapping[int, int] = {1: 5, 10: 3, 100: 2, 1_000: 1}
"""By the size of a burst, how often."""
PROCESSES = {"api": 2, "execute": 2, "confirm": 2, "reconcile": 1}
REACHES = {"rpc_http": 0.2, "sqs": 1.3, "write_units": 8.0, "read_units": 4.0}
REACHED_AT = 100
UNITS = {
    "rpc_http": "HTTP requests/job",
    "sqs": "requests/job",
    "write_units": "WRU/job",
    "read_units": "RRU/job",
    "kms": "requests/job",
    "invocations": "invocations/job",
}
PATIENCE_SECONDS = 300.0
RECONCILE_SECONDS = 60.0
SPENDER = "0x00000000000000000000000000000000000000A1"


def measure(ground: Ground, repeats: Mapping[int, int] = REPEATS) -> Part:
    lane = ground.meter.lane("check")
    agreed = check(lane, ground.clients_at(lane.url))
    ground.say(f"Requests per job: the emulator bills {agreed} of {agreed} exchanges as DynamoDB's rules have it")
    found: dict[int, Counted] = {}
    with ground.fleet(PROCESSES, meter=ground.meter) as fleet, ground.fleet({"api": 1}, meter=None, quiet=True) as watcher:
        burst = Burst(ground, fleet, watcher, ground.issuer(kms=True))
        for number in range(PROCESSES["execute"]):  # what a process does once, it does now
            burst.run(4, only=number)
        for jobs, times in repeats.items():
            counts = [burst.run(jobs) for _ in range(times)]
            found[jobs] = sum(counts[1:], counts[0])
            told = ", ".join(f"{name} {shown(rounded(count, 3))}" for name, count in found[jobs].per_job().items())
            ground.say(f"  bursts of {jobs} (×{times}): {told}")
    return Part([*_rows(found), _dollars_row(ground, found)], _details(ground, found))


@dataclass(frozen=True, slots=True)
class Burst:
    """Who issues, what works, and a process that only looks whether jobs are final, of which nothing is counted."""

    ground: Ground
    fleet: Fleet
    watcher: Fleet
    issuer: Issuer

    def run(self, jobs: int, only: int | None = None) -> Counted:
        """Issue so many jobs, wait until all are final and no message is left, and take what was counted meanwhile."""
        ground, fleet = self.ground, self.fleet
        for lane in fleet.lanes.values():
            lane.take()
        before, logged = len(fleet.invocations.made), ground.log.stat().st_size
        batches, fifo_batches = fleet.invocations.batches, fleet.invocations.fifo_batches
        with fleet.working(only), self._schedule():
            ids = fleet.api.issue_many((self.issuer.token, job_body(ground, number)) for number in range(jobs))
            wanted = [(self.issuer.token, job_id) for job_id in ids]
            require_succeeded(all_final(self.watcher.api, wanted, PATIENCE_SECONDS))
            until("the queues are empty", lambda: ground.messages_left() == 0, PATIENCE_SECONDS)
        if failures := fleet.invocations.failures():
            raise RuntimeError(f"invocations failed: {failures[0]}")
        fifo = fleet.invocations.fifo_batches - fifo_batches
        return Counted(
            jobs=jobs,
            by_function={name: lane.take() for name, lane in fleet.lanes.items()},
            invocations=fleet.invocations.made[before:],
            standard_batches=fleet.invocations.batches - batches - fifo,
            fifo_batches=fifo,
            log_bytes=ground.log.stat().st_size - logged,
        )

    @contextmanager
    def _schedule(self) -> Iterator[None]:
        """Reconcile, every minute, as the stack's rule has it."""
        ended = threading.Event()
        (process,) = self.fleet.processes["reconcile"]

        def run() -> None:
            while not ended.wait(RECONCILE_SECONDS):
                self.fleet.invocations.add(process.invoke(SCHEDULED))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def job_body(ground: Ground, number: int) -> dict[str, Any]:
    """A usual job: a call of an ERC-20 with two arguments, and a correlationId."""
    call = {"function": "approve(address,uint256)", "args": [SPENDER, str(number + 1)]}
    return {"to": ground.env["TOKEN_ADDRESS"], "call": call, "correlationId": str(uuid4())}


# --- rows --------------------------------------------------------------------------------------------------------------


def _rows(found: Mapping[int, Counted]) -> list[Row]:
    rows: list[Row] = []
    for jobs, counted in found.items():
        limits = floor(jobs)
        for name, count in counted.per_job().items():
            reach = REACHES.get(name) if jobs == REACHED_AT else None
            rows.append(Row(f"{name}_per_job_burst_{jobs}", rounded(count), UNITS[name], reach, rounded(limits[name])))
    return rows


def _dollars_row(ground: Ground, found: Mapping[int, Counted]) -> Row:
    jobs = REACHED_AT if REACHED_AT in found else max(found)
    prices = Prices.read()
    bill = usd_per_million_jobs(found[jobs].usage(_memory(ground)), prices)
    limit = usd_per_million_jobs(floor_usage(jobs), prices)
    note = (
        f"At bursts of {jobs}, prices of {prices.as_of}; Lambda's time is measured on this machine's emulator. "
        "The limit has no Lambda time and no logs."
    )
    return Row("usd_per_million_jobs", rounded(sum(bill.values())), "USD", None, rounded(sum(limit.values())), note=note)


def _memory(ground: Ground) -> dict[str, int]:
    return {name: function.memory_mb for name, function in ground.functions.items()}


def _details(ground: Ground, found: Mapping[int, Counted]) -> dict[str, list[str]]:
    details: dict[str, list[str]] = {}
    prices = Prices.read()
    for jobs, counted in found.items():
        bill = usd_per_million_jobs(counted.usage(_memory(ground)), prices)
        dollars = ", ".join(f"{service} {usd:.2f}" for service, usd in sorted(bill.items(), key=lambda entry: -entry[1]))
        details[f"bursts of {jobs}: USD per million jobs"] = [f"{sum(bill.values()):.2f}: {dollars}"]
        lines = [(function, ground.shortened(what), per_job) for function, what, per_job in _lines(counted)]
        details[f"bursts of {jobs}: per job"] = aligned(lines, right=(2,))
    return details


def _lines(counted: Counted) -> list[tuple[str, str, str]]:
    """Function, what, how much a job."""
    lines: list[tuple[str, str, str]] = []

    def add(function: str, what: str, count: float) -> None:
        lines.append((function, what, f"{count / counted.jobs:.3f}"))

    for function, tally in counted.by_function.items():
        if made := [made for made in counted.invocations if made.function == function]:
            add(function, "invocations", len(made))
            add(function, "seconds", sum(one.seconds for one in made))
        for name, count in sorted(tally.requests.items()):
            add(function, name, count)
        for what, units in (("WRU", tally.write_units), ("RRU", tally.read_units)):
            for name, total in sorted(units.items()):
                add(function, f"{what} {name}", total)
        if tally.rpc_http:
            add(function, "RPC HTTP requests", tally.rpc_http)
        for name, count in sorted(tally.rpc_methods.items()):
            add(function, name, count)
    return lines
