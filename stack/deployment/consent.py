"""Asking before something is changed: a person at a terminal, or the caller's own word for it."""

import sys
from collections.abc import Callable

from stack.errors import StackError

Consent = Callable[[str], None]
"""Given a question; returns when the answer is yes. Raises StackError otherwise: then nothing may be changed."""


def granted(_question: str) -> None:
    """For callers that have decided already."""


def ask_unless(*, yes: bool) -> Consent:
    """Of whoever sits at the terminal, unless `yes`. Raises StackError at once where nobody can be asked."""
    if yes:
        return granted
    require_terminal("YES=1")
    return _ask


def _ask(question: str) -> None:
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise StackError("Nothing was changed.")


def confirm_by_name(word: str, given: str | None, question: str) -> None:
    """For what cannot be undone: `word` has to be typed, or given beforehand. Raises StackError otherwise."""
    if given is None:
        require_terminal(f"YES={word}")
        print(f"{question} Type {word} to confirm: ", end="", file=sys.stderr, flush=True)
        given = sys.stdin.readline().strip()
    if given != word:
        raise StackError(f"That is not {word}: nothing was changed.")


def require_terminal(instead: str) -> None:
    if not sys.stdin.isatty():
        raise StackError(
            f"There is no terminal to ask at, so nothing was changed: give {instead} to go on without being asked."
        )
