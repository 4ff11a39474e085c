"""Latency in the local stack as it is deployed: its API Gateway, its event source mappings, its functions, over HTTP.

Accepted is the job's createdAt. Broadcast is when the node had answered the first request with the transaction, seen
by the meter between the functions and the node. Mined is when the node first showed the block, deep when it first showed the
one that makes it deep enough. A look is a request for the receipt. Final is when the final state was written, by the job's own
lastFinishedAt. All of them by this machine's one clock.

How soon a job is final after its depth was reached is counted in looks: the first that begins afterwards is to close it. When
it begins is up to who delivers the message: SQS delays by whole seconds, and the emulator looks for messages whose delay is
over when another one comes, or after a second.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import requests

from stack.machine.local import CONFIRMATIONS
from stack.rpc import RpcUnavailable
from tests.bench.ground import Ground, Issuer
from tests.bench.meter import Lane
from tests.bench.quantiles import quantile
from tests.bench.rows import Part, Row, aligned, rounded
from tests.bench.waiting import FINAL, NotInTime, finished_at, require_succeeded

LIGHT_JOBS = 80
LIGHT_PAUSE_SECONDS = 0.4
HALF_JOBS = 200
BURST_JOBS = 200
CLIENTS = 4
WARM_JOBS = 60
REACH_P50_MS = 150.0
BLOCK_MS = 1_000.0
"""The local chain's block time, and so the shortest poll."""
REACH_LOOKS = 1.0
MILLISECOND = 0.001
"""To which jobs tell their times, rounded down."""
PATIENCE_SECONDS = 180.0
LOOK_SECONDS = 0.02
RECIPIENT = "0x00000000000000000000000000000000000000C3"


class Heads:
    """When the node first showed each block, on time.time()'s clock."""

    def __init__(self, ground: Ground) -> None:
        self.seen: dict[int, float] = {}
        self._ground = ground
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def at(self, number: int) -> float:
        """When this block, or one after it, was first shown."""
        return self.seen.get(number) or min(at for later, at in self.seen.items() if later > number)

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                number = int(self._ground.node("eth_blockNumber"), 16)
            except RpcUnavailable:
                continue
            self.seen.setdefault(number, time.time())

    def __enter__(self) -> "Heads":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()


@dataclass(frozen=True, slots=True)
class Times:
    """One entry a job. Times are milliseconds."""

    to_broadcast: list[float]
    to_final: list[float]
    """From the block."""
    deep_to_look: list[float]
    """Until the first look that began when it was deep enough: negative where one was under way."""
    look_to_final: list[float]
    looks: list[int]
    """That began when it was deep enough, and before it was final."""
    per_second: float
    """Jobs that were accepted."""


