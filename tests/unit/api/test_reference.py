"""The API reference: it describes what is served, all of it and nothing else, and can be read by programs and people."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import TypeAdapter, ValidationError

import app as deployed
from chalicelib.api.descriptions import DESCRIBED, DESCRIPTIONS
from chalicelib.api.http.routing import handler_of
from chalicelib.api.jobs.bodies import JobPath
from chalicelib.api.jobs.codes import FAIL_MEANINGS, WAIT_MEANINGS
from chalicelib.api.routes import ROUTES
from chalicelib.api.schema import fields
from chalicelib.api.schema.errors import meaning_of, refusals
from chalicelib.api.schema.models import Checked
from chalicelib.errors import JobNotFound
from chalicelib.jobs.fail_codes import FailCode
from chalicelib.jobs.model import WaitCode
from stack.build.reference.openapi import document_of, errors_of
from tests.unit.api.documented import document

OPERATIONS = [operation for verbs in document()["paths"].values() for operation in verbs.values()]


def camel(path: str) -> str:
    """Chalice's path parameters in the contract's spelling."""
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), path)


# --- the document ------------------------------------------------------------------------------------------------------


def test_document_and_deployed_routes_are_the_same() -> None:
    """Every path answers OPTIONS, too, and what only reads answers HEAD as it answers GET: nobody has to be told."""
    implied = {"OPTIONS", "HEAD"}
    served = {(camel(path), verb) for path, verbs in deployed.app.routes.items() for verb in verbs.keys() - implied}
    described = {(path, verb.upper()) for path, verbs in document()["paths"].items() for verb in verbs}
    assert served == described


def test_every_operation_has_an_id_of_its_own() -> None:
    ids = [operation["operationId"] for operation in OPERATIONS]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[a-z][a-zA-Z0-9]+", id_) for id_ in ids)


def test_the_document_is_valid_openapi_3_1() -> None:
    assert document()["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(document()).iter_errors()] == []


def test_every_operation_says_what_it_takes_and_answers() -> None:
    for operation in OPERATIONS:
        assert operation["summary"].endswith(".")
        assert operation["tags"][0] in {tag["name"] for tag in document()["tags"]}
        assert (operation["security"] == []) == (operation["x-right"] == "anyone")
        assert {"200", "201"} & operation["responses"].keys()
        assert "500" in operation["responses"]
        if operation["security"]:
            assert {"400", "401", "429", "503"} <= operation["responses"].keys()


@pytest.mark.parametrize(
    ("name", "field", "codes", "meanings"),
    [("WaitView", "code", WaitCode, WAIT_MEANINGS), ("JobView", "failCode", FailCode, FAIL_MEANINGS)],
)
def test_every_code_of_a_job_is_listed_with_its_meaning(
    name: str, field: str, codes: type[StrEnum], meanings: Mapping[str, str]
) -> None:
    schemas = document()["components"]["schemas"]
    listed = schemas[schemas[name]["properties"][field]["$ref"].rpartition("/")[2]]
    assert {one["const"]: one["description"] for one in listed["oneOf"]} == {str(code): meanings[code] for code in codes}


def test_every_refusal_is_listed_with_its_status_and_meaning() -> None:
    """Also a code that no route declares: of an unknown path or verb, or of one job among several."""
    listed = {one["const"]: one["description"] for one in document()["components"]["schemas"]["ErrorCode"]["oneOf"]}
    declared = {
        error
        for one in DESCRIBED
        for method in one.route.methods
        for errors in errors_of(one, method).values()
        for error in errors
    }
    assert {error.code for error in declared} | {"NotFound", "MethodNotAllowed", "ReplyFull"} == listed.keys()
    for error in refusals():
        status, _, meaning = listed[error.code].partition(": ")
        assert (int(status), meaning) == (error.http_status, meaning_of(error))
        assert meaning.endswith(".")


def test_every_reference_leads_somewhere() -> None:
    for reference in references(document()):
        _, _, kind, name = reference.split("/")
        assert name in document()["components"][kind]
    used = set(references(document()))
    for kind in ("schemas", "responses"):
        for name in document()["components"][kind]:
            assert f"#/components/{kind}/{name}" in used, f"{name} is described and never used"


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


@pytest.mark.parametrize("name", [name for name, told in DESCRIPTIONS.items() if told.body is not None])
def test_examples_of_bodies_are_taken(name: str) -> None:
    body = TypeAdapter(DESCRIPTIONS[name].body)
    schema = body.json_schema()
    for example in schema.get("examples", ()):
        body.validate_python(example)
        Draft202012Validator(schema).validate(example)


def test_a_path_parameter_that_nobody_describes_stops_the_document() -> None:
    one = next(one for one in DESCRIBED if one.told.path_parameters is JobPath)
    with pytest.raises(ValueError, match="path_parameters"):
        document_of([replace(one, told=replace(one.told, path_parameters=None))])
    with pytest.raises(ValueError, match="has no parameter"):
        document_of([replace(one, route=replace(one.route, path="/api/v2/jobs"))])


@pytest.mark.parametrize("part", ["query", "body"])
def test_a_route_that_reads_what_nobody_describes_stops_the_document(part: str) -> None:
    one = next(one for one in DESCRIBED if getattr(one.told, part) is not None)
    for broken in (
        replace(one, route=replace(one.route, **{f"reads_{part}": False})),
        replace(one, told=replace(one.told, **{part: None})),
    ):
        with pytest.raises(ValueError, match=f"reads a {part}"):
            document_of([broken])


def test_every_route_names_a_function_that_is_there_and_is_described_and_nothing_else_is() -> None:
    assert {route.handler for route in ROUTES} == DESCRIPTIONS.keys()
    for route in ROUTES:
        assert handler_of(route.handler).__module__ == f"chalicelib.api.{route.handler.rpartition('.')[0]}"


def test_an_error_a_route_declares_is_in_the_document() -> None:
    for one in DESCRIBED:
        for method in one.route.methods:
            told = {error for errors in errors_of(one, method).values() for error in errors}
            assert told >= set(one.told.errors)
    job = document()["paths"]["/api/v2/jobs/{jobId}"]["get"]["responses"]["404"]["$ref"]
    assert job.endswith(f"/{JobNotFound.code}")


def test_a_replay_is_told_by_its_header() -> None:
    replies = document()["paths"]["/api/v2/jobs"]["post"]["responses"]
    assert replies["200"]["headers"]["Idempotent-Replayed"]["required"] is True
    assert "headers" not in replies["201"]


def test_a_get_has_no_body_where_the_post_has_one() -> None:
    retry = document()["paths"]["/api/v2/jobs/retry"]
    assert "requestBody" not in retry["get"]
    assert retry["post"]["requestBody"]["required"] is False
    assert {parameter["name"] for parameter in retry["get"]["parameters"]} >= {"ids", "status", "dryRun"}


# --- schemas say what validation takes ---------------------------------------------------------------------------------

TYPES = {
    name: TypeAdapter(type_)
    for name, type_ in vars(fields).items()
    if name in ("Amount", "PositiveAmount", "Gas", "CallData", "Time", "Text", "Limit", "Flag", "JobIds")
}
LIKELY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 200),
    st.integers(20_999, 30_000_001),
    st.text(max_size=300),
    st.text("0123456789", max_size=80),
    st.text("0123456789abcdefABCDEFxX", max_size=20).map(lambda digits: f"0x{digits}"),
    st.datetimes().map(lambda at: at.isoformat() + "Z"),
    st.sampled_from(
        ["true", "false", "", "0", "00", "1", "100", "101", "0x", "2030-01-31T12:00Z", "2030-01-31T12:00:00+02:00"]
    ),
    st.lists(st.text(max_size=5), max_size=3),
)


@pytest.mark.parametrize("name", TYPES)
@settings(deadline=None)
@given(value=LIKELY)
def test_what_a_field_takes_is_what_its_schema_says(name: str, value: Any) -> None:
    """The one way round without exception; the other but where a schema cannot say it: 2^256, a date that is none, blanks."""
    assume(not str(value).endswith("\n"))  # where $ matches in Python, and not in the patterns of JSON Schema
    says = Draft202012Validator(TYPES[name].json_schema()).is_valid(value)
    try:
        TYPES[name].validate_python(value)
        takes = True
    except ValidationError:
        takes = False
    beyond_schemas = {
        "Amount": isinstance(value, str) and len(value) == 78,
        "PositiveAmount": isinstance(value, str) and len(value) == 78,
        "Gas": isinstance(value, str),
        "Time": isinstance(value, str),
        "JobIds": not isinstance(value, list),
    }
    if takes:
        assert says, f"{value!r} is taken"
    if says:
        assert takes or beyond_schemas.get(name, False), f"{value!r} is refused"


def test_every_parameter_and_field_of_a_body_has_a_type() -> None:
    for told in DESCRIPTIONS.values():
        for model in (told.body, told.query, told.path_parameters):
            if isinstance(model, type) and issubclass(model, Checked):
                for name, field in model.model_json_schema()["properties"].items():
                    assert {"type", "anyOf", "$ref", "enum"} & field.keys(), f"{model.__name__}.{name}"
