"""What a refusal looks like. Only the API reference imports this module."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict


class DetailView(TypedDict):
    """What is wrong with one field; the field is empty for the request as a whole."""

    field: str
    error: str


class ErrorView(TypedDict):
    """Why a request was not answered: a sentence a person can act on, and a code that stays."""

    error: str
    code: str
    details: NotRequired[list[DetailView]]
    requestId: NotRequired[Annotated[str, Field(description="of a fault of ours: report it")]]
