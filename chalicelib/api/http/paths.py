"""Path parameters that clients choose themselves, back from their percent-encoding."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote


def path_texts(parameters: Mapping[str, str], event: Mapping[str, Any]) -> Mapping[str, str]:
    """What the client meant by each path parameter of the event: decoded exactly once (UTF-8; a + stays a +).

    API Gateway's REST APIs hand parameters over as they were sent, percent-encoded, and Chalice leaves them so. HTTP APIs
    decode them first, and their events name a `version`; so does the emulator. A parameter that is no valid encoding stays as
    it is, and so do those of an event without the path of its request.
    """
    if "version" in event or "path" not in event.get("requestContext", {}):
        return parameters
    return {name: _decoded(value) for name, value in parameters.items()}


def _decoded(value: str) -> str:
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        return value
