"""Every boundary: each scenario once undisturbed, to learn its calls; then once for each call and each fault."""

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context

from tests.faults.boundaries import AT_WRITES, EVERYWHERE, Fault, Kind, faults_at
from tests.faults.case import Case
from tests.faults.ground import Ground
from tests.faults.stories import SCENARIOS, play
from tests.faults.wanted import Violation

CHUNK = 50


@dataclass(frozen=True, slots=True)
class Spec:
    """One case of the sweep."""

    scenario: str
    fault: Fault
    breakage: str | None = None

    def __str__(self) -> str:
        return f"{self.scenario}; {self.fault}"


@dataclass(slots=True)
class Result:
    spec: Spec
    struck: bool
    """Whether the run came to the boundary: a case that does not says nothing."""
    seconds: float
    violation: str | None = None


@dataclass(slots=True)
class Report:
    results: list[Result] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def violations(self) -> list[Result]:
        return [result for result in self.results if result.violation is not None]


def boundaries(ground: Ground, scenario: str, breakage: str | None = None) -> list[str]:
    """Every external call of an undisturbed run, in order. Raises Violation when that does not end as it should."""
    case = Case(ground, breakage=breakage)
    try:
        ends = play(case, SCENARIOS[scenario])
        case.check()
        if ends != list(SCENARIOS[scenario].ends):
            raise case.violation(f"{scenario}, undisturbed, ends {ends}")
        return [call.boundary for call in case.proxy.log]
    finally:
        case.close()


def specs(boundaries_by_scenario: dict[str, list[str]]) -> list[Spec]:
    """Boundary × fault."""
    return [
        Spec(scenario, fault)
        for scenario, names in boundaries_by_scenario.items()
        for boundary in names
        for fault in faults_at(boundary)
    ]


def run(ground: Ground, spec: Spec) -> Result:
    """One case, from issuing to the comparison with the chain."""
    began = time.monotonic()
    scenario = SCENARIOS[spec.scenario]
    late = 600.0 if hash_of(spec) % 2 else 90.0  # woken when all is over, or in the middle of what others do instead
    case = Case(ground, choose=spec.fault.strikes, breakage=spec.breakage, seed=hash_of(spec), frozen_seconds=late)
    violation = None
    try:
        ends = play(case, scenario)
        case.check()
        odd = [end for end, wanted in zip(ends, scenario.ends, strict=True) if end != wanted and end not in scenario.may_end]
        if odd:
            raise case.violation(f"a job ends {odd[0]}")
        if case.dead_letters and not scenario.has_dead_letters:
            raise case.violation("a message became a dead letter")
    except Violation as error:
        violation = f"{spec}: {error}"
    finally:
        struck = bool(case.proxy.faults)
        case.close()
    return Result(spec, struck, time.monotonic() - began, violation)


def hash_of(spec: Spec) -> int:
    """The same in every process, unlike `hash`."""
    return sum(str(spec).encode())


def run_chunk(chunk: Sequence[Spec]) -> list[Result]:
    """On ground of its own, and on new ground after a violation: nobody knows what it left behind."""
    results: list[Result] = []
    rest = list(chunk)
    while rest:
        with Ground() as ground:
            while rest:
                results.append(run(ground, rest.pop(0)))
                if results[-1].violation is not None:
                    break
    return results


def learn() -> dict[str, list[str]]:
    with Ground() as ground:
        return {scenario: boundaries(ground, scenario) for scenario in SCENARIOS}


def sweep(wanted: Iterable[Spec], say: Callable[[str], None], processes: int | None = None) -> Report:
    """All of them, several at once. Goes on after a violation: there may be others."""
    began = time.monotonic()
    cases = list(wanted)
    random.Random(len(cases)).shuffle(cases)  # noqa: S311 -- so that no chunk has all the long ones
    chunks = [cases[start : start + CHUNK] for start in range(0, len(cases), CHUNK)]
    report = Report()
    workers = processes or min(os.cpu_count() or 1, 4)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(run_chunk, chunk) for chunk in chunks]):
            report.results += done.result()
            for result in done.result():
                if result.violation is not None:
                    say(f"VIOLATION\n{result.violation}\n")
            say(f"{len(report.results)} of {len(cases)} cases, {len(report.violations)} violations")
    report.seconds = time.monotonic() - began
    return report


def table(report: Report) -> list[str]:
    """Boundary × fault → how many cases were ok, over all scenarios. Calls of one operation stand in one line.

    Cases that did not come to their boundary are not counted: they say nothing.
    """
    columns = [
        _column(kind, times)
        for kind, times in sorted((*EVERYWHERE, *AT_WRITES), key=lambda variant: list(Kind).index(variant[0]))
    ]
    ok: dict[str, Counter[str]] = {}
    bad: dict[str, Counter[str]] = {}
    for result in report.results:
        if not result.struck and result.violation is None:
            continue
        name = result.spec.fault.boundary.rpartition("#")[0]
        column = _column(result.spec.fault.kind, result.spec.fault.times > 1)
        (ok if result.violation is None else bad).setdefault(name, Counter())[column] += 1
    names = sorted({*ok, *bad})
    width = max((len(name) for name in names), default=8)
    lines = [f"{'boundary':<{width}}  " + "  ".join(columns)]
    for name in names:
        cells = []
        for column in columns:
            good, wrong = ok.get(name, Counter())[column], bad.get(name, Counter())[column]
            cell = "–" if not good + wrong else f"ok {good}" if not wrong else f"BAD {wrong} of {good + wrong}"
            cells.append(f"{cell:<{len(column)}}")
        lines.append(f"{name:<{width}}  " + "  ".join(cells))
    return lines


def _column(kind: Kind, again: bool) -> str:
    """With a + where it happens again and again."""
    return f"{kind}+" if again else str(kind)
