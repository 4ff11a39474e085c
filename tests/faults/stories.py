"""The scenarios of the sweep: what issuers ask for, and what the world does to it, from one moment to the next.

Each is a generator function: it yields whenever the rest of the world is to go on, and looks again at the next moment. Nothing
in it may depend on how often it is asked.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chalicelib.jobs.model import Job, Status
from chalicelib.networks import GWEI
from tests.faults.case import Case
from tests.faults.wanted import Wanted

HIGH_BASE_FEE = 30 * GWEI
"""Above what a transaction offers that was signed at 10 gwei: it is not mined until it is replaced."""

BLOCKS = 4
"""Mined at once where a transaction has to become stuck: so many polls fewer that only see it wait."""

Tell = Callable[[Case], Iterator[None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """`ends` are the states its jobs end in when nothing goes wrong; under a fault, `may_end` as well."""

    tell: Tell
    ends: tuple[str, ...]
    may_end: frozenset[str] = frozenset({"succeeded"})
    has_dead_letters: bool = False
    """Whether it makes some itself: no fault may."""


def issued_and_confirmed(case: Case) -> Iterator[None]:
    """Two jobs of one account, whose key is in KMS, and one of another, whose key is a secret."""
    first, other = case.issuers
    for issuer in (first, first, other):
        case.issue(issuer)
    yield


def paid_together(case: Case) -> Iterator[None]:
    """Two plain transfers of one account, which a round simulates together, with a call among them."""
    issuer = case.issuers[0]
    case.pay(issuer)
    case.issue(issuer)
    case.pay(issuer)
    yield


def replaced(case: Case) -> Iterator[None]:
    """The base fee rises above what was offered."""
    job = case.issue(case.issuers[0])
    yield from _until(case, job, _in_flight)
    case.node.base_fee = HIGH_BASE_FEE
    case.node.mine(BLOCKS)
    yield


def dropped(case: Case) -> Iterator[None]:
    """The pool forgets the first transaction, and again whenever it is sent, until there is another."""
    job = case.issue(case.issuers[1])
    while (row := case.row(job)) is None or not row.attempts or len(row.attempt.transactions) < 2:
        for hash_ in case.node.pooled():
            case.node.drop(hash_)
            case.node.mine(BLOCKS)
        if row is not None and not row.is_open:
            return
        yield


def cancelled_when_started(case: Case) -> Iterator[None]:
    """Its transaction is in the pool and cannot be mined; a later job of the account goes on."""
    first = case.issue(case.issuers[0])
    yield from _until(case, first, _in_flight)
    case.node.base_fee = HIGH_BASE_FEE
    case.node.mine(BLOCKS)
    case.cancel(first)
    case.issue(case.issuers[0])
    yield


def cancelled_when_pending(case: Case) -> Iterator[None]:
    job = case.issue(case.issuers[0])
    case.cancel(job)
    yield


def retried_after_an_estimate_reverted(case: Case) -> Iterator[None]:
    """The contract is closed when the job comes, and open when it is retried."""
    case.node.close_sink(case.ground.sink, True)
    case.node.mine()
    job = case.issue(case.issuers[0], "hitWhileOpen(bytes32)")
    yield from _until(case, job, lambda row: not row.is_open)
    case.node.close_sink(case.ground.sink, False)
    case.node.mine()
    case.retry(job)
    yield


def retried_after_a_mined_revert(case: Case) -> Iterator[None]:
    """The contract is closed between estimate and block, and open again when the job is retried."""
    job = case.issue(case.issuers[1], "hitWhileOpen(bytes32)")
    yield from _until(case, job, _in_flight)
    case.node.close_sink(case.ground.sink, True)
    yield from _until(case, job, lambda row: not row.is_open)
    case.node.close_sink(case.ground.sink, False)
    case.node.mine()
    case.retry(job)
    yield


def displaced(case: Case) -> Iterator[None]:
    """Another program with the same key uses the nonce first."""
    job = case.issue(case.issuers[0])
    yield from _until(case, job, _in_flight)
    row = case.row(job)
    if row is not None and row.attempts:
        for hash_ in row.attempt.hashes:
            case.node.drop(hash_)
        sent = case.node.send_as(row.account, row.attempt.nonce)
        while not case.node.is_mined(sent):
            case.node.mine()
    yield


def forgotten(case: Case) -> Iterator[None]:
    """The nudge of one job is lost, and the first poll of another: only reconcile knows of them."""
    case.issue(case.issuers[0])
    _lose(case, "ExecuteQueue")
    polled = case.issue(case.issuers[1])
    yield from _until(case, polled, _in_flight)
    _lose(case, "ConfirmQueue")
    yield


def dead_lettered(case: Case) -> Iterator[None]:
    """Its nudge ends among the dead letters before anybody has signed it; it is told, and goes on."""
    job = case.issue(case.issuers[0])
    _lose(case, "ExecuteQueue", to="ExecuteDeadLetters")
    yield from _until(case, job, _in_flight)
    yield


def _lose(case: Case, queue: str, to: str | None = None) -> None:
    """What nobody has received yet; into another queue, if one is named."""
    case.queues.collect(case.elapsed)
    for held in list(case.queues.waiting(queue)):
        case.queues.lose(queue, held)
        if to is not None:
            case.queues.send(to, held.body, held.attributes["MessageGroupId"])


def _until(case: Case, wanted: Wanted, holds: Callable[[Job], bool]) -> Iterator[None]:
    while (row := case.row(wanted)) is None or not holds(row):
        yield


def _in_flight(row: Job) -> bool:
    return row.status is not Status.PENDING


SCENARIOS: dict[str, Scenario] = {
    "issued and confirmed": Scenario(issued_and_confirmed, ("succeeded", "succeeded", "succeeded")),
    "paid together": Scenario(paid_together, ("succeeded", "succeeded", "succeeded")),
    "replaced": Scenario(replaced, ("succeeded",)),
    "dropped": Scenario(dropped, ("succeeded",)),
    "cancelled when started": Scenario(
        cancelled_when_started, ("cancelled", "succeeded"), frozenset({"succeeded", "cancelled"})
    ),
    "cancelled when pending": Scenario(cancelled_when_pending, ("cancelled",), frozenset({"succeeded", "cancelled"})),
    "retried after an estimate reverted": Scenario(retried_after_an_estimate_reverted, ("succeeded",)),
    "retried after a mined revert": Scenario(retried_after_a_mined_revert, ("succeeded",)),
    "displaced": Scenario(displaced, ("succeeded",)),
    "forgotten": Scenario(forgotten, ("succeeded", "succeeded")),
    "dead-lettered": Scenario(dead_lettered, ("succeeded",), has_dead_letters=True),
}


def play(case: Case, scenario: Scenario) -> list[str]:
    """Run it to its end; the jobs' states then, in the order they were asked for."""
    play_out(case, scenario.tell)
    rows = {job.job_id: job for job in case.rows()}
    return [rows[wanted.job_id].status.value if wanted.job_id in rows else "missing" for wanted in case.wanted]


def play_out(case: Case, tell: Tell) -> None:
    told = tell(case)
    case.run(lambda: next(told, StopIteration) is StopIteration)
