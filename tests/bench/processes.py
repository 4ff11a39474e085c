"""Function processes as the bench sees them: started, given events, their answers and times taken."""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.machine.processes import clean_environment

ISOLATED = (sys.executable, "-P", "-S")
"""As in Lambda: nothing but the standard library and the zip, none of what is installed here for tests."""
SCRIPT = Path(__file__).with_name("function.py")


@dataclass(frozen=True, slots=True)
class Invocation:
    """What Lambda would bill: one event of a function, with the seconds it took, and the processor seconds of them."""

    function: str
    seconds: float
    cpu: float
    result: Any = None
    error: str | None = None


class FunctionProcess:
    """One environment of one function. Not for several threads at once."""

    def __init__(
        self, function: str, handler: str, code: Path, environment: Mapping[str, str], log: Path, *, sampled: bool
    ) -> None:
        self.function = function
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [*ISOLATED, str(SCRIPT), handler, *(["--sampled"] if sampled else [])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=clean_environment({"PYTHONPATH": str(code), **environment}),
                cwd=code,
                text=True,
            )
        self._log = log
        self._read()

    @property
    def pid(self) -> int:
        return self._process.pid

    def invoke(self, event: Any) -> Invocation:
        """Raises RuntimeError when the process has died: its log says why."""
        self._write({"event": event})
        answer = self._read()
        return Invocation(self.function, answer["seconds"], answer["cpu"], answer.get("result"), answer.get("error"))

    def modules(self, code: Path) -> list[str]:
        """Files of `code` it has loaded, relative to it."""
        self._write({"modules": True})
        files = [Path(file) for file in self._read()["files"] if file]
        return sorted(str(file.relative_to(code)) for file in files if file.is_relative_to(code))

    def forget_samples(self) -> None:
        self._write({"forget": True})

    def stop(self) -> dict[str, int]:
        """End it. What its sampler saw, by heading; nothing the second time."""
        if self._process.poll() is not None:
            return {}
        try:
            self._write({"stop": True})
            samples: dict[str, int] = self._read()["samples"]
        except (RuntimeError, BrokenPipeError):
            samples = {}
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        return samples

    def _write(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            said = self._log.read_text(errors="replace").strip().splitlines()
            raise RuntimeError(f"{self.function} died: {said[-1] if said else 'it said nothing'} (log: {self._log})")
        answer: dict[str, Any] = json.loads(line)
        return answer


class Invocations:
    """What was invoked, from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: list[Invocation] = []
        self.batches = 0
        """Deliveries from a queue: each one ReceiveMessage and one DeleteMessageBatch of the event source mapping."""
        self.fifo_batches = 0

    def add(self, invocation: Invocation, *, queue: str | None = None) -> None:
        with self._lock:
            self._made.append(invocation)
            if queue is not None:
                self.batches += 1
                self.fifo_batches += queue.endswith(".fifo")

    @property
    def made(self) -> list[Invocation]:
        with self._lock:
            return list(self._made)

    def failures(self) -> list[str]:
        return [f"{made.function}: {made.error}" for made in self.made if made.error is not None]
