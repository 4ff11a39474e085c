"""Requests made up from the API reference: such as it allows, such as it does not, such as are about something that exists."""

from collections.abc import Mapping
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode

MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)

NAMES_OF_REQUESTS = frozenset({"correlationId", "externalId"})
"""A body with a correlationId that exists would be a conflict."""


def schema_of(document: Mapping[str, Any]) -> Any:
    return schemathesis.openapi.from_dict(dict(document))


def cases(schema: Any, name: str, token: str | None, known: Mapping[str, str]) -> st.SearchStrategy[Case]:
    """Requests of the operation `name`, such as `POST /api/v2/jobs`, all with this token or without any.

    `known` has a value that exists for some parameters.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    method, _, path = name.partition(" ")
    allowed, refused = (schema[path][method].as_strategy(generation_mode=mode, headers=headers) for mode in MODES)
    return st.one_of(allowed, allowed.map(lambda case: _about_something(case, known)), refused)


def _about_something(case: Case, known: Mapping[str, str]) -> Case:
    for part in (case.path_parameters, case.query, case.body):
        if isinstance(part, dict):
            kept = NAMES_OF_REQUESTS if part is case.body else frozenset()
            part.update((name, known[name]) for name in part if name in known and name not in kept)
    return case


def quickly(examples: int) -> settings:
    """The same requests each time; shrunk, since a failure is to be read."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
