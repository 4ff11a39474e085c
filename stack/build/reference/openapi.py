"""The API reference as an OpenAPI 3.1 document, from the table of routes and the models of requests and replies."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from chalicelib.api.descriptions import Described
from chalicelib.api.http.routing import METHODS_WITH_BODY, Right, Route
from chalicelib.api.schema.codes import one_of
from chalicelib.api.schema.description import Description
from chalicelib.api.schema.errors import ErrorView, meaning_of
from chalicelib.api.schema.models import Checked
from chalicelib.errors import (
    BodyTooLarge,
    ChainUnavailable,
    Forbidden,
    InvalidCursor,
    InvalidRequest,
    JobsApiError,
    ServiceUnavailable,
    SignerUnavailable,
    TooManyRequests,
    Unauthorized,
    UnsupportedMediaType,
)

Document = dict[str, Any]
Schemas = Mapping[tuple[int, str], Document]
"""Maps (index of a route, which of its types) to the schema of that type."""

ABOUT = """EVM transactions as asynchronous jobs. A request that changes something on chain is answered at once with a job.
Follow the job by its `_id`, or by the `correlationId` that you gave it. Amounts of wei are decimal strings. Addresses
are returned in their EIP-55 form. Times are ISO-8601 in UTC. A field that does not apply is absent. A path that is
not listed here answers 404, and a verb that is not listed answers 405, both in the form of every other error."""

CLAIMS = """A JSON Web Token (JWT) with `exp`. The service signs JWTs itself with HS256 and one of its keys; the header `kid`
names the key. A stage with an identity provider takes the provider's JWTs, too: RS256 or ES256, signed with a key
that the provider publishes, with its `iss` and this API's `aud`. Claims: `accountAddress` (the issuer's account),
`sub` (the owner of its jobs, by default the account), `isCommunityAdmin` (may use the Admin API), `isAdmin` (may see
and act on everything), `role` (the pool whose accounts may sign its jobs), `appName`. Each owner may send a limited
number of requests in a minute. A request beyond the limit answers 429, and its `Retry-After` says when to go on."""

EVERY_ROUTE: tuple[type[JobsApiError], ...] = (JobsApiError,)
WITH_TOKEN: tuple[type[JobsApiError], ...] = (
    InvalidRequest,
    Unauthorized,
    TooManyRequests,
    ServiceUnavailable,
    ChainUnavailable,
    SignerUnavailable,
)
WITH_BODY: tuple[type[JobsApiError], ...] = (BodyTooLarge, UnsupportedMediaType)

_MEANINGS = {
    400: "The request breaks a rule. Nothing was done.",
    401: "The request has no JWT, or one that is not valid.",
    403: "The JWT is valid, but does not give this right.",
    404: "It does not exist, or the caller may not see it.",
    409: "Its state does not allow this.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    429: "There were too many requests. Wait as long as Retry-After says.",
    500: "The service has a fault. Report the requestId.",
    501: "The stage was deployed without what the request needs.",
    503: "A part of the service does not answer. Repeat the request, unchanged.",
}


def document_of(described: Sequence[Described]) -> Document:
    """Return the OpenAPI document of these routes. Raises ValueError for a route that reads what its description lacks."""
    schemas, components = _schemas(described)
    paths: Document = {}
    for index, one in enumerate(described):
        _require_what_it_reads(one)
        path, parameters = _path(one, schemas.get((index, "path")))
        for method in one.route.methods:
            paths.setdefault(path, {})[method.lower()] = _operation(index, one, method, schemas, parameters)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Jobs API", "version": "2", "description": _flowing(ABOUT)},
        "servers": [{"url": ".", "description": "The stage that serves this document."}],
        "tags": [{"name": tag} for tag in dict.fromkeys(_tag(one.route) for one in described)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "responses": _refusals(described),
            "securitySchemes": {
                "jwt": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": _flowing(CLAIMS)}
            },
        },
    }


def operation_id(route: Route, method: str) -> str:
    """Return an id such as `jobsFetchById`, or `jobsRetryOneByPost` for a route with several verbs."""
    words = f"{route.resource}_{route.function}".split("_") + (["by", method.lower()] if len(route.methods) > 1 else [])
    return words[0] + "".join(word.capitalize() for word in words[1:])


def errors_of(described: Described, method: str) -> Mapping[int, Sequence[type[JobsApiError]]]:
    """Map each HTTP status to every error that a request on this route can end in. Every 500 has one code."""
    route, told = described.route, described.told
    errors = [*EVERY_ROUTE, *told.errors]
    if route.right is not Right.ANYONE:
        errors += WITH_TOKEN
    if route.right in (Right.COMMUNITY_ADMIN, Right.ADMIN):
        errors.append(Forbidden)
    if told.query is not None and "cursor" in told.query.model_fields:
        errors.append(InvalidCursor)
    if method in METHODS_WITH_BODY:
        errors += WITH_BODY
    by_status: dict[int, list[type[JobsApiError]]] = {}
    for error in sorted(dict.fromkeys(errors), key=lambda error: (error.http_status, error.code)):
        by_status.setdefault(error.http_status, []).append(error)
    return by_status


# --- schemas -----------------------------------------------------------------------------------------------------------


def _types(described: Sequence[Described]) -> Iterator[tuple[tuple[int, str], JsonSchemaMode, Any]]:
    yield (-1, "error"), "serialization", ErrorView
    for index, one in enumerate(described):
        told = one.told
        for part, type_ in (("body", told.body), ("query", told.query), ("path", told.path_parameters)):
            if type_ is not None:
                yield (index, part), "validation", type_
        for status, type_ in told.replies.items():
            yield (index, str(status)), "serialization", type_


def _schemas(described: Sequence[Described]) -> tuple[Schemas, Document]:
    """Return the schema of every type, and the named schemas that they refer to. Parameters have no named schema."""
    types = list(_types(described))
    found, shared = TypeAdapter.json_schemas(
        [(key, mode, TypeAdapter(type_)) for key, mode, type_ in types], ref_template="#/components/schemas/{model}"
    )
    components: Document = shared.get("$defs", {})
    schemas = {key: schema for (key, _), schema in found.items()}
    of_bodies = {schema.get("$ref") for key, schema in schemas.items() if key[1] not in ("query", "path")}
    of_bodies |= {part.get("$ref") for schema in schemas.values() for part in schema.get("anyOf", ())}
    names = {key: schema["$ref"] for key, schema in schemas.items() if key[1] in ("query", "path")}
    parameters = {key: components[reference.rpartition("/")[2]] for key, reference in names.items()}
    for reference in set(names.values()) - of_bodies:
        del components[reference.rpartition("/")[2]]
    for schema in (*components.values(), *schemas.values(), *parameters.values()):
        _strip(schema)
    return {**schemas, **parameters}, components


def _strip(schema: Any) -> None:
    """Delete titles, which pydantic makes from the names of fields, and defaults that stand for an absent field."""
    if isinstance(schema, list):
        for part in schema:
            _strip(part)
    elif isinstance(schema, dict):
        if isinstance(schema.get("title"), str):
            del schema["title"]
        if schema.get("default", "") in (None, [], ()):
            del schema["default"]
        for name, part in schema.items():
            if name not in ("examples", "default", "enum"):
                _strip(part)


# --- operations --------------------------------------------------------------------------------------------------------


def _operation(index: int, one: Described, method: str, schemas: Schemas, path_parameters: Sequence[Document]) -> Document:
    route, told = one.route, one.told
    operation: Document = {
        "operationId": operation_id(route, method),
        "tags": [_tag(route)],
        "summary": told.summary,
        "x-right": str(route.right),
        "security": [] if route.right is Right.ANYONE else [{"jwt": []}],
    }
    parameters = [*path_parameters, *_query(schemas.get((index, "query")))]
    if parameters:
        operation["parameters"] = parameters
    if told.body is not None and method in METHODS_WITH_BODY:
        content = {"application/json": {"schema": schemas[index, "body"]}}
        operation["requestBody"] = {"required": not told.body_optional, "content": content}
    operation["responses"] = {
        **{str(status): _reply(told, status, schemas[index, str(status)]) for status in sorted(told.replies)},
        **{
            str(status): {"$ref": f"#/components/responses/{_refusal_name(errors)}"}
            for status, errors in errors_of(one, method).items()
        },
    }
    return operation


def _require_what_it_reads(described: Described) -> None:
    route, told = described.route, described.told
    for part, reads, type_ in (("query", route.reads_query, told.query), ("body", route.reads_body, told.body)):
        if reads != (type_ is not None):
            raise ValueError(f"{route.path} and its description disagree on whether it reads a {part}")


def _path(described: Described, schema: Document | None) -> tuple[str, list[Document]]:
    """Return the path in camelCase, `/api/v2/jobs/{jobId}`, and its parameters."""
    path = described.route.path
    parameters = []
    for name, field in _fields(described.told.path_parameters):
        if f"{{{name}}}" not in path:
            raise ValueError(f"{path} has no parameter {name}")
        path = path.replace(f"{{{name}}}", f"{{{field}}}")
        properties = (schema or {})["properties"]
        parameters.append({"name": field, "in": "path", "required": True, **_described(properties[field])})
    if path.count("{") != len(parameters):
        raise ValueError(f"{described.route.path} has a parameter that path_parameters does not have")
    return path, parameters


def _fields(model: type[Checked] | None) -> Iterable[tuple[str, str]]:
    return [(name, field.alias or name) for name, field in model.model_fields.items()] if model else []


def _query(schema: Document | None) -> Iterator[Document]:
    if schema is None:
        return
    for name, field in schema["properties"].items():
        parameter = {"name": name, "in": "query", "required": name in schema.get("required", ()), **_described(_sent(field))}
        if parameter["schema"].get("type") == "array":
            parameter |= {"style": "form", "explode": False}
        yield parameter


def _sent(field: Document) -> Document:
    """Return the schema of a field in a query string: never null, and of two ways to write it the one that is not a string."""
    kinds = [kind for kind in field.get("anyOf", ()) if kind.get("type") != "null"]
    if not kinds:
        return field
    kind = _sent(kinds[0])
    said = "; ".join(part["description"] for part in (field, kind) if "description" in part)
    return {
        **kind,
        **{name: value for name, value in field.items() if name != "anyOf"},
        **({"description": said} if said else {}),
    }


def _described(schema: Document) -> Document:
    """A parameter's description stands beside its schema."""
    description = schema.get("description")
    rest = {name: value for name, value in schema.items() if name != "description"}
    return {"description": description, "schema": rest} if description else {"schema": rest}


