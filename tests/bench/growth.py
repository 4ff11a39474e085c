"""Whether anything costs more when the table is full: request units with 1,000 and with 1,000,000 jobs in it.

The tables are in Amazon's DynamoDB Local; queues, keys and node are those of the local stack. Handlers are invoked one event
at a time, so that every unit is that event's. Beside it, one account with 1,000 and with 10,000 open jobs.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

from tests.bench.bigtable import BigTable, Copy, available, changed, copied_id, copies
from tests.bench.check import check
from tests.bench.ground import Ground
from tests.bench.meter import Meter
from tests.bench.rows import Part, Row, aligned, rounded
from tests.bench.scene import Scene, Texts, scene, settle
from tests.bench.tally import Tally

SIZES = (1_000, 1_000_000)
OPEN_JOBS = (1_000, 10_000)
STEPS = ("fetch", "list", "retry_query", "reconcile", "confirm")
LEFT_BEHIND = 20
"""Open jobs that reconcile finds, however full the table is."""
PAST, FUTURE = "2026-01-01T00:00:00.000000Z", "2099-01-01T00:00:00.000000Z"
FINAL, DUE, STARTED, PENDING = 0x10, 0x20, 0x30, 0x40
"""Series of ids."""
Templates = Mapping[str, list[Texts]]


@dataclass(frozen=True, slots=True)
class Filled:
    """What single events cost, by step."""

    rows: int
    tallies: Mapping[str, Tally]
    signed: int = 0
    """By the one that `execute` was."""

    def units(self, step: str) -> float:
        return self.tallies[step].reads + self.tallies[step].writes


def measure(ground: Ground, sizes: tuple[int, int] = SIZES, open_jobs: tuple[int, int] = OPEN_JOBS) -> Part:
    if not available():
        note = "DynamoDB Local needs Java and Maven, and this machine has not both"
        return Part([Row(f"growth_{step}", None, "ratio", 1.0, 1.0, note=note) for step in STEPS], {})
    agreed = _check(ground)
    ground.say(f"Growth: DynamoDB Local bills {agreed} of {agreed} exchanges as DynamoDB's rules have it")
    filled = [_full_table(ground, size) for size in sizes]
    crowded = [_crowded_account(ground, count) for count in open_jobs]
    details = {
        "request units by jobs in the table": _lines(filled),
        "request units by open jobs of the account": _lines(crowded),
        "requests with the fullest table": _requests(ground, filled[-1]),
    }
    return Part([_row(step, filled) for step in STEPS], details)


def _full_table(ground: Ground, size: int) -> Filled:
    """Most jobs have succeeded, one in five failed; all of them are the issuer's."""

    def wanted(found: Templates) -> Iterator[Copy]:
        final = [*found["succeeded"][:4], found["failed"][0], *found["succeeded"][4:], *found["failed"][1:3]]
        return chain(copies(final, size, FINAL), copies(found["started"], LEFT_BEHIND, DUE, nextCheckAt=PAST))

    with _table(ground, wanted) as (act, found):
        tallies = {
            "confirm": act.confirm(),
            "fetch": act.fetch(copied_id(FINAL, 0, found["succeeded"][0]["jobId"])),
            "list": act.list_page(),
            "reconcile": act.reconcile(),
            "retry_query": act.retry_query(),
        }
    done = Filled(size, tallies)
    ground.say(f"Growth, {size:,} jobs: " + ", ".join(f"{step} {done.units(step):g}" for step in STEPS))
    return done


def _crowded_account(ground: Ground, count: int) -> Filled:
    """Half of its open jobs are pending, half in flight; reconcile need not look at any of them."""

    def wanted(found: Templates) -> Iterator[Copy]:
        half = count // 2
        in_flight = copies(found["started"], half, STARTED, nextCheckAt=FUTURE)
        return chain(in_flight, copies(found["pending"], half, PENDING, nextCheckAt=FUTURE))

    with _table(ground, wanted) as (act, found):
        tallies = {
            "confirm": act.confirm(),
            "fetch": act.fetch(copied_id(STARTED, 0, found["started"][0]["jobId"])),
            "list": act.list_page(),
            "reconcile": act.reconcile(),
            "issue": act.issue(),
        }
        executed, signed = act.execute()
    done = Filled(count, {**tallies, "execute": executed}, signed)
    ground.say(f"Growth, {count:,} open jobs: " + ", ".join(f"{step} {done.units(step):g}" for step in done.tallies))
    return done


def _check(ground: Ground) -> int:
    with ground.scratch() as directory, BigTable(directory, ground.say).serving() as url:
        meter = Meter()
        meter.dynamodb = url
        lane = meter.lane("check")
        try:
            return check(lane, ground.clients_at(lane.url), amazons=True)
        finally:
            meter.close()


@contextmanager
def _table(ground: Ground, wanted: Callable[[Templates], Iterator[Copy]]) -> Iterator[tuple[Scene, Templates]]:
    """A table with real jobs of each kind and the copies that are wanted of them, and the service working on it."""
    issuer = ground.issuer(kms=False)
    with ground.scratch() as directory:
        table = BigTable(directory, ground.say)
        with table.serving() as url, scene(ground, issuer, url) as act:
            found = act.templates()
        settle(ground)
        # However long that takes: the jobs that were copied are not among those left behind.
        kept = changed([*found["started"], *found["pending"]], nextCheckAt=FUTURE)
        table.fill(ground.env["JOBS_TABLE"], chain(kept, wanted(found)))
        with table.serving() as url, scene(ground, issuer, url) as act:
            yield act, found


# --- rows --------------------------------------------------------------------------------------------------------------


def _row(step: str, filled: list[Filled]) -> Row:
    small, large = filled[0].units(step), filled[-1].units(step)
    note = f"{small:g} units with {filled[0].rows:,} jobs, {large:g} with {filled[-1].rows:,}"
    return Row(f"growth_{step}", rounded(large / small), "× the units", 1.0, 1.0, note=note)


def _lines(filled: list[Filled]) -> list[str]:
    cells = [("", *(f"{done.rows:,}" for done in filled))]
    for step in filled[0].tallies:
        shown = [f"{done.tallies[step].reads:g} read + {done.tallies[step].writes:g} written" for done in filled]
        if step == "execute":  # of a transaction DynamoDB Local does not report what it is billed
            reads = [done.tallies[step].reads for done in filled]
            shown = [
                f"{read:g} read, {done.signed} jobs signed: {read / done.signed:.2f} a job"
                for read, done in zip(reads, filled, strict=True)
            ]
        cells.append((step, *shown))
    return aligned(cells)


def _requests(ground: Ground, filled: Filled) -> list[str]:
    """Every kind of request that was made, so that a Scan or a query without a limit would be seen."""
    lines: list[str] = []
    for step, tally in filled.tallies.items():
        lines += [
            f"{step}: {ground.shortened(name)}: {units:g} units"
            for name, units in sorted({**tally.read_units, **tally.write_units}.items())
        ]
    return lines
