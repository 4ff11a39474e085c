"""Each node by itself: what is wrong with it is said, and of its URL only the host."""

from typing import Any

import pytest

from stack.operation import nodes
from stack.rpc import RpcRefused, RpcUnavailable

URL = "https://user:secret@rpc.example.org:8545/v2/key?token=secret"


def answering(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> str:
    def call(url: str, method: str, *_params: Any, timeout: float) -> Any:
        assert (url, timeout > 0) == (URL, True)
        answer = answers[method]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(nodes, "call", call)
    told = str(nodes.look(URL, 122))
    assert told.startswith("rpc.example.org:8545  ")
    assert "secret" not in told
    assert "key" not in told
    return told


BLOCK = {"number": "0x10", "timestamp": "0x1"}


def test_a_node_that_is_well_tells_its_newest_block_and_its_age(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes.time, "time", lambda: 8.4)
    told = answering(monkeypatch, eth_chainId="0x7a", eth_getBlockByNumber=BLOCK)
    assert "chain 122  block 16, 7 s old  answered in " in told


def test_a_node_of_another_chain_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "IS ON ANOTHER CHAIN, NOT 122" in answering(monkeypatch, eth_chainId="0x1", eth_getBlockByNumber=BLOCK)


def test_a_node_that_does_not_answer_is_said_not_to(monkeypatch: pytest.MonkeyPatch) -> None:
    assert answering(monkeypatch, eth_chainId=RpcUnavailable(f"{URL} is down")).endswith("DOES NOT ANSWER")


@pytest.mark.parametrize("answer", [None, {}, "0x", RpcRefused("no"), {"number": "0x1"}])
def test_an_answer_that_is_no_nodes_is_said_to_be_none(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told = answering(monkeypatch, eth_chainId="0x7a", eth_getBlockByNumber=answer)
    assert told.endswith("ANSWERS, BUT NOT AS A NODE DOES")
