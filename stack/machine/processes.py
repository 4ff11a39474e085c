"""Processes of the local stack. A supervisor starts each one and ends it with all its children; a lock file finds it again."""

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
    """One supervised command. `directory` has its lock `<name>.lock`, held while it runs, and its log `<name>.log`."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.lock = directory / f"{name}.lock"
        self.log = directory / f"{name}.log"
        self._supervisor: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str | Path], env: Mapping[str, str]) -> None:
        """Start the command. It ends when this process does, unless `detach` is called first."""
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
        """Let the command outlive this process."""
        if self._supervisor is not None and self._supervisor.stdin is not None:
            with suppress(BrokenPipeError):
                self._supervisor.stdin.write(b"d")
                self._supervisor.stdin.flush()

    @property
    def pid(self) -> int | None:
        """The supervisor's pid while it runs, also when another command started it; otherwise None."""
        if self._supervisor is not None:
            return self._supervisor.pid if self._supervisor.poll() is None else None
        return lock_holder(self.lock)

    def wait_ready(self, ready: Callable[[], bool], seconds: float = 30.0) -> None:
        """Wait until `ready` returns true. Raises StackError with the log's last line when the command ends or is too slow."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.pid is None:
                raise StackError(f"{self.name} ended as it started: {self.last_line()} (log: {self.log})")
            if time.monotonic() > deadline:
                raise StackError(f"{self.name} is not ready after {seconds:.0f} s: {self.last_line()} (log: {self.log})")
            time.sleep(0.03)

    def last_line(self) -> str:
        """Return the last line of the log."""
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return lines[-1].strip() if lines else "it said nothing"

    def stop(self) -> None:
        """End the command and its children, also when another command started it. Does nothing when it does not run."""
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
    """Return the pid of the process that holds the lock, or None when it is free."""
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
    """Return a loopback port that no process listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def chosen_port(name: str, asked: int | None) -> int:
    """Return `asked`, or any free port when it is None. Raises StackError naming the variable when that port is taken."""
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
    """Return the variables that a child process needs, without the caller's keys and Python settings."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "SSL_CERT_FILE", "JAVA_HOME")
    return {name: os.environ[name] for name in kept if name in os.environ} | dict(extra)
