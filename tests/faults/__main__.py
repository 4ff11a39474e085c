"""`make faults`: every boundary, the soak, the siege. Prints the figures, writes last_run.json, fails on a violation."""

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stack import paths
from stack.progress import say
from tests.adversary.siege import Report as SiegeReport
from tests.adversary.siege import siege
from tests.faults.figures import Figures
from tests.faults.soak import soak
from tests.faults.sweep import Report, learn, specs, sweep, table
from tests.faults.wanted import Violation

LAST_RUN = Path(__file__).with_name("last_run.json")
JOBS = 2_000
SIEGE_SECONDS = 300.0


def main(arguments: Sequence[str] | None = None) -> int:
    parsed = _parser().parse_args(arguments)
    seed = parsed.seed if parsed.seed is not None else secrets.randbelow(1_000_000)
    began = time.monotonic()
    say(f"Seed {seed}")
    report = figures = violation = besieged = None
    if parsed.part in ("all", "sweep"):
        report = _sweep(parsed.only, parsed.processes)
    if parsed.part in ("all", "soak"):
        try:
            figures = soak(seed, parsed.jobs, say)
        except Violation as found:
            violation = str(found)
            print(f"VIOLATION in the soak, --seed {seed} --jobs {parsed.jobs}: {violation}", flush=True)
    if parsed.part in ("all", "siege"):
        with tempfile.TemporaryDirectory(prefix="siege-") as directory:
            besieged = siege(seed, parsed.siege_seconds, Path(directory), say)
    lines = _lines(report, figures, violation, besieged, seed)
    print("\n".join(["", *lines, f"{time.monotonic() - began:.0f} s in all"]), flush=True)
    if parsed.part == "all" and parsed.only is None:
        LAST_RUN.write_text(json.dumps(_figures(report, figures, violation, besieged, seed), indent=2) + "\n")
    return 1 if violation or (report and report.violations) or (besieged and besieged.violations) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("part", nargs="?", choices=("all", "sweep", "soak", "siege"), default="all")
    parser.add_argument("--seed", type=int, help="of the soak and the siege; random when not given, and printed")
    parser.add_argument("--siege-seconds", type=float, default=SIEGE_SECONDS, help="for which the attackers attack")
    parser.add_argument("--jobs", type=int, default=JOBS, help="of the soak")
    parser.add_argument("--only", help="cases of the sweep whose name has this in it, such as 'displaced; confirm:kms.Sign'")
    parser.add_argument("--processes", type=int, default=None, help="of the sweep, at once")
    return parser


def _sweep(only: str | None, processes: int | None) -> Report:
    found = learn()
    for scenario, names in found.items():
        say(f"{scenario}: {len(names)} external calls")
    cases = [spec for spec in specs(found) if only is None or only in str(spec)]
    say(f"{len(cases)} cases")
    return sweep(cases, say, processes)


def _lines(
    report: Report | None, figures: Figures | None, violation: str | None, besieged: SiegeReport | None, seed: int
) -> list[str]:
    lines: list[str] = []
    if report is not None:
        met = sum(result.struck for result in report.results)
        lines += [*table(report), ""]
        lines.append(
            f"Every boundary: {len(report.results)} cases, {met} met their fault, "
            f"{len(report.violations)} violations, {report.seconds:.0f} s"
        )
    if figures is not None:
        lines += ["Soak:", *(f"  {line}" for line in figures.lines())]
    if violation is not None:
        lines.append(f"Soak: VIOLATION, seed {seed}; it is told above")
    if besieged is not None:
        lines += ["Siege:", *(f"  {line}" for line in besieged.lines())]
    return lines


def _figures(
    report: Report | None, figures: Figures | None, violation: str | None, besieged: SiegeReport | None, seed: int
) -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted": bool(_git("status", "--porcelain", "app.py", "chalicelib")),
        "cpus": os.cpu_count(),
        "seed": seed,
        "sweep": report
        and {
            "cases": len(report.results),
            "faultsMet": sum(result.struck for result in report.results),
            "boundaries": len({(result.spec.scenario, result.spec.fault.boundary) for result in report.results}),
            "violations": [str(result.spec) for result in report.violations],
            "seconds": round(report.seconds),
            "table": table(report),
        },
        "soak": figures and figures.as_json(),
        "soakViolation": violation and violation.splitlines()[0],
        "siege": besieged and besieged.as_json(),
    }


def _git(*arguments: str) -> str | None:
    """None outside of a checkout."""
    done = subprocess.run(["git", *arguments], cwd=paths.ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main())
