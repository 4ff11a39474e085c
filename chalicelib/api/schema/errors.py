"""What a refusal looks like: the list of its codes, and the types of its body. Only the API reference imports this module."""

import inspect
from collections.abc import Iterator
from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypeAliasType, TypedDict

from chalicelib.api.schema.codes import codes
from chalicelib.errors import JobsApiError, VersionConflict

NEVER_SENT: tuple[type[JobsApiError], ...] = (VersionConflict,)
"""Conditions that the service handles itself, although their HTTP status is not 500."""


def refusals() -> tuple[type[JobsApiError], ...]:
    """Return every error that a client can see, by HTTP status and code. Every 500 has the code InternalError."""
    sent = {error for error in _all_of(JobsApiError) if error.http_status != 500 and not issubclass(error, NEVER_SENT)}
    with_own_code = {error for error in sent if "code" in vars(error)}
    return tuple(sorted({*with_own_code, JobsApiError}, key=lambda error: (error.http_status, error.code)))


def meaning_of(error: type[JobsApiError]) -> str:
    """Return the first paragraph of the class's docstring, on one line."""
    paragraph, _, _ = (inspect.getdoc(error) or "").partition("\n\n")
    return " ".join(paragraph.split())


def _all_of(error: type[JobsApiError]) -> Iterator[type[JobsApiError]]:
    yield error
    for narrower in error.__subclasses__():
        if narrower.__module__.startswith("chalicelib."):
            yield from _all_of(narrower)


_MEANINGS = {error.code: f"{error.http_status}: {meaning_of(error)}" for error in refusals()}
ErrorCode = TypeAliasType(
    "ErrorCode", Annotated[str, codes("Why a request was refused, and the HTTP status. A code keeps its meaning.", _MEANINGS)]
)


class DetailView(TypedDict):
    """What is wrong with one field. The field is empty for the request as a whole."""

    field: str
    error: str


class ErrorView(TypedDict):
    """Why a request was refused."""

    error: Annotated[str, Field(description="a sentence for people: what is wrong, and what to do")]
    code: Annotated[ErrorCode, Field(description="for programs: it stays the same")]
    details: NotRequired[Annotated[list[DetailView], Field(description="one entry for each field that is wrong")]]
    requestId: NotRequired[Annotated[str, Field(description="only with a status of 500 or more: report it")]]
