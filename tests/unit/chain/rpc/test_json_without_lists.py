"""ListRemover removes the lists inside objects, wherever the pieces begin and end."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.chain.rpc.json_without_lists import ListRemover

SCALARS = st.none() | st.booleans() | st.integers() | st.text(alphabet='ab"\\[]{}:,é\n')
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='ab"\\[]{}'), inner, max_size=4)
)


def without_lists(value: Any, in_object: bool = False) -> Any:
    if isinstance(value, dict):
        return {key: without_lists(inner, True) for key, inner in value.items()}
    if isinstance(value, list):
        return None if in_object else [without_lists(inner) for inner in value]
    return value


def filtered(text: bytes, cuts: list[int]) -> bytes:
    remover = ListRemover()
    return b"".join(remover.feed(text[start:end]) for start, end in pairwise([0, *cuts, len(text)]))


@given(VALUES, st.data(), st.booleans(), st.sampled_from([None, 1]))
def test_what_is_left_is_the_same_without_its_lists(
    value: Any, data: st.DataObject, is_ascii: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii, indent=indent).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    assert json.loads(filtered(text, cuts)) == without_lists(value)


@given(VALUES)
def test_bytes_may_come_one_by_one(value: Any) -> None:
    text = json.dumps(value).encode()
    assert json.loads(filtered(text, list(range(1, len(text))))) == without_lists(value)


@pytest.mark.parametrize("data", ['"]}]}', '\\"status\\":\\"0x0\\"', "\\", '{"status":"0x0"}'])
def test_what_a_log_says_never_becomes_part_of_the_receipt(data: str) -> None:
    text = json.dumps({"result": {"logs": [{"data": data, "topics": [data]}], "status": "0x1"}}).encode()
    assert json.loads(filtered(text, [])) == {"result": {"logs": None, "status": "0x1"}}


@pytest.mark.parametrize("text", [b"", b"]", b'{"a":[', b'{"a":"', b'"\\', b"}}[", b"\xff\x00"])
def test_what_is_no_json_raises_nothing(text: bytes) -> None:
    filtered(text, [])
