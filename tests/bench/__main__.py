"""`make bench`: prints one table and writes bench.json. `python -m tests.bench start` runs one part alone and only prints."""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from stack import paths
from stack.progress import say
from tests.bench import bursts, growth, latency, machine, start, throughput, zipped
from tests.bench.ground import Ground
from tests.bench.rows import Part, table, write

Measure = Callable[[Ground], Part]
PARTS: Mapping[str, Measure] = {
    "zip": zipped.measure,
    "start": start.measure,
    "requests": bursts.measure,
    "latency": latency.measure,
    "throughput": throughput.measure,
    "growth": growth.measure,
}
"""In this order: what is sensitive to a busy machine before what makes it busy."""
SMALL: Mapping[str, Measure] = {
    "zip": zipped.measure,
    "start": partial(start.measure, rounds=3),
    "requests": partial(bursts.measure, repeats={1: 2, 10: 1, 100: 1}),
    "latency": partial(latency.measure, light_jobs=20, half_jobs=40, burst_jobs=40),
    "throughput": partial(
        throughput.measure,
        loads={name: replace(load, jobs=200) for name, load in throughput.LOADS.items()},
        sampled_load=replace(throughput.SAMPLED, jobs=100),
    ),
    "growth": partial(growth.measure, sizes=(1_000, 20_000), open_jobs=(200, 1_000)),
}
"""To try the bench itself: its figures mean little."""


@dataclass(frozen=True, slots=True)
class Asked:
    parts: Sequence[str]
    small: bool
    file: Path | None


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _asked(arguments)
    began, at = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    commit, where = machine.commit(), machine.machine()
    say(f"{commit} on {where}")
    found: dict[str, Part] = {}
    with Ground(say) as ground:
        for name in asked.parts:
            found[name] = (SMALL if asked.small else PARTS)[name](ground)
            for title, lines in found[name].details.items():
                print("\n".join(["", f"{name}: {title}", *(f"  {line}" for line in lines)]), flush=True)
    rows = [row for part in found.values() for row in part.rows]
    print("\n".join(["", f"{commit}, {where}", "", *table(rows)]))
    for row in rows:
        if row.note:
            print(f"  {row.id}: {row.note}")
    say(f"{time.monotonic() - began:.0f} s in all")
    if asked.file is not None:
        write(asked.file, commit, where, found, at)
        say(f"Written: {asked.file}")
    return 0


def _asked(arguments: Sequence[str] | None) -> Asked:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("part", nargs="*", choices=[[], *PARTS], help="all of them when none is named")
    parser.add_argument("--small", action="store_true", help="a few jobs only, to try the bench itself")
    parser.add_argument("--json", type=Path, help="where to write the rows; bench.json when all parts run")
    parsed = parser.parse_args(arguments)
    parts = parsed.part or list(PARTS)
    whole = set(parts) == set(PARTS) and not parsed.small
    return Asked(parts, parsed.small, parsed.json or (paths.ROOT / "bench.json" if whole else None))


if __name__ == "__main__":
    sys.exit(main())
