"""Marks in a trace, as the X-Ray daemon is sent them, and what is loaded for them."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.telemetry.traces import MARKS_AT_MOST

ROOT = Path(__file__).parents[3]
ROOT_ID = "1-5759e988-bd862e3fe1be46a994272793"
PARENT = "53995c3f42cd8ad8"
RECORDED = f"Root={ROOT_ID};Parent={PARENT};Sampled=1"
FIELDS = {"jobId": "62b1", "correlationId": "order-1", "account": "0xA", "status": "started", "attempt": 1}

MARK = """
import json, sys
from chalicelib.telemetry.traces import Traces
traces = Traces("jobs-api-spark")
for _ in range(int(sys.argv[2])):
    traces.mark("signed", json.loads(sys.argv[1]))
print(json.dumps(sorted(sys.modules)))
"""


class Daemon:
    """X-Ray's, on this machine: it is sent a datagram a subsegment."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 2**20)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.2)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.socket.getsockname()[1]}"

    def received(self) -> list[dict[str, Any]]:
        """All that has come; whoever sent it has ended."""
        found = []
        while True:
            try:
                header, _, body = self.socket.recv(65_536).decode().partition("\n")
            except TimeoutError:
                return found
            assert json.loads(header) == {"format": "json", "version": 1}
            found.append(json.loads(body))


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    daemon = Daemon()
    yield daemon
    daemon.socket.close()


def mark(daemon: Daemon, trace: str | None, times: int = 1) -> set[str]:
    """Mark in a function of this trace; returns the modules that were loaded."""
    environment = {**os.environ, "AWS_XRAY_DAEMON_ADDRESS": daemon.address, "LAMBDA_TASK_ROOT": str(ROOT)}
    environment.pop("_X_AMZN_TRACE_ID", None)
    if trace is not None:
        environment["_X_AMZN_TRACE_ID"] = trace
    command = [sys.executable, "-c", MARK, json.dumps(FIELDS), str(times)]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_a_mark_can_be_found_by_the_job_in_the_trace_of_the_invocation(daemon: Daemon) -> None:
    loaded = mark(daemon, RECORDED)
    assert not [name for name in loaded if name.startswith("aws_xray_sdk.ext")], "libraries are patched: addresses are traced"
    (subsegment,) = daemon.received()
    assert (subsegment["name"], subsegment["trace_id"], subsegment["parent_id"]) == ("signed", ROOT_ID, PARENT)
    assert subsegment["annotations"] == {"jobId": "62b1", "correlationId": "order-1", "account": "0xA"}
    assert "metadata" not in subsegment


@pytest.mark.parametrize("trace", [None, "", RECORDED.replace("Sampled=1", "Sampled=0"), f"Root={ROOT_ID}"])
def test_nothing_is_sent_or_loaded_where_nothing_is_recorded(daemon: Daemon, trace: str | None) -> None:
    loaded = mark(daemon, trace)
    assert daemon.received() == []
    assert not loaded & {"aws_lambda_powertools", "aws_xray_sdk", "wrapt"}


def test_a_burst_does_not_fill_its_trace(daemon: Daemon) -> None:
    mark(daemon, RECORDED, times=MARKS_AT_MOST + 50)
    assert len(daemon.received()) == MARKS_AT_MOST
