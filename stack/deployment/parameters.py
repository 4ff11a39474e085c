"""Template parameters from an operator: `PARAMETERS="Name=Value Other=Value"`, checked against the template."""

import hashlib
import re
import shlex
from collections.abc import Mapping
from typing import Any

from stack.errors import StackError


def parse(text: str) -> dict[str, str]:
    """Parse Name=Value words. A value with blanks is quoted, as in a shell. Raises StackError for any other word."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise StackError(f"PARAMETERS cannot be read: {error}.") from None
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.isalnum():
            raise StackError(f'PARAMETERS must be like "Confirmations=6 LogLevel=DEBUG"; {word!r} is no Name=Value.')
        found[name] = value
    return found


def with_version_of_rpc_urls(given: Mapping[str, str]) -> Mapping[str, str]:
    """Add `RpcUrlsVersion` to a new `RpcUrls`: the start of its hash, which does not reveal a provider's key.

    The functions read the URLs from a secret. Their environment has the version, so that Lambda starts them anew.
    """
    if "RpcUrls" not in given:
        return given
    return {**given, "RpcUrlsVersion": hashlib.sha256(given["RpcUrls"].encode()).hexdigest()[:12]}


def check(given: Mapping[str, str], declared: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise StackError for a name that the template does not declare, or a value that it does not allow.

    The error does not contain the value of a parameter with NoEcho.
    """
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise StackError(f"The template has no parameter {', '.join(unknown)}; it has {', '.join(sorted(declared))}.")
    for name, value in given.items():
        rules = declared[name]
        shown = "" if rules.get("NoEcho") else f", not {value!r}"
        allowed = [str(one) for one in rules.get("AllowedValues", [])]
        if allowed and value not in allowed:
            raise StackError(f"{name} must be one of {', '.join(one or 'nothing' for one in allowed)}{shown}.")
        pattern = rules.get("AllowedPattern")
        if pattern and re.fullmatch(pattern, value) is None:
            raise StackError(f"{name} {rules.get('ConstraintDescription', f'must match {pattern}')}{shown}.")
        if rules.get("Type") == "Number" and not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
            raise StackError(f"{name} must be a number{shown}.")
