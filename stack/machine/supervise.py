"""Run one command, and end it with all its children as soon as its owner is gone.

    python supervise.py LOCK_FILE COMMAND…

Standard input is a pipe from the owner. When it closes, however the owner died, the command's process group is ended. An owner
that wants the command to outlive it writes one byte first. SIGTERM ends the group too. While this process lives, it holds an
exclusive lock on LOCK_FILE, which contains its pid: when the lock is free, nothing runs.

It imports no other module of this project, so that it starts as fast as a bare interpreter.
"""

import ctypes
import fcntl
import os
import select
import signal
import subprocess
import sys
import time

GRACE_SECONDS = 5.0
LOCKED = 75  # EX_TEMPFAIL
NOT_STARTED = 127
PR_SET_PDEATHSIG = 1  # prctl(2)
PR_SET_CHILD_SUBREAPER = 36


def die_with_parent() -> None:
    """On Linux, also end the command when this process is killed outright."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """On Linux, become the parent of orphans of the command, to reap them: a zombie would look alive for ever."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def reap(command: subprocess.Popen[bytes]) -> None:
    """Reap adopted children that have ended. The command itself is reaped by `poll`."""
    while command.poll() is not None:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group. Returns false when the group has no process left."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def end(command: subprocess.Popen[bytes]) -> None:
    """End the whole process group: SIGTERM, and SIGKILL after GRACE_SECONDS."""
    signal_group(command.pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and (command.poll() is None or signal_group(command.pid, 0)):
        time.sleep(0.02)
        reap(command)
    signal_group(command.pid, signal.SIGKILL)
    command.wait()


def watch(command: subprocess.Popen[bytes], wake: int) -> None:
    """Wait until the command has ended, the owner is gone, or SIGTERM has come. A signal writes its number to `wake`."""
    watched = [wake, sys.stdin.fileno()]
    while command.poll() is None:
        readable, _, _ = select.select(watched, [], [])
        if wake in readable and signal.SIGTERM in os.read(wake, 64):
            return
        if sys.stdin.fileno() in readable:
            if os.read(sys.stdin.fileno(), 1) == b"":
                return
            watched = [wake]


def locked(lock: int) -> bool:
    """Take the lock, and return false when it is held. Waits half a second, because `lock_holder` takes it for an instant."""
    deadline = time.monotonic() + 0.5
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        else:
            return True


def main(arguments: list[str]) -> int:
    lock_file, *words = arguments
    lock = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    if not locked(lock):
        print("it already runs", flush=True)
        return LOCKED
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())
    adopt_orphans()
    try:
        command = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 — one thread only
            restore_signals=True,
        )
    except OSError as error:
        print(error, flush=True)
        return NOT_STARTED
    watch(command, wake)
    code = command.poll()
    end(command)
    return code if code is not None and code >= 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
