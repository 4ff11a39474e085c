"""Asking before something is changed: a person at a terminal says yes, or the caller has said so beforehand."""

import sys
from collections.abc import Callable

from stack.errors import StackError

Consent = Callable[[str], None]
"""Asks a question and returns when the answer is yes. Raises StackError otherwise: then nothing may be changed."""


def granted(_question: str) -> None:
    """Consent for callers that have decided already: asks nobody."""


def ask_unless(*, yes: bool) -> Consent:
    """Return the consent that asks at the terminal, or with `yes` nobody. Raises StackError at once without a terminal."""
    if yes:
        return granted
    require_terminal("YES=1")
    return _ask


def _ask(question: str) -> None:
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise StackError("Nothing was changed.")


def confirm_by_name(word: str, given: str | None, question: str) -> None:
    """Ask a person to type `word` before something that cannot be undone. `given` is the word when it was given beforehand.

    Raises StackError when the word is another.
    """
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
