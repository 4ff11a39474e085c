"""Path parameters that clients choose themselves, back from their percent-encoding."""

from urllib.parse import unquote


def readings(parameter: str) -> tuple[str, ...]:
    """What a client may have meant by a path parameter, the likeliest first.

    API Gateway's REST APIs hand parameters over as they were sent, percent-encoded, and Chalice leaves them so; other gateways
    and emulators decode them first. Nothing in the event says which it was, so a parameter that looks encoded has two
    readings: decoded once (UTF-8; a + stays a +), and as it is. What is no valid encoding has one.
    """
    try:
        decoded = unquote(parameter, errors="strict")
    except UnicodeDecodeError:
        return (parameter,)
    return (parameter,) if decoded == parameter else (decoded, parameter)
