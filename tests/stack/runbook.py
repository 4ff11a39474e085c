"""The commands of docs/runbook.md by heading, and a shell that runs them as an operator does."""

import re
import subprocess
from pathlib import Path

from stack.machine.local import LocalStack
from tests.stack.client import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
RUNBOOK = ROOT / "docs" / "runbook.md"
_HEADING = re.compile(r"^## (.*)\n", re.MULTILINE)
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MAKE = f'make() {{ (cd "{ROOT}" && command make -o .venv/.ready "$@"); }}'
"""A shell function: make, without a look whether its environment is up to date. This test runs in that environment."""


def headings() -> dict[str, list[str]]:
    """Return the headings of the runbook, each with its blocks for the shell."""
    _, *parts = _HEADING.split(RUNBOOK.read_text(encoding="utf-8"))
    return {heading: _BLOCK.findall(text) for heading, text in zip(parts[::2], parts[1::2], strict=True)}


class Operator:
    """Runs blocks of the runbook on a stack, in their order, and remembers which."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self.ran: dict[str, int] = {}

    def run(self, heading: str, **variables: str) -> str:
        """Run the next block under a heading. Returns what it printed. Fails the test when the block fails."""
        number = self.ran.get(heading, 0)
        self.ran[heading] = number + 1
        return self.shell(headings()[heading][number], **variables)

    def shell(self, commands: str, *, fails: bool = False, **variables: str) -> str:
        """Return the standard output of the commands. Of commands that are to fail, return standard error, too."""
        env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "STAGE": "local",
            "STACK_DIR": str(self._stack.directory),
            "API_URL": self._stack.env["API_URL"],
            **variables,
        }
        script = f"set -euo pipefail\n{_MAKE}\n{commands}"
        done = subprocess.run(
            ["bash", "-c", script],
            env=env,
            cwd=self._stack.directory,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=2 * PATIENCE_SECONDS,
        )
        assert (done.returncode != 0) is fails, f"{commands}\nends as {done.returncode}:\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout + (done.stderr if fails else "")
