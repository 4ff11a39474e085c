"""What a local stack leaves behind when it does not come up. That it comes up is shown by everything in tests/stack."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack import anvil
from stack.errors import StackError
from stack.local import LocalStack, Options
from stack.processes import Process, lock_holder
from stack.progress import silent


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_a_start_that_fails_half_way_leaves_nothing_running(tmp_path: Path, taken_port: int) -> None:
    said: list[str] = []
    stack = LocalStack(tmp_path, Options(aws_port=taken_port), say=said.append)
    with pytest.raises(StackError, match=rf"Port {taken_port} \(AWS_PORT\)"):
        stack.start()
    assert any("anvil" in line for line in said), "it had not begun"
    assert lock_holder(tmp_path / "anvil.lock") is None
    assert not stack.env_file.exists()
    assert not stack.running


def test_a_second_start_in_the_same_directory_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    running = Process("anvil", tmp_path)
    try:
        url = anvil.start(running, tmp_path)
        with pytest.raises(StackError, match="already runs here"):
            LocalStack(tmp_path, say=silent).start()
        assert anvil.answers(url)
    finally:
        running.stop()


def test_a_node_of_ones_own_needs_a_key_that_can_pay(tmp_path: Path) -> None:
    process = Process("anvil", tmp_path / "node")
    try:
        url = anvil.start(process, tmp_path / "node")
        with pytest.raises(StackError, match="give FUNDER_KEY"):
            LocalStack(tmp_path, Options(rpc_url=url), say=silent).start()
        poor = Options(rpc_url=url, funder_key="0x" + "11" * 32)
        with pytest.raises(StackError, match="has 0 coins; the accounts need 2") as refused:
            LocalStack(tmp_path, poor, say=silent).start()
        assert "11" * 32 not in str(refused.value)
        assert "11" * 32 not in repr(poor)
    finally:
        process.stop()


def test_stopping_what_never_ran_does_nothing(tmp_path: Path) -> None:
    stack = LocalStack(tmp_path, say=silent)
    stack.stop()
    stack.stop()
    assert not stack.running
