"""Confirmed jobs a second, and beside it the same node taking the same transactions, signed already, in JSON-RPC batches.

The jobs are issued first, while nothing works; then the clock runs from the first poll of the queues to the last final state.
Keys are secrets, so that the workers sign themselves. Blocks come every second. For the limit the chain is put back to where it
stood before, and the raw transactions that the workers made are sent again; some times, for it takes only a second or two.
"""

import http.client
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from chalicelib.networks import GWEI
from tests.bench.bursts import job_body
from tests.bench.ground import Fleet, Ground, Issuer
from tests.bench.procfs import processor_seconds
from tests.bench.rows import Part, Row, aligned, rounded, shown
from tests.bench.waiting import all_final, finished_at, require_succeeded

PROCESSES = {1: {"execute": 1, "confirm": 2}, 8: {"execute": 2, "confirm": 2}}
"""By accounts. A group is with one worker at a time; and two cores have no use for more."""
API_PROCESSES = {"api": 2}
BATCH = 100
LIMIT_RUNS = 5
PATIENCE_SECONDS = 300.0
RECIPIENT = "0x00000000000000000000000000000000000000B2"

Body = Callable[[Ground, int], dict[str, Any]]


def transfer(*_: object) -> dict[str, Any]:
    return {"to": RECIPIENT, "value": "1", "correlationId": str(uuid4())}


@dataclass(frozen=True, slots=True)
class Load:
    """So many jobs over so many accounts."""

    jobs: int
    accounts: int
    body: Body
    reach: float | None = None
    """The least share of the limit."""


LOADS: Mapping[str, Load] = {
    "1_account": Load(2_000, 1, transfer, reach=0.05),
    "8_accounts": Load(8_000, 8, transfer, reach=0.08),
    "8_accounts_calls": Load(4_000, 8, job_body),
}
"""Plain transfers, which a round simulates together, and calls of an ERC-20, of which each is estimated.

The more jobs, the less the last three blocks count, in which there is little to do. But the emulator looks through all messages
of a FIFO queue for one of a free group, and where there is one group it is not free while its worker works: 6,000 messages of
one account cost it half as much again as 2,000.
"""
SAMPLED = Load(500, 1, transfer)


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its jobs, how long they took, and what was busy meanwhile."""

    jobs: int
    accounts: int
    seconds: float
    limit_per_second: float
    processor: Mapping[str, float]
    """Processor seconds by what used them."""
    samples: Mapping[str, int]
    """Looks at the workers, by what they were doing; empty when they were not sampled."""

    @property
    def per_second(self) -> float:
        return self.jobs / self.seconds


def measure(ground: Ground, loads: Mapping[str, Load] = LOADS, sampled_load: Load = SAMPLED) -> Part:
    rows: list[Row] = []
    details: dict[str, list[str]] = {}
    for name, load in loads.items():
        done = run(ground, load)
        ground.say(
            f"Throughput, {name}: {done.per_second:.0f} jobs/s; the bare node takes {done.limit_per_second:.0f} transactions/s"
        )
        limit, reach = done.limit_per_second, load.reach
        rows.append(Row(f"throughput_{name}", rounded(done.per_second / limit), "of the limit", reach, 1.0, at_least=True))
        least = None if reach is None else rounded(reach * limit)
        per_second = rounded(done.per_second)
        rows.append(Row(f"jobs_per_second_{name}", per_second, "jobs/s", least, rounded(limit), at_least=True))
        details[f"{name}: processor time ({done.jobs} jobs in {done.seconds:.1f} s)"] = _processor_lines(done)
    sampled = run(ground, sampled_load, sampled=True)
    title = f"1_account, sampled ({sampled.jobs} jobs in {sampled.seconds:.1f} s): where the workers' time goes"
    details[title] = _sample_lines(sampled)
    return Part(rows, details)


def run(ground: Ground, load: Load, *, sampled: bool = False) -> Run:
    accounts, jobs = load.accounts, load.jobs
    issuers = [ground.issuer(kms=False) for _ in range(accounts)]
    with (
        ground.fleet(API_PROCESSES, meter=None, quiet=True) as front,
        ground.fleet(PROCESSES[accounts], meter=None, sampled=sampled, quiet=True) as workers,
    ):
        for number in range(max(PROCESSES[accounts].values())):
            _warm(front, workers, issuers, only=number)
        wanted = [(issuers[number % accounts].token, load.body(ground, number)) for number in range(jobs)]
        issued = [(token, job_id) for (token, _), job_id in zip(wanted, front.api.issue_many(wanted), strict=True)]
        snapshot = ground.node("evm_snapshot")
        for process in workers.all():
            process.forget_samples()
        before, began = _processor(ground, workers), datetime.now(UTC)
        with workers.working():
            all_final(front.api, issued[-accounts:], PATIENCE_SECONDS, pause=0.1)
            after = _processor(ground, workers)
            finished = all_final(front.api, issued, PATIENCE_SECONDS)
        seconds = max((finished_at(job) - began).total_seconds() for job in finished)
        require_succeeded(finished)
        if failures := workers.invocations.failures():
            raise RuntimeError(f"invocations failed: {failures[0]}")
        samples: Counter[str] = Counter()
        for process in workers.all():
            samples.update(process.stop())
    raws = [ground.node("eth_getRawTransactionByHash", job["data"]["txHash"]) for job in finished]
    limit = jobs / median(_bare_node(ground, raws, snapshot))
    return Run(jobs, accounts, seconds, limit, {name: after[name] - before[name] for name in after}, samples)


def _bare_node(ground: Ground, raws: Sequence[str], snapshot: str) -> Iterator[float]:
    """Seconds in which the node took them all, each time."""
    for _ in range(LIMIT_RUNS):
        ground.node("evm_revert", snapshot)
        snapshot = ground.node("evm_snapshot")
        ground.node("anvil_setNextBlockBaseFeePerGas", hex(GWEI))  # it is not put back, and full blocks raise it
        yield take_all(ground.env["RPC_URL"], raws)
        ground.node("anvil_dropAllTransactions")  # what came while a block was made may be queued for ever


def _warm(front: Fleet, workers: Fleet, issuers: Sequence[Issuer], only: int) -> None:
    """A job for every account through one process of each function: what is done once is done then."""
    issued = [(issuer.token, front.api.issue(issuer.token, **transfer())) for issuer in issuers]
    with workers.working(only):
        require_succeeded(all_final(front.api, issued, PATIENCE_SECONDS))


def take_all(node_url: str, raws: Sequence[str]) -> float:
    """Seconds in which the node took all of these, in batches of 100 over one connection. Raises RuntimeError for a refusal."""
    bodies = [
        json.dumps(
            [
                {"jsonrpc": "2.0", "id": number, "method": "eth_sendRawTransaction", "params": [raw]}
                for number, raw in enumerate(raws[start : start + BATCH])
            ]
        )
        for start in range(0, len(raws), BATCH)
    ]
    connection = http.client.HTTPConnection(urlsplit(node_url).netloc, timeout=60)
    answers: list[bytes] = []
    began = time.monotonic()
    for body in bodies:
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        answers.append(connection.getresponse().read())
    seconds = time.monotonic() - began
    connection.close()
    refused = [item for answer in answers for item in json.loads(answer) if "error" in item]
    if refused:
        raise RuntimeError(f"the node refuses {len(refused)} of {len(raws)} transactions: {refused[0]['error']}")
    return seconds


def _processor(ground: Ground, workers: Fleet) -> dict[str, float]:
    return {
        "emulator (DynamoDB, SQS, secrets)": processor_seconds(ground.pid("ministack")),
        "node": processor_seconds(ground.pid("anvil")),
        **{
            f"{function} workers": sum(processor_seconds(process.pid) for process in processes)
            for function, processes in workers.processes.items()
        },
        "bench (mappings' polls)": time.process_time(),
    }


def _processor_lines(done: Run) -> list[str]:
    per_job = {name: seconds / done.jobs * 1_000 for name, seconds in done.processor.items()}
    cells = [("", "ms of processor a job", "share of the run, of one core")]
    for name, milliseconds in sorted(per_job.items(), key=lambda entry: -entry[1]):
        cells.append((name, f"{milliseconds:.2f}", f"{done.processor[name] / done.seconds:.0%}"))
    return aligned(cells, right=(1, 2))


def _sample_lines(done: Run) -> list[str]:
    total = sum(done.samples.values())
    cells = [("", "share of the workers' busy time")]
    for heading, count in sorted(done.samples.items(), key=lambda entry: -entry[1]):
        cells.append((heading, f"{count / total:.0%}"))
    return [*aligned(cells, right=(1,)), f"{shown(rounded(done.per_second, 3))} jobs/s while sampled"]
