"""The README's runbook: its commands by heading, and a shell to run them in as an operator does."""

import re
import subprocess
from pathlib import Path

from stack.machine.local import LocalStack
from tests.stack.client import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
_SECTION = re.compile(r"^## Runbook\n(.*?)^## ", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^### (.*)\n", re.MULTILINE)
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MAKE = f'make() {{ (cd "{ROOT}" && command make -o .venv/.ready "$@"); }}'
"""Make itself, which need not look whether its environment is up to date: this very test runs in it."""


def headings() -> dict[str, list[str]]:
    """The runbook's headings, each with its blocks for the shell."""
    section = _SECTION.search((ROOT / "README.md").read_text())
    assert section is not None, "the README has no runbook"
    _, *parts = _HEADING.split(section[1])
    return {heading: _BLOCK.findall(text) for heading, text in zip(parts[::2], parts[1::2], strict=True)}


class Operator:
    """Whoever reads the runbook: runs its blocks, in order, on a stack, and remembers which."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self.ran: dict[str, int] = {}

    def run(self, heading: str, **variables: str) -> str:
        """The next block under a heading. Returns what it printed; fails the test with all of it when it fails."""
        number = self.ran.get(heading, 0)
        self.ran[heading] = number + 1
        return self.shell(headings()[heading][number], **variables)

    def shell(self, commands: str, *, fails: bool = False, **variables: str) -> str:
        """What the commands printed: standard output, or, of those that are to fail, everything."""
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
