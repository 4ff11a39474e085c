"""Codes as the API reference tells them: each with its meaning. Only the reference imports this module."""

from collections.abc import Mapping
from typing import Any

from pydantic import WithJsonSchema


def one_of(meanings: Mapping[Any, str]) -> dict[str, Any]:
    """Return the JSON schema of a string that is one of these codes. `meanings` maps each code to its meaning."""
    return {"type": "string", "oneOf": [{"const": str(code), "description": meaning} for code, meaning in meanings.items()]}


def codes(about: str, meanings: Mapping[Any, str]) -> WithJsonSchema:
    return WithJsonSchema({**one_of(meanings), "description": f"{about} Later versions may add codes."})
