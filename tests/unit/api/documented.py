"""Whether an answer is one that the API reference describes: its status, its type, and every field of its body."""

import copy
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from chalicelib.api.descriptions import DESCRIBED
from stack.build.reference.openapi import document_of

NAME = "urn:reference"


@cache
def document() -> dict[str, Any]:
    """As it is served: through JSON."""
    served: dict[str, Any] = json.loads(json.dumps(document_of(DESCRIBED)))
    return served


def strict(served: Mapping[str, Any]) -> dict[str, Any]:
    """The document with every named schema closed, where it does not say itself that there may be more.

    What is published lets replies grow; a test should notice a field that the models do not have.
    """
    closed = copy.deepcopy(dict(served))
    for schema in closed["components"]["schemas"].values():
        if schema.get("type") == "object":
            schema.setdefault("additionalProperties", False)
    return closed


@cache
def _registry() -> Registry[Any]:
    contents = {"$schema": "https://json-schema.org/draft/2020-12/schema", **strict(document())}
    return Registry().with_resource(NAME, Resource.from_contents(contents))


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """The most literal path that this one matches, as a router has it; None where the verb or the path is not described."""
    path = path.partition("?")[0]
    matching = [
        template for template in document()["paths"] if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), path)
    ]
    if not matching:
        return None
    operation: dict[str, Any] | None = document()["paths"][min(matching, key=lambda path: path.count("{"))].get(method.lower())
    return operation


def assert_documented(method: str, path: str, status: int, headers: Mapping[str, str], body: Any) -> None:
    """Raises AssertionError. What no route answers (404 of the path, 405 of the verb) is nobody's to describe."""
    operation = operation_of(method, path)
    if operation is None:
        assert status in (404, 405), f"{method} {path} answers {status} and is not in the reference"
        return
    assert str(status) in operation["responses"], f"{method} {path} answers {status}: {body}"
    reply = operation["responses"][str(status)]
    if "$ref" in reply:
        reply = document()["components"]["responses"][reply["$ref"].rpartition("/")[2]]
    for name, header in reply.get("headers", {}).items():
        assert name in headers or not header.get("required"), f"{method} {path} answers without {name}"
    media_type = headers["Content-Type"].partition(";")[0]
    assert media_type in reply["content"], f"{method} {path} answers with {media_type}"
    if media_type == "application/json":
        schema = _absolute(reply["content"][media_type]["schema"])
        errors = list(Draft202012Validator(schema, registry=_registry()).iter_errors(body))
        assert not errors, f"{method} {path} {status}: {errors[0].json_path}: {errors[0].message}"


def _absolute(schema: Any) -> Any:
    """With references to the whole document, so that a part of it can stand alone."""
    return json.loads(json.dumps(schema).replace('"#/components/', f'"{NAME}#/components/'))
