"""What a local stack leaves behind when it does not come up. That it comes up is shown by everything in tests/stack."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from stack import rpc, stack_env
from stack.build.package import LOCAL_STAGE, package
from stack.errors import StackError
from stack.machine import anvil, local
from stack.machine.local import LocalStack, Options
from stack.machine.processes import Process, lock_holder
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
        with pytest.raises(StackError, match="give FUNDER_KEY_FILE"):
            LocalStack(tmp_path, Options(rpc_url=url), say=silent).start()
        poor = Options(rpc_url=url, funder_key="0x" + "11" * 32)
        with pytest.raises(StackError, match="has 0 coins; the accounts need 2") as refused:
            LocalStack(tmp_path, poor, say=silent).start()
        assert "11" * 32 not in str(refused.value)
        assert "11" * 32 not in repr(poor)
    finally:
        process.stop()


def test_a_stack_that_is_up_is_used_again_with_the_contracts_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when its code is deployed anew: another factory would leave the tokens and wallets of the first behind. With other
    routes, stack.env says where the API is then.
    """
    first = LocalStack(tmp_path, say=silent)
    again = LocalStack(tmp_path, say=silent)
    try:
        env = dict(first.start())
        first.detach()
        state = json.loads((tmp_path / "state.json").read_text())
        (tmp_path / "state.json").write_text(json.dumps(state | {"deployed": "by an older version"}))
        assert again.start_or_reuse() == env
        assert factories_of_the_api(again) == (env["TOKEN_FACTORY"], env["WALLET_FACTORY"])
        for address in factories_of_the_api(again):
            assert len(rpc.call(env["RPC_URL"], "eth_getCode", address, "latest")) > 2
        again.detach()
        with_other_routes(monkeypatch, tmp_path / "sam.json")
        moved = again.start_or_reuse()
        assert stack_env.read(tmp_path / "stack.env") == moved
        assert requests.get(f"{moved['API_URL']}/health", timeout=60).status_code == 200
    finally:
        again.stop()
        first.stop()


def test_the_block_time_of_a_node_of_ones_own_is_measured_again_when_the_stack_is_used_again(tmp_path: Path) -> None:
    """Also when nothing else changed: what was measured of a chain's first blocks was kept for ever."""
    node = Process("anvil", tmp_path / "node")
    options = Options(rpc_url=anvil.start(node, tmp_path / "node"), funder_key=anvil.FUNDER_KEY)
    first = LocalStack(tmp_path, replace(options, parameters={"BlockSeconds": "60"}), say=silent)
    again = LocalStack(tmp_path, options, say=silent)
    try:
        first.start()
        first.detach()
        assert set(variables(first, "BLOCK_SECONDS")) == {"60"}
        again.start_or_reuse()
        assert set(variables(again, "BLOCK_SECONDS")) == {"1"}
        said: list[str] = []
        again._say = said.append
        again.start_or_reuse()
        assert said == ["The stack is up already, and nothing changed"]
    finally:
        again.stop()
        first.stop()
        node.stop()


def variables(stack: LocalStack, name: str) -> list[str]:
    """Of every function."""
    return [one["Environment"]["Variables"][name] for one in stack.client("lambda").list_functions()["Functions"]]


def with_other_routes(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """The package as a later version might make it."""
    built = package(LOCAL_STAGE, silent)
    template = json.loads(built.template.read_text())
    template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["info"]["title"] = "another"
    file.write_text(json.dumps(template))
    monkeypatch.setattr(local, "package", lambda *_: replace(built, template=file))


def factories_of_the_api(stack: LocalStack) -> tuple[str, str]:
    functions = stack.client("lambda").list_functions()["Functions"]
    (api,) = [function for function in functions if "-APIHandler-" in function["FunctionName"]]
    variables = api["Environment"]["Variables"]
    return variables["TOKEN_FACTORY"], variables["WALLET_FACTORY"]


def test_stopping_what_never_ran_does_nothing(tmp_path: Path) -> None:
    stack = LocalStack(tmp_path, say=silent)
    stack.stop()
    stack.stop()
    assert not stack.running
