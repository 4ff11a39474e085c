"""Compiled modules for the zip: Lambda's file system cannot be written, so without them every start compiles all it imports."""

from pathlib import Path

from stack import tools
from stack.build.runtime import Runtime

WHERE_LAMBDA_UNPACKS = "/var/task"
"""What tracebacks name."""
COMPILED = "__pycache__"


def compile_all(directory: Path, runtime: Runtime) -> None:
    """Add a `__pycache__` beside every module under `directory`, by a Python of the functions' runtime: others' it ignores.

    Unchecked: the interpreter takes a compiled module for its source's without looking, since nothing changes where it is
    unpacked. Nothing of this machine is in it, neither dates nor paths nor the seed of its hashes: the same sources give the
    same bytes. Raises StackError, naming a file that is no Python of this version.
    """
    tools.run(
        "Compiling what the functions import",
        [
            *(runtime.python, "-m", "compileall", "-q", "-f", "-j", "1", "--invalidation-mode", "unchecked-hash"),
            *("-s", directory, "-p", WHERE_LAMBDA_UNPACKS, directory),
        ],
        env={"PYTHONHASHSEED": "0"},
    )
