"""Compiled modules for the zip. Lambda's file system is read-only: without them each start would compile all it imports."""

from pathlib import Path

from stack import tools
from stack.build.runtime import Runtime

WHERE_LAMBDA_UNPACKS = "/var/task"
"""The directory that tracebacks name."""
COMPILED = "__pycache__"


def compile_all(directory: Path, runtime: Runtime) -> None:
    """Add a `__pycache__` beside every module under `directory`, by a Python of the functions' runtime.

    The interpreter loads these files without comparing them with the sources (`unchecked-hash`). They contain no dates, paths
    or hash seeds of this machine, so the same sources give the same bytes. Raises StackError, naming a file that is not Python
    of this version.
    """
    tools.run(
        "Compiling what the functions import",
        [
            *(runtime.python, "-m", "compileall", "-q", "-f", "-j", "1", "--invalidation-mode", "unchecked-hash"),
            *("-s", directory, "-p", WHERE_LAMBDA_UNPACKS, directory),
        ],
        env={"PYTHONHASHSEED": "0"},
    )
