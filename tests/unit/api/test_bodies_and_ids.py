"""How a body and the ids in it may be written: encodings, sizes, characters that cannot be seen. And HEAD, without a body."""

import gzip
import json
import re
import sys
import time
import unicodedata
from typing import Any

import pytest

from chalicelib.api.schema.fields import FORMAT_CHARACTERS
from chalicelib.jobs.model import Status
from tests.unit.api.harness import TARGET, Api
from tests.unit.api.test_bad_input import assert_refused


@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP", "deflate, gzip"])
def test_an_encoded_body_is_refused_by_the_name_of_its_encoding(api: Api, encoding: str) -> None:
    raw = gzip.compress(json.dumps({"to": TARGET}).encode())
    answer = api.post("/api/v2/jobs", raw=raw, headers={"Content-Encoding": encoding})
    assert_refused(api, answer, 415, "UnsupportedMediaType")
    assert encoding.lower() in answer.body["error"]


def test_a_body_that_says_it_is_not_encoded_is_taken(api: Api) -> None:
    assert api.issue(headers={"Content-Encoding": "identity"}).status == 201


def test_a_byte_order_mark_before_the_body_is_left_out(api: Api) -> None:
    raw = "\ufeff".encode() + json.dumps({"to": TARGET, "correlationId": "c"}).encode()
    answer = api.post("/api/v2/jobs", raw=raw)
    assert (answer.status, answer.body["job"]["data"]["correlationId"]) == (201, "c")


def test_the_character_u_fffd_may_stand_in_a_body(api: Api) -> None:
    raw = f'{{"externalId": "\ufffd", "to": "{TARGET}"}}'.encode()
    for headers in ({}, {"Content-Length": str(len(raw))}):
        answer = api.post("/api/v2/jobs", raw=raw, headers=headers)
        assert (answer.status, answer.body["job"]["data"]["externalId"]) == (201, "\ufffd")


def test_bytes_that_a_gateway_replaced_are_refused_where_the_length_tells(api: Api) -> None:
    raw = f'{{"externalId": "\ufffd", "to": "{TARGET}"}}'.encode()
    answer = api.post("/api/v2/jobs", raw=raw, headers={"Content-Length": str(len(raw) - 2)})
    assert_refused(api, answer, 400, "InvalidRequest")


UNSEEN = {
    "\u200b": "ZERO WIDTH SPACE",
    "\u200d": "ZERO WIDTH JOINER",
    "\u202e": "RIGHT-TO-LEFT OVERRIDE",
    "\u00ad": "SOFT HYPHEN",
}


@pytest.mark.parametrize("character", UNSEEN)
@pytest.mark.parametrize("field", ["correlationId", "externalId"])
def test_a_character_that_cannot_be_seen_is_refused_in_an_id_by_its_name(api: Api, field: str, character: str) -> None:
    answer = api.issue({"to": TARGET, field: f"order{character}-1"})
    assert_refused(api, answer, 400, "InvalidRequest")
    assert f"U+{ord(character):04X} ({UNSEEN[character]})" in answer.body["error"]
    assert character not in answer.body["error"]


def test_a_job_whose_id_has_such_a_character_is_still_found(api: Api) -> None:
    job_id = api.issued({"to": TARGET})
    api.change(job_id, correlation_id="a\u200bb", external_id="a\u200bb")
    assert api.get("/api/v2/jobs/external?externalId=a%E2%80%8Bb").body["data"][0]["_id"] == job_id
    admin = api.admin_token()
    assert api.get("/api/v2/jobs/correlationId/a%E2%80%8Bb", token=admin).body["data"]["_id"] == job_id


def test_the_pattern_of_an_id_names_the_characters_that_unicode_calls_format() -> None:
    pattern = re.compile(f"[{FORMAT_CHARACTERS}]")
    known = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cf"]
    assert [character for character in known if not pattern.match(character)] == []
    named = [chr(code) for code in range(sys.maxunicode + 1) if pattern.match(chr(code))]
    assert {unicodedata.category(character) for character in named} <= {"Cf", "Cn"}  # Cn: a newer Unicode's


def test_too_many_arguments_are_refused_before_they_are_encoded(api: Api) -> None:
    body = {"to": TARGET, "call": {"function": "f(address[])", "args": [[TARGET] * 2_500]}}
    before = time.process_time()
    for _ in range(10):
        answer = api.issue(body)
        assert_refused(api, answer, 400, "InvalidRequest")
        assert "65,536 bytes" in answer.body["error"]
    assert time.process_time() - before < 1, "encoding them takes ten times as long"


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("f(uint256[])", [[0] * 80_000]),
        ("f(uint256[][])", [[[0] * 800] * 100]),
        ("f((uint256,bytes)[])", [[[0, "0x"]] * 5_000]),
        ("f(bytes)", ["0x" + "00" * 65_536]),
        ("f(string)", ["a" * 65_536]),
        ("f(string[])", [[""] * 3_000]),
    ],
    ids=["numbers", "nested", "tuples", "bytes", "string", "strings"],
)
def test_arguments_of_every_kind_count_before_they_are_encoded(
    api: Api, function: str, args: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.chain.contracts.abi.encode", lambda *_: pytest.fail("they are encoded"))
    answer = api.issue({"to": TARGET, "call": {"function": function, "args": args}})
    assert answer.status == 400
    assert api.untouched


def test_head_answers_as_get_without_a_body(api: Api) -> None:
    job_id = api.issued()
    headers = {"Authorization": f"Bearer {api.token()}"}
    for path, status in (("/health", 200), (f"/api/v2/jobs/{job_id}", 200), ("/api/v2/jobs/" + "0" * 24, 404)):
        response = api.client.http.request("HEAD", path, headers=headers)
        assert (response.status_code, response.body) == (status, b""), path
        assert response.headers["Content-Type"] == "application/json"
    assert api.client.http.request("HEAD", "/api/v2/jobs").status_code == 401


def test_head_changes_nothing(api: Api) -> None:
    job_id = api.failed()
    headers = {"Authorization": f"Bearer {api.token()}"}
    assert api.client.http.request("HEAD", f"/api/v2/jobs/retry/{job_id}", headers=headers).status_code == 405
    assert api.jobs.rows[job_id].status is Status.FAILED
