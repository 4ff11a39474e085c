"""The Lambda runtime of a stage, and the Python on this machine that packages for it.

A stage in AWS names its runtime once, in .chalice/config.json (`lambda_runtime`). The Python that the operator runs makes no
difference: wheels and bytecode are made by a Python of exactly that version, or packaging refuses. With other bytecode Lambda
would compile every module again at each cold start.
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
"""Of Amazon Linux 2023, which all later runtimes have."""
_ASK = "import sys; print(f'{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}\\n{sys.version}')"


@dataclass(frozen=True, slots=True)
class Runtime:
    name: str
    """As Lambda names it: python3.13."""
    python: str
    """The path of a Python of that version on this machine."""
    version: str
    """What that Python says of itself, on one line."""

    @property
    def glibc_minor(self) -> int:
        return GLIBC_MINOR.get(self.name, NEWEST_GLIBC_MINOR)


def of_this_machine() -> Runtime:
    """The Python that runs this: the local stack's emulator runs the functions with it."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return Runtime(name, sys.executable, " ".join(sys.version.split()))


def named_by(stage: str) -> str:
    """The runtime that a stage in AWS names. Raises StackError when it names none that this service runs on."""
    name = json.loads(CONFIG.read_text())["stages"][stage].get(KEY)
    if name not in GLIBC_MINOR:
        what = "names no Lambda runtime" if name is None else f"names the Lambda runtime {name!r}"
        raise StackError(f"Stage {stage} {what}: set {KEY} in .chalice/config.json to one of {', '.join(GLIBC_MINOR)}.")
    return str(name)


def found_for(name: str) -> Runtime:
    """The runtime with a Python of its version. Raises StackError, naming what to install, when this machine has none."""
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
    """On the PATH first, then where pyenv and uv keep those that are not."""
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
    """What a Python says of its version; None when it does not run, or is another one, as pyenv's stand-ins may be."""
    try:
        done = subprocess.run([str(python), "-I", "-c", _ASK], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    first, _, rest = done.stdout.partition("\n")
    return " ".join(rest.split()) if done.returncode == 0 and first == f"cpython {number}" else None
