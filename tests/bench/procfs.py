"""Processor time of other processes, as Linux tells it."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(pid: int) -> float:
    """User and system seconds of a process and all that it started and that still runs; 0 where /proc does not tell."""
    return sum(_own_seconds(process) for process in _family(pid))


def _family(pid: int) -> list[int]:
    found = [pid]
    for process in found:  # grows as it goes
        try:
            for task in Path(f"/proc/{process}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def _own_seconds(pid: int) -> float:
    try:
        # After the name, which may hold anything but ends with the last bracket, utime and stime are fields 12 and 13.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS
