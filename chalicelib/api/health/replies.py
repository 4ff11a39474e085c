"""What the reply of the health check looks like. Only the API reference imports this module."""

from typing import Literal

from typing_extensions import TypedDict


class HealthView(TypedDict):
    response: Literal["ok"]
