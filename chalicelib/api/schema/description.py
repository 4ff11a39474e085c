"""What the API reference tells of one route."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.api.http.reply import JSON
from chalicelib.api.schema.models import Checked
from chalicelib.errors import JobsApiError


@dataclass(frozen=True, slots=True)
class Description:
    """Of one route. Types are models and typed dictionaries."""

    summary: str
    """One sentence."""
    replies: Mapping[int, Any]
    """Success status → the type of its body."""
    body: Any = None
    """The type of its JSON body: a Checked model, or a union with one."""
    query: type[Checked] | None = None
    path_parameters: type[Checked] | None = None
    """Its fields are the path's parameters."""
    errors: tuple[type[JobsApiError], ...] = ()
    """Beside those every route has."""
    body_optional: bool = False
    media_type: str = JSON
