"""Protections taken out of the code, by name, in a worker process: the harness has to notice each."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Breakage:
    """What is broken, and how: `apply` changes the process it runs in."""

    invariant: str
    apply: Callable[[], None]


BREAKAGES: dict[str, Breakage] = {}
