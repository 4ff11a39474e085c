"""The Lambda runtime of a stage, and the Python on this machine that packages for it.

A stage in AWS names its runtime in .chalice/config.json (`lambda_runtime`). A Python of exactly that version chooses the wheels
and makes the bytecode, whatever Python the operator runs; without it, packaging is refused. With other bytecode, Lambda would
compile every module again at each cold start.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stack import paths
from stack.errors import StackError

CONFIG = paths.ROOT / ".chalice" / "config.json"
KEY = "lambda_runtime"
GLIBC_MINOR: Mapping[str, int] = {"python3.11": 26, "python3.12": 34, "python3.13": 34}
"""The runtimes that a stage may name → the newest glibc 2.x whose wheels they load. Lambda supports them until 2027-06-30,
2028-10-31 and 2029-06-30. python3.14 is missing: coincurve has no wheel for it, and without coincurve signatures take ten times
as long.
"""
NEWEST_GLIBC_MINOR = 34
"""glibc 2.x of Amazon Linux 2023, on which all later runtimes are built."""
_ASK = "import sys; print(f'{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}\\n{sys.version}')"


@dataclass(frozen=True, slots=True)
class Runtime:
    name: str
    """Lambda's name for it. Example: python3.13."""
    python: str
    """The path of a Python of that version on this machine."""
    version: str
    """The `sys.version` of that Python, on one line."""

    @property
    def glibc_minor(self) -> int:
        return GLIBC_MINOR.get(self.name, NEWEST_GLIBC_MINOR)


def of_this_machine() -> Runtime:
    """Return the runtime of this very Python, with which the local stack's emulator runs the functions."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return Runtime(name, sys.executable, " ".join(sys.version.split()))


def named_by(stage: str) -> str:
    """Return the runtime that a stage in AWS names. Raises StackError when the service does not run on it."""
    name = json.loads(CONFIG.read_text())["stages"][stage].get(KEY)
    if name not in GLIBC_MINOR:
        what = "names no Lambda runtime" if name is None else f"names the Lambda runtime {name!r}"
        raise StackError(f"Stage {stage} {what}: set {KEY} in .chalice/config.json to one of {', '.join(GLIBC_MINOR)}.")
    return str(name)


def found_for(name: str) -> Runtime:
    """Find a Python of the runtime's version on this machine. Raises StackError, naming what to install, without one."""
    number = name.removeprefix("python")
    for candidate in _candidates(number):
        version = _version(candidate, number)
        if version is not None:
            return Runtime(name, str(candidate), version)
    raise StackError(
        f"The Lambda runtime {name} needs Python {number} on this machine, to choose its wheels and to compile for it: "
        f"install it so that {name} is on the PATH (such as: uv python install {number}, pyenv install {number})."
    )


def _candidates(number: str) -> Iterator[Path]:
    """Return Pythons to try: on the PATH first, then in the directories of pyenv and uv."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == number:
        yield Path(sys.executable)
    on_path = shutil.which(f"python{number}")
    if on_path:
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path.home() / ".local" / "share" / "uv" / "python")
    for kept, pattern in ((pyenv, f"{number}.*"), (uv, f"cpython-{number}.*")):
        yield from (directory / "bin" / f"python{number}" for directory in sorted(kept.glob(pattern), reverse=True))


def _version(python: Path, number: str) -> str | None:
    """Return a Python's `sys.version` on one line; None when it does not run, or has another version as pyenv's shims may."""
    try:
        done = subprocess.run([str(python), "-I", "-c", _ASK], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    first, _, rest = done.stdout.partition("\n")
    return " ".join(rest.split()) if done.returncode == 0 and first == f"cpython {number}" else None
