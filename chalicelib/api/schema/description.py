"""What the API reference tells about one route."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.api.http.reply import JSON
from chalicelib.api.schema.models import Checked
from chalicelib.errors import JobsApiError


@dataclass(frozen=True, slots=True)
class Description:
    """What the API reference tells about one route. Types are models and typed dictionaries."""

    summary: str
    """One sentence."""
    replies: Mapping[int, Any]
    """Maps each status of success to the type of its body."""
    body: Any = None
    """The type of its JSON body: a Checked model, or a union that has one."""
    query: type[Checked] | None = None
    path_parameters: type[Checked] | None = None
    """Its fields are the path's parameters."""
    errors: tuple[type[JobsApiError], ...] = ()
    """The errors that not every route has."""
    body_optional: bool = False
    media_type: str = JSON
