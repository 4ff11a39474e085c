"""What is asked of an endpoint, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.chain.rpc.transport import Bound

Request = tuple[str, Sequence[Any]]
"""A JSON-RPC method and its parameters."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request: a result, or an error."""

    result: Any = None
    error: object = None
    """The raw JSON-RPC error object; of a request nobody answered, a sentence why."""
    answered: bool = True
    passing: bool = False
    """Another endpoint may do better."""
    doubtful: bool = False
    """An endpoint may have acted on the request without saying so."""
    alone: bool = False
    """Asked by itself, the request ran into the bound of bytes or of time, while its endpoint answers others."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A batch was refused as a whole."""

    answer: Answer
    """What each of its requests is told, should the refusal not be about the batch."""


@dataclass(frozen=True, slots=True)
class Cut:
    """An HTTP request was cut off: its answer was too slow or too large."""

    bound: Bound
    sentence: str


Outcome = list[Answer] | Refused | Cut
"""Of one HTTP request."""
