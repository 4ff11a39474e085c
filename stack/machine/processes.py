"""Processes of the local stack: started under a supervisor, found again by their lock, ended with all they started."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from stack.errors import StackError

SUPERVISOR = Path(__file__).with_name("supervise.py")
END_SECONDS = 10.0


class Process:
    """One supervised command. Its state is two files in `directory`: `<name>.lock` (held while it runs) and `<name>.log`."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.lock = directory / f"{name}.lock"
        self.log = directory / f"{name}.log"
        self._supervisor: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str | Path], env: Mapping[str, str]) -> None:
        """Start it, tied to this process: it ends when this process does, unless `detach` is called first."""
        self.lock.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-I", str(SUPERVISOR), str(self.lock), *map(str, command)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=dict(env),
                cwd=self.lock.parent,
                start_new_session=True,
            )

    def detach(self) -> None:
        """Let it outlive this process."""
        if self._supervisor is not None and self._supervisor.stdin is not None:
            with suppress(BrokenPipeError):
                self._supervisor.stdin.write(b"d")
                self._supervisor.stdin.flush()

    @property
    def pid(self) -> int | None:
        """The supervisor's pid while it runs, whoever started it."""
        if self._supervisor is not None:
            return self._supervisor.pid if self._supervisor.poll() is None else None
        return lock_holder(self.lock)

    def wait_ready(self, ready: Callable[[], bool], seconds: float = 30.0) -> None:
        """Raises StackError with the last line of its log when it ends, or is not ready in time."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.pid is None:
                raise StackError(f"{self.name} ended as it started: {self.last_words()} (log: {self.log})")
            if time.monotonic() > deadline:
                raise StackError(f"{self.name} is not ready after {seconds:.0f} s: {self.last_words()} (log: {self.log})")
            time.sleep(0.03)

    def last_words(self) -> str:
        """The last line of its log."""
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return lines[-1].strip() if lines else "it said nothing"

    def stop(self) -> None:
        """End it and everything it started, whoever started it. Does nothing when it does not run."""
        pid = self.pid
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        if self._supervisor is not None:
            if self._supervisor.stdin is not None:
                with suppress(BrokenPipeError):
                    self._supervisor.stdin.close()
            self._supervisor.wait()
            self._supervisor = None
            return
        deadline = time.monotonic() + END_SECONDS
        while lock_holder(self.lock) is not None:
            if time.monotonic() > deadline:
                raise StackError(f"{self.name} (pid {pid}) does not end.")
            time.sleep(0.03)


def lock_holder(lock: Path) -> int | None:
    """The pid that holds the lock, or None when nobody does."""
    try:
        descriptor = os.open(lock, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        written = os.read(descriptor, 32)
        return int(written) if written else None
    else:
        return None
    finally:
        os.close(descriptor)


def free_port() -> int:
    """A loopback port that nothing listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def chosen_port(name: str, asked: int | None) -> int:
    """`asked`, when it is free, else any free one. Raises StackError naming the variable when the asked one is taken."""
    if asked is None:
        return free_port()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", asked))
        except OSError as error:
            raise StackError(f"Port {asked} ({name}) cannot be used: {error.strerror}. Choose another, or none.") from None
    return asked


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """What a child needs of this environment, and nothing of the caller's keys or Python settings."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "SSL_CERT_FILE", "JAVA_HOME")
    return {name: os.environ[name] for name in kept if name in os.environ} | dict(extra)
