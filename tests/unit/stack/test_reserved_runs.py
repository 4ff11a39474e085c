"""What a stack that was halted goes back to: what its template reserves for the API."""

from typing import Any

import pytest

from stack.operation.halt import reserved_by

GIVEN = {"ApiConcurrency": "25", "Empty": ""}


@pytest.mark.parametrize(
    ("expression", "reserved"),
    [
        (None, None),
        (7, 7),
        ("7", 7),
        ({"Ref": "ApiConcurrency"}, 25),
        ({"Ref": "Empty"}, None),
        ({"Fn::If": ["IsReserved", {"Ref": "ApiConcurrency"}, {"Ref": "AWS::NoValue"}]}, 25),
        ({"Fn::If": ["IsReserved", {"Ref": "Empty"}, {"Ref": "AWS::NoValue"}]}, None),
    ],
)
def test_what_the_template_reserves_is_found(expression: Any, reserved: int | None) -> None:
    assert reserved_by(expression, GIVEN) == reserved
