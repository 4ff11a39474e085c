"""What was measured, and on what: the commit, and the machine in one line."""

import os
import platform
import subprocess
from pathlib import Path

from stack import paths

MEASURED = ("app.py", "chalicelib", "requirements.txt", ".chalice", "stack")
"""Uncommitted changes in these make a figure that of no commit."""


def commit() -> str:
    """The hash of HEAD, with `+changes` where what is measured differs from it; `unknown` outside of a checkout."""
    head = _git("rev-parse", "HEAD")
    if head is None:
        return "unknown"
    return f"{head}+changes" if _git("status", "--porcelain", "--", *MEASURED) else head


def machine() -> str:
    """Processor, cores, memory, kernel, Python, and how busy the machine was before."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    words = [
        _processor(),
        f"{os.cpu_count()} cores",
        f"{memory:.0f} GiB",
        f"{platform.system()} {platform.release()}",
        f"Python {platform.python_version()}",
        f"load {os.getloadavg()[0]:.1f} at the start",
    ]
    return ", ".join(words)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _git(*arguments: str) -> str | None:
    done = subprocess.run(["git", *arguments], cwd=paths.ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