def _reply(told: Description, status: int, schema: Document) -> Document:
    reply: Document = {
        "description": "OK." if status == 200 else "Created.",
        "content": {told.media_type.partition(";")[0]: {"schema": schema}},
    }
    if {200, 201} <= told.replies.keys():
        reply["description"] = "A new job." if status == 201 else "The job that the same request made before."
        if status == 200:
            value = {"type": "string", "enum": ["true"]}
            reply["headers"] = {"Idempotent-Replayed": {"required": True, "schema": value}}
    return reply


def _refusals(described: Sequence[Described]) -> Document:
    """Return every refusal of these routes. Its name is made of the codes it may have."""
    refusals: Document = {}
    for one in described:
        for method in one.route.methods:
            for status, errors in errors_of(one, method).items():
                refusals[_refusal_name(errors)] = _refusal(status, errors)
    return dict(sorted(refusals.items()))


def _refusal_name(errors: Sequence[type[JobsApiError]]) -> str:
    return "Or".join(error.code for error in errors)


def _refusal(status: int, errors: Sequence[type[JobsApiError]]) -> Document:
    codes = [error.code for error in errors]
    means = {"properties": {"code": one_of({error.code: meaning_of(error) for error in errors})}}
    reply: Document = {
        "description": f"{', '.join(codes)}: {_MEANINGS[status]}",
        "content": {"application/json": {"schema": {"allOf": [{"$ref": "#/components/schemas/ErrorView"}, means]}}},
    }
    if status in (429, 503):
        reply["headers"] = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
    return reply


def _flowing(text: str) -> str:
    return text.replace("\n", " ")


def _tag(route: Route) -> str:
    return route.resource.capitalize()
