"""Plain values in DynamoDB's form: the same that boto3 makes of them, there and back."""

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.store.attribute_values import deserialize, serialize

NUMBERS = st.integers(-(10**38) + 1, 10**38 - 1) | st.decimals(-(10**9), 10**9, allow_nan=False, places=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.text() | st.binary() | NUMBERS,
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(), parts, max_size=4),
    max_leaves=12,
)


def as_sent(value: Any) -> Any:
    """boto3's form as botocore takes it: bytes are bytes there, too."""
    match value:
        case Binary():
            return value.value
        case dict():
            return {name: as_sent(part) for name, part in value.items()}
        case list():
            return [as_sent(part) for part in value]
        case _:
            return value


@given(VALUES)
def test_a_value_has_the_form_that_boto3_gives_it(value: Any) -> None:
    assert serialize(value) == as_sent(TypeSerializer().serialize(value))


@given(VALUES)
def test_a_value_is_read_as_boto3_reads_it_and_is_what_was_written(value: Any) -> None:
    read = deserialize(serialize(value))
    assert read == as_sent(TypeDeserializer().deserialize(serialize(value)))
    assert read == value


@pytest.mark.parametrize("value", [1.5, float("nan"), {"a", "b"}, object(), [1.5], {"part": 0.1}])
def test_what_has_no_form_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        serialize(value)


def test_a_tuple_is_read_as_a_list() -> None:
    assert deserialize(serialize((1, "two"))) == [Decimal(1), "two"]


def test_a_set_is_never_taken_for_something_else() -> None:
    with pytest.raises(TypeError):
        deserialize({"SS": ["a"]})
