"""What is started for a local stack ends with it, however that ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stack.errors import StackError
from stack.machine.processes import Process, chosen_port, clean_environment, lock_holder

pytestmark = pytest.mark.slow

FAMILY = "import subprocess, sys, time; c = subprocess.Popen(['sleep', '600']); print(c.pid, flush=True); time.sleep(600)"
"""A command with a child of its own, whose pid it says."""
OWNER = """
import sys, time
from pathlib import Path
from stack.machine.processes import Process, clean_environment
process = Process("family", Path(sys.argv[1]))
process.start([sys.executable, "-c", sys.argv[2]], clean_environment({}))
if sys.argv[3] == "detach":
    process.wait_ready(lambda: process.log.read_text().strip().isdecimal())
    process.detach()
print("started", flush=True)
if sys.argv[3] != "detach":
    time.sleep(600)
"""


def await_that(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return not Path("/proc/self").exists()  # it ended this instant, or this system has no /proc


def grandchild(process: Process) -> int:
    await_that(lambda: process.log.exists() and process.log.read_text().strip().isdecimal())
    return int(process.log.read_text())


def owner(directory: Path, *, detach: bool = False) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", OWNER, str(directory), FAMILY, "detach" if detach else "keep"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Process]:
    process = Process("family", tmp_path)
    yield process
    process.stop()


def test_a_command_ends_with_all_it_started_when_its_owner_is_killed(tmp_path: Path, family: Process) -> None:
    with owner(tmp_path) as owning:
        pid = grandchild(family)
        assert alive(pid)
        owning.send_signal(signal.SIGKILL)
    await_that(lambda: not alive(pid))
    await_that(lambda: lock_holder(family.lock) is None)


def test_a_detached_command_outlives_its_owner_until_it_is_stopped(tmp_path: Path, family: Process) -> None:
    with owner(tmp_path, detach=True) as owning:
        assert owning.wait() == 0
    pid = grandchild(family)
    assert family.pid is not None
    assert alive(pid)
    family.stop()
    assert not alive(pid)
    assert family.pid is None


def test_stopping_ends_also_a_command_that_ignores_being_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stubborn = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {FAMILY}"
    process = Process("stubborn", tmp_path)
    process.start([sys.executable, "-c", stubborn], clean_environment({}))
    pid = grandchild(process)
    process.stop()
    assert not alive(pid)
    process.stop()


def test_a_supervisor_that_is_killed_takes_its_command_along(tmp_path: Path, family: Process) -> None:
    family.start([sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"], {})
    command = grandchild(family)
    assert family.pid is not None
    os.kill(family.pid, signal.SIGKILL)
    await_that(lambda: not alive(command))


def test_the_same_name_is_not_started_twice_in_one_directory(tmp_path: Path, family: Process) -> None:
    family.start([sys.executable, "-c", FAMILY], clean_environment({}))
    grandchild(family)
    second = Process("family", tmp_path)
    second.start([sys.executable, "-c", FAMILY], clean_environment({}))
    with pytest.raises(StackError, match="it already runs"):
        second.wait_ready(lambda: False)
    assert family.pid is not None


def test_a_command_that_fails_as_it_starts_is_one_sentence_with_its_last_words(tmp_path: Path) -> None:
    process = Process("node", tmp_path)
    process.start([sys.executable, "-c", "raise SystemExit('no such genesis')"], clean_environment({}))
    with pytest.raises(StackError, match="node ended as it started: no such genesis"):
        process.wait_ready(lambda: False)


def test_a_program_that_is_missing_is_one_sentence(tmp_path: Path) -> None:
    process = Process("node", tmp_path)
    process.start([tmp_path / "nowhere"], clean_environment({}))
    with pytest.raises(StackError, match=r"node ended as it started: .*No such file"):
        process.wait_ready(lambda: False)


def test_a_busy_port_is_named_with_its_variable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=rf"Port {port} \(RPC_PORT\) cannot be used"):
            chosen_port("RPC_PORT", port)


def test_children_see_no_keys_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FUNDER_KEY", "MAKEFLAGS", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH"):
        monkeypatch.setenv(name, "0xkey")
    assert "0xkey" not in clean_environment({"A": "b"}).values()
