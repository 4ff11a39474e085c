"""Worker processes as the driver sees them: started, given an event, waited for; they answer, die or freeze."""

import itertools
import json
import select
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from stack import paths
from stack.machine.processes import clean_environment
from tests.faults.proxy import Lane, Proxy

HUNG_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answered:
    """What the function returned, or the error that ended the invocation."""

    result: Any = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Died:
    """Killed in the middle: nobody will ever know how far it came."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """It stands still; `Worker.thaw` lets it go on."""


End = Answered | Died | Frozen


class Zygote:
    """The warm parent of all workers."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        environment = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONPATH": str(paths.ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            cwd=paths.ROOT,
            env=clean_environment(environment),
        )
        theirs.close()

    def warm(self, environment: Mapping[str, str], token: str) -> None:
        """Have it use everything once in this environment, and wait for that.

        Raises RuntimeError when it ended instead: what it printed says why.
        """
        self._control.sendall(json.dumps({"environment": dict(environment), "token": token}).encode())
        if self._control.recv(5) != b"ready":
            raise RuntimeError("the code under test cannot be imported")

    def fork(self, channel: socket.socket, birth: Mapping[str, Any]) -> int:
        """A new worker at the other end of `channel`; its pid."""
        socket.send_fds(self._control, [json.dumps(birth).encode()], [channel.fileno()])
        return int(self._control.recv(10))

    def close(self) -> None:
        self._control.close()
        self._process.wait()


class Worker:
    """One process of one function, one event at a time."""

    _numbers = itertools.count(1)

    def __init__(self, lane: Lane, zygote: Zygote, proxy: Proxy, birth: Mapping[str, Any]) -> None:
        self.lane = lane
        self.function = lane.function
        self._proxy = proxy
        self._channel, theirs = socket.socketpair()
        birth = {**birth, "function": self.function, "seed": birth["seed"] + next(self._numbers)}
        self.lane.pid = zygote.fork(theirs, birth)
        theirs.close()
        self._lines = self._channel.makefile("rb")

    def fileno(self) -> int:
        """Readable when it has answered or died."""
        return self._channel.fileno()

    def start(self, event: Mapping[str, Any]) -> None:
        with suppress(BrokenPipeError):
            self._channel.sendall(json.dumps(event).encode() + b"\n")

    def end(self) -> Answered | Died:
        """Of a worker that is readable."""
        try:
            line = self._lines.readline()
        except ConnectionError:
            line = b""
        if not line:
            return Died()
        answer = json.loads(line)
        return Answered(answer.get("result"), answer.get("error"))

    def thaw(self) -> None:
        self.lane.thaw()

    def kill(self) -> None:
        """Also one that is frozen. Its lane is free again."""
        if self.lane.frozen:
            self.lane.thaw()
        self.lane.kill()
        with suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)
        self._lines.close()
        self._channel.close()
        self._proxy.give_back(self.lane)


def wait_any(workers: Sequence[Worker]) -> dict[Worker, End]:
    """What became of those of the busy workers that have answered, died or been frozen; waits until at least one has.

    Raises TimeoutError, after a stack of the worker's last calls is in the proxy's log, when none of them moves any more.
    """
    by_descriptor = {worker.fileno(): worker for worker in workers} | {worker.lane.fileno(): worker for worker in workers}
    ready, _, _ = select.select(list(by_descriptor), [], [], HUNG_SECONDS)
    if not ready:
        raise TimeoutError(f"{', '.join(worker.function for worker in workers)}: no answer in {HUNG_SECONDS:.0f} s")
    ends: dict[Worker, End] = {}
    for descriptor in ready:
        worker = by_descriptor[descriptor]
        ends[worker] = Frozen() if descriptor == worker.lane.fileno() else worker.end()
    return ends
