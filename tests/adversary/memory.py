"""How much memory the functions' processes have needed at most, as Linux tells it."""

import re
from collections.abc import Iterable
from pathlib import Path

NAMED = re.compile(rb"(?:^|\0)AWS_LAMBDA_FUNCTION_NAME=([^\0]+)")
PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)
MIB = 1_024


class MemoryWatch:
    """Peaks by function name in MiB. A process that has ended counts with its peak as of the last look."""

    def __init__(self, functions: Iterable[str]) -> None:
        self.peaks = dict.fromkeys(functions, 0)

    def look(self) -> None:
        for process in Path("/proc").iterdir():
            if not process.name.isdigit():
                continue
            try:
                named = NAMED.search((process / "environ").read_bytes())
                peak = PEAK.search((process / "status").read_text())
            except OSError:
                continue  # it has just ended
            name = named[1].decode() if named else ""
            if name in self.peaks and peak:
                self.peaks[name] = max(self.peaks[name], int(peak[1]) // MIB)