class Client:
    """An issuer over HTTP. One connection a thread."""

    def __init__(self, ground: Ground, issuer: Issuer) -> None:
        self._base = ground.env["API_URL"]
        self._headers = {"Authorization": f"Bearer {issuer.token}"}
        self._local = threading.local()

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.headers.update(self._headers)
        session: requests.Session = self._local.session
        return session

    def issue(self) -> str:
        """The new job's id. Raises RuntimeError when it was not accepted."""
        body = {"to": RECIPIENT, "value": "1", "correlationId": str(uuid4())}
        answer = self._session().post(f"{self._base}/api/v2/jobs", json=body, timeout=PATIENCE_SECONDS)
        if answer.status_code != 201:
            raise RuntimeError(f"the API refuses a job: {answer.status_code} {answer.text}")
        return str(answer.json()["job"]["_id"])

    def final(self, job_id: str) -> dict[str, Any]:
        """The job, once it is final. Raises NotInTime."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = self._session().get(f"{self._base}/api/v2/jobs/{job_id}", timeout=PATIENCE_SECONDS)
            job: dict[str, Any] = answer.json()["data"]
            if job["status"] in FINAL:
                return job
            if time.monotonic() > deadline:
                raise NotInTime(f"job {job_id} is {job['status']} after {PATIENCE_SECONDS:.0f} s")
            time.sleep(0.25)


def measure(ground: Ground, light_jobs: int = LIGHT_JOBS, half_jobs: int = HALF_JOBS, burst_jobs: int = BURST_JOBS) -> Part:
    ground.let_the_stack_work(True)
    try:
        client = Client(ground, ground.issuer(kms=True))
        with Heads(ground) as heads:
            run(ground, heads, client, WARM_JOBS, 0.0)  # the first environments start cold
            throughput = _stack_throughput(client, burst_jobs)
            light = run(ground, heads, client, light_jobs, LIGHT_PAUSE_SECONDS)
            ground.say(f"Latency, light load: {_sentence(light)}")
            half = run(ground, heads, client, half_jobs, 2 / throughput)
            ground.say(f"Latency, half of the stack's {throughput:.0f} jobs/s: {_sentence(half)}")
    finally:
        ground.let_the_stack_work(False)
    return Part(_rows(light, half, throughput), {"milliseconds": _lines({"light load": light, "half load": half})})


def run(ground: Ground, heads: Heads, client: Client, jobs: int, pause_seconds: float) -> Times:
    """Post so many jobs, one every `pause_seconds` whether or not earlier ones are done, and see when each thing happened."""
    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        posted = []
        for number in range(jobs):
            time.sleep(max(0.0, began + number * pause_seconds - time.monotonic()))
            posted.append(pool.submit(client.issue))
        ids = [future.result() for future in posted]
        seconds = time.monotonic() - began
        finished = list(pool.map(client.final, reversed(ids)))
    require_succeeded(finished)
    return _times(finished, ground.deployed_lane, heads, jobs / seconds)


def _times(finished: Sequence[Mapping[str, Any]], lane: Lane, heads: Heads, per_second: float) -> Times:
    times = Times([], [], [], [], [], per_second)
    for job in finished:
        hash_, block = job["data"]["txHash"], int(job["data"]["transactionBody"]["blockNumber"])
        mined, deep, final = heads.at(block), heads.at(block + CONFIRMATIONS - 1), finished_at(job).timestamp()
        looks = [look for look in lane.looks[hash_] if look < final + MILLISECOND]
        after = [look for look in looks if look > deep]
        closing = after[0] if after else looks[-1]
        times.to_broadcast.append((lane.broadcasts[hash_] - _accepted(job)) * 1_000)
        times.to_final.append((final - mined) * 1_000)
        times.deep_to_look.append((closing - deep) * 1_000)
        times.look_to_final.append((final - closing) * 1_000)
        times.looks.append(len(after))
    return times


def _accepted(job: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(job["createdAt"]).timestamp()


def _stack_throughput(client: Client, jobs: int) -> float:
    """Jobs a second from the first post to the last final state, posted as fast as they are taken."""
    began = time.time()
    with ThreadPoolExecutor(CLIENTS) as pool:
        ids = list(pool.map(lambda _number: client.issue(), range(jobs)))
        finished = list(pool.map(client.final, reversed(ids)))
    require_succeeded(finished)
    return jobs / (max(finished_at(job).timestamp() for job in finished) - began)


# --- rows --------------------------------------------------------------------------------------------------------------


def _rows(light: Times, half: Times, throughput: float) -> list[Row]:
    rows: list[Row] = []
    depth_ms = (CONFIRMATIONS - 1) * BLOCK_MS
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        note = f"{quantile(half.to_broadcast, share):.0f} ms at half of the stack's {throughput:.0f} jobs/s"
        reach = REACH_P50_MS if name == "p50" else None
        value = rounded(quantile(light.to_broadcast, share))
        rows.append(Row(f"accepted_to_broadcast_{name}_ms", value, "ms", reach, 0.0, note=note))
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        note = f"{quantile(half.to_final, share):.0f} ms at half load. The limit is when the depth is reached"
        value = rounded(quantile(light.to_final, share))
        rows.append(Row(f"mined_to_final_{name}_ms", value, "ms", None, depth_ms, note=note))
    note = f"{max(half.looks)} at half load. 0: it was under way when the depth was reached"
    rows.append(Row("looks_after_depth_most", max(light.looks), "looks a job", REACH_LOOKS, 1.0, note=note))
    return rows


def _sentence(times: Times) -> str:
    told = (("accepted to broadcast", times.to_broadcast), ("mined to final", times.to_final))
    return "; ".join(f"{what} p50 {quantile(ms, 0.5):.0f} ms, p99 {quantile(ms, 0.99):.0f} ms" for what, ms in told)


def _lines(loads: Mapping[str, Times]) -> list[str]:
    cells: list[tuple[str, ...]] = [("", "jobs", "jobs/s", "p50", "p90", "p99", "most")]
    for load, times in loads.items():
        parts = {
            "accepted to broadcast": times.to_broadcast,
            "mined to final": times.to_final,
            "depth reached to the look that closes it": times.deep_to_look,
            "that look to final": times.look_to_final,
        }
        for what, values in parts.items():
            shares = [f"{quantile(values, share):.0f}" for share in (0.5, 0.9, 0.99, 1.0)]
            cells.append((f"{load}: {what}", str(len(values)), f"{times.per_second:.1f}", *shares))
    return aligned(cells, right=(1, 2, 3, 4, 5, 6))
