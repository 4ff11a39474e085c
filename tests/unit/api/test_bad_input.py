"""Whatever is wrong with a request: a 4xx with `error` and `code`, and nothing stored or sent."""

import json
import time
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.api.harness import ISSUER, KEY, TARGET, Answer, Api, new_api

pytestmark = pytest.mark.slow

CALL = {"function": "transfer(address,uint256)", "args": [TARGET, "1"]}


def assert_refused(api: Api, answer: Answer, status: int, code: str, field: str | None = None) -> None:
    assert (answer.status, answer.body["code"]) == (status, code), answer.text
    assert answer.body["error"]
    assert answer.body.keys() <= {"error", "code", "details"}
    if field is not None:
        assert field in [detail["field"] for detail in answer.body["details"]]
        assert field in answer.body["error"]
    assert api.untouched


# --- the body ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"to=0x",
        b"{'to': 1}",
        b'{"to": NaN}',
        b'{"value": Infinity}',
        b'{"value": -Infinity}',
        b'{"to": "%s"} {}' % TARGET.encode(),
        b"\xff\xfe\x00",
        b'{"correlationId": "\xff", "to": "%s"}' % TARGET.encode(),
        '{"to": "é"'.encode("latin-1"),
        "\ufeff\ufeff{}".encode(),
        b"[" * 100_000,
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        b'{"gas": ' + b"9" * 5_000 + b"}",
        b'{"to": "%s", "to": "%s"}' % (TARGET.encode(), TARGET.encode()),
        b'{"to": "%s", "call": {"function": "a()", "args": [], "args": []}}' % TARGET.encode(),
        b"null",
        b"[]",
        b"7",
        b'"text"',
        b"true",
    ],
)
def test_a_body_that_is_no_json_object_is_refused(api: Api, raw: bytes) -> None:
    assert_refused(api, api.post("/api/v2/jobs", raw=raw), 400, "InvalidRequest")


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_a_number_json_does_not_have_is_named(api: Api, constant: str) -> None:
    answer = api.post("/api/v2/jobs", raw=f'{{"to": "{TARGET}", "value": {constant}}}'.encode())
    assert_refused(api, answer, 400, "InvalidRequest")
    assert constant in answer.body["error"]


@pytest.mark.parametrize("body", [[], 7, "text", True, [{"to": TARGET}]])
def test_json_that_is_no_object_is_told_so(api: Api, body: Any) -> None:
    answer = api.issue(body)
    assert_refused(api, answer, 400, "InvalidRequest")
    assert answer.body["error"] == "The body must be a JSON object."


def test_an_empty_body_is_refused(api: Api) -> None:
    assert_refused(api, api.post("/api/v2/jobs"), 400, "InvalidRequest")
    assert_refused(api, api.post("/api/v2/jobs", raw=b"{}"), 400, "InvalidRequest")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "image/png",
        "application/jsonx",
        "application/json, text/plain",
        "*/*",
        "",
        "application/json; charset=latin-1",
    ],
)
def test_another_content_type_is_refused(api: Api, content_type: str) -> None:
    answer = api.issue(headers={"Content-Type": content_type})
    assert_refused(api, answer, 415, "UnsupportedMediaType")


def test_a_body_without_a_content_type_is_refused(api: Api) -> None:
    body = json.dumps({"to": TARGET}).encode()
    headers = {"Authorization": f"Bearer {api.token()}"}
    response = api.client.http.post("/api/v2/jobs", headers=headers, body=body)
    assert (response.status_code, response.json_body["code"]) == (415, "UnsupportedMediaType")
    assert api.untouched


@pytest.mark.parametrize("size", [256 * 1024 + 1, 1024 * 1024])
def test_a_body_that_is_too_large_is_refused(api: Api, size: int) -> None:
    raw = json.dumps({"to": TARGET}).encode().ljust(size)
    assert_refused(api, api.post("/api/v2/jobs", raw=raw), 413, "BodyTooLarge")


def test_a_body_of_exactly_256_kib_is_read(api: Api) -> None:
    assert api.post("/api/v2/jobs", raw=json.dumps({"to": TARGET}).encode().ljust(256 * 1024)).status == 201


def test_a_base64_body_that_is_none_is_refused(api: Api) -> None:
    event = {
        "requestContext": {"httpMethod": "POST", "resourcePath": "/api/v2/jobs"},
        "headers": {"authorization": f"Bearer {api.token()}", "content-type": "application/json"},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": "not base64!",
        "isBase64Encoded": True,
    }
    answer = api.app(event, None)
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["code"] == "InvalidRequest"
    assert api.untouched


# --- the fields --------------------------------------------------------------------------------------------------------


def test_unknown_fields_are_refused_by_name(api: Api) -> None:
    answer = api.issue({"to": TARGET, "amount": "1", "gasLimit": 2})
    assert_refused(api, answer, 400, "InvalidRequest", "gasLimit")
    assert {"field": "amount", "error": "This field does not exist: leave it out."} in answer.body["details"]


def test_python_names_of_fields_are_unknown(api: Api) -> None:
    for name in ("sender", "max_fee_per_gas", "correlation_id"):
        assert_refused(api, api.issue({"to": TARGET, name: "1"}), 400, "InvalidRequest", name)


def test_a_flood_of_unknown_fields_is_answered_shortly(api: Api) -> None:
    answer = api.issue({f"field{number}" * 20: 1 for number in range(800)})
    assert_refused(api, answer, 400, "InvalidRequest")
    assert len(answer.text) < 10_000


@pytest.mark.parametrize("field", ["to", "from"])
@pytest.mark.parametrize(
    "address",
    [
        "",
        "0x",
        "vitalik.eth",
        TARGET[2:],
        TARGET[:-1],
        TARGET + "0",
        "0X" + TARGET[2:],
        "0x" + "g" * 40,
        TARGET + "\n",
        "0x" + "٣" * 40,
        "0x" + TARGET[2:].swapcase(),
        TARGET.replace("F", "f", 1),
        7,
        1.5,
        True,
        [TARGET],
        {"address": TARGET},
    ],
)
def test_a_bad_address_or_checksum_is_refused(api: Api, field: str, address: Any) -> None:
    assert_refused(api, api.issue({"to": TARGET, field: address}), 400, "InvalidRequest", field)


@pytest.mark.parametrize("field", ["value", "maxFeePerGas"])
@pytest.mark.parametrize(
    "amount",
    [
        "-1",
        "+1",
        "1.0",
        "1e18",
        " 1",
        "1 ",
        "1\n",
        "",
        "0x1",
        "01",
        "1_000",
        "1,000",
        "٣",
        "²",
        "NaN",
        "Infinity",
        str(2**256),
        "9" * 5_000,
        1,
        0,
        -1,
        1.5,
        1e18,
        True,
        ["1"],
        {"wei": "1"},
    ],
)
def test_an_amount_that_is_no_decimal_string_is_refused(api: Api, field: str, amount: Any) -> None:
    assert_refused(api, api.issue({"to": TARGET, field: amount}), 400, "InvalidRequest", field)


def test_a_fee_of_nothing_is_refused(api: Api) -> None:
    assert_refused(api, api.issue({"to": TARGET, "maxFeePerGas": "0"}), 400, "InvalidRequest", "maxFeePerGas")


@pytest.mark.parametrize("limit", ["1", "10999999999"])
def test_a_fee_limit_that_no_block_of_the_network_takes_is_refused(api: Api, limit: str) -> None:
    assert_refused(api, api.issue({"to": TARGET, "maxFeePerGas": limit}), 400, "FeeLimitTooLow", "maxFeePerGas")


def test_the_least_fee_limit_that_a_block_takes_is_accepted(api: Api) -> None:
    assert api.issue({"to": TARGET, "maxFeePerGas": "11000000000"}).status == 201


@pytest.mark.parametrize(
    "gas", ["20999", "30000001", "0", "-21000", "21000.5", "5e4", "", "x", 20_999, 30_000_001, 50_000.0, True, [50_000]]
)
def test_gas_out_of_bounds_is_refused(api: Api, gas: Any) -> None:
    assert_refused(api, api.issue({"to": TARGET, "gas": gas}), 400, "InvalidRequest", "gas")


@pytest.mark.parametrize(
    "data", ["", "0", "0x0", "0xabc", "abcd", "0xzz", "0xab ", "0x" + "٣٣", "0X00", 7, [], "0x" + "00" * 65_537]
)
def test_call_data_that_is_no_hex_or_too_long_is_refused(api: Api, data: Any) -> None:
    assert_refused(api, api.issue({"to": TARGET, "data": data}), 400, "InvalidRequest", "data")


@pytest.mark.parametrize("data", ["0x", "0x00", "0xabcd"])
def test_data_and_call_together_are_refused(api: Api, data: str) -> None:
    assert_refused(api, api.issue({"to": TARGET, "data": data, "call": CALL}), 400, "InvalidRequest", "call")


@pytest.mark.parametrize(
    "call",
    [
        {"function": "transfer(address,uint256)", "args": []},
        {"function": "transfer(address,uint256)", "args": [TARGET]},
        {"function": "transfer(address,uint256)", "args": [TARGET, "1", "2"]},
        {"function": "transfer(address,uint256)", "args": ["0x12", "1"]},
        {"function": "transfer(address,uint256)", "args": [TARGET, "-1"]},
        {"function": "transfer(address,uint256)", "args": [TARGET, 1.5]},
        {"function": "transfer(address,uint256)", "args": [TARGET, str(2**256)]},
        {"function": "transfer(adress,uint256)", "args": [TARGET, "1"]},
        {"function": "transfer", "args": []},
        {"function": "", "args": []},
        {"function": "f(uint256[])", "args": [["1"] * 3_000]},
        {"function": "f(string)", "args": ["\ud800"]},
        {"function": "f(bytes)", "args": ["0xabc"]},
    ],
)
def test_a_signature_and_arguments_that_do_not_fit_are_refused(api: Api, call: Any) -> None:
    assert_refused(api, api.issue({"to": TARGET, "call": call}), 400, "InvalidRequest", "call")


@pytest.mark.parametrize(
    ("call", "field"),
    [
        ({"args": []}, "call.function"),
        ({"function": 7}, "call.function"),
        ({"function": "f()", "args": {}}, "call.args"),
        ({"function": "f()", "args": "1"}, "call.args"),
        ({"function": "f()", "value": "1"}, "call.value"),
        ("f()", "call"),
        ([], "call"),
    ],
)
def test_a_call_of_another_shape_is_refused(api: Api, call: Any, field: str) -> None:
    assert_refused(api, api.issue({"to": TARGET, "call": call}), 400, "InvalidRequest", field)


@pytest.mark.parametrize("body", [{"value": "1"}, {"data": "0x"}, {"to": None, "value": "1"}, {"call": CALL}])
def test_a_deployment_without_code_is_refused(api: Api, body: Any) -> None:
    assert_refused(api, api.issue(body), 400, "InvalidRequest", "to")


@pytest.mark.parametrize("network", ["spark", "mainnet", "Fuse", "", 122])
def test_another_network_is_refused(api: Api, network: Any) -> None:
    assert_refused(api, api.issue({"to": TARGET, "network": network}), 400, "InvalidRequest", "network")


@pytest.mark.parametrize(
    "time_",
    [
        "2026-03-01T12:00:00Z",
        "2020-01-01T00:00:00Z",
        "2030-01-01",
        "2030-01-01T00:00:00",
        "2030-13-01T00:00:00Z",
        "2030-01-01T25:00:00Z",
        "2030-01-01 00:00:00Z",
        "20300101T000000Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "tomorrow",
        "",
        1_900_000_000,
    ],
)
def test_a_time_that_is_past_or_none_is_refused(api: Api, time_: Any) -> None:
    assert_refused(api, api.issue({"to": TARGET, "validUntil": time_}), 400, "InvalidRequest", "validUntil")


@pytest.mark.parametrize("field", ["correlationId", "externalId"])
@pytest.mark.parametrize(
    "id_",
    ["", "x" * 257, "x" * 2_000, "\U0001f600" * 251, "a\0b", "a\nb", "a\x7fb", "a\x85b", "\u2028", "\ud800", 7, True, ["a"]],
)
def test_an_id_that_is_too_long_or_unprintable_is_refused(api: Api, field: str, id_: Any) -> None:
    assert_refused(api, api.issue({"to": TARGET, field: id_}), 400, "InvalidRequest", field)


def test_every_field_that_is_wrong_is_named_at_once(api: Api) -> None:
    answer = api.issue({"to": "0x12", "value": "-1", "gas": "1", "nope": 1})
    assert_refused(api, answer, 400, "InvalidRequest")
    assert [detail["field"] for detail in answer.body["details"]] == ["to", "value", "gas", "nope"]
    assert all(detail["error"] for detail in answer.body["details"])


def test_parameters_in_the_query_string_of_a_post_are_refused(api: Api) -> None:
    assert_refused(api, api.post("/api/v2/jobs?dryRun=true", {"to": TARGET}), 400, "InvalidRequest", "dryRun")


# --- the token ---------------------------------------------------------------------------------------------------------


def tokens() -> dict[str, str]:
    claims = {"accountAddress": ISSUER, "exp": time.time() + 600}
    return {
        "expired": "Bearer " + jwt.encode(claims | {"exp": time.time() - 600}, KEY),
        "none": "Bearer " + jwt.encode(claims, None, algorithm="none"),
        "wrong key": "Bearer " + jwt.encode(claims, "x" + KEY[1:]),
        "no exp": "Bearer " + jwt.encode({"accountAddress": ISSUER}, KEY),
        "no account": "Bearer " + jwt.encode({"exp": time.time() + 600}, KEY),
        "garbage": "Bearer garbage",
        "basic": "Basic dXNlcjpwYXNz",
        "empty": "",
    }


@pytest.mark.parametrize("kind", tokens())
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v2/jobs"),
        ("GET", "/api/v2/jobs"),
        ("GET", "/api/v2/jobs/62b17abc8c26160014940e87"),
        ("GET", "/api/v2/jobs/correlationId/c"),
        ("GET", "/api/v2/jobs/external?externalId=e"),
        ("GET", "/api/v2/jobs/retry?ids=62b17abc8c26160014940e87"),
        ("POST", "/api/v2/jobs/retry"),
        ("GET", "/api/v2/jobs/retry/62b17abc8c26160014940e87"),
        ("POST", "/api/v2/jobs/retry/62b17abc8c26160014940e87"),
        ("POST", "/api/v2/jobs/cancel/62b17abc8c26160014940e87"),
    ],
)
def test_no_route_lets_a_bad_token_in(api: Api, kind: str, method: str, path: str) -> None:
    body = {"to": TARGET} if path == "/api/v2/jobs" and method == "POST" else None
    answer = api.request(method, path, body, headers={"Authorization": tokens()[kind]})
    assert_refused(api, answer, 401, "Unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert KEY not in answer.text


def test_a_missing_token_is_told_before_anything_else_is_looked_at(api: Api) -> None:
    response = api.client.http.post("/api/v2/jobs", headers={"Content-Type": "text/plain"}, body=b"x" * 1_000_000)
    assert (response.status_code, response.json_body["code"]) == (401, "Unauthorized")


# --- anything ----------------------------------------------------------------------------------------------------------

NAMES = ["to", "value", "data", "call", "from", "network", "gas", "maxFeePerGas", "validUntil", "correlationId", "externalId"]
VALUES = st.sampled_from(
    [
        ISSUER,
        TARGET,
        "0",
        "1",
        "0x",
        "0xabcd",
        "fuse",
        "30000",
        "2030-01-01T00:00:00Z",
        CALL,
        {"function": "f()"},
        "\ud800",
        2**256,
    ]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | VALUES,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4),
    max_leaves=8,
)
BODIES = st.dictionaries(st.sampled_from(NAMES), VALUES | JSON, max_size=6) | JSON


@settings(max_examples=400, deadline=None)
@given(body=BODIES)
def test_no_json_body_makes_a_fault_of_ours_or_stores_anything_unless_it_is_issued(body: Any) -> None:
    api = new_api()
    answer = api.post("/api/v2/jobs", raw=json.dumps(body).encode())
    assert answer.status < 500, answer.text
    if answer.status == 201:
        assert list(api.jobs.rows) == api.queue.executed == [answer.body["job"]["_id"]]
    else:
        assert answer.body["error"]
        assert answer.body["code"]
        assert api.untouched


@settings(max_examples=200, deadline=None)
@given(raw=st.binary(min_size=1, max_size=300))
def test_no_bytes_make_a_fault_of_ours(raw: bytes) -> None:
    api = new_api()
    for path in ("/api/v2/jobs", "/api/v2/jobs/retry"):
        answer = api.post(path, raw=raw)
        assert 400 <= answer.status < 500, answer.text
    assert api.untouched


@settings(max_examples=200, deadline=None)
@given(
    body=st.dictionaries(
        st.sampled_from(["ids", "name", "status", "failedAfter", "failedBefore", "code", "owner", "limit", "cursor", "dryRun"]),
        JSON,
        max_size=4,
    )
    | JSON
)
def test_no_filters_make_a_fault_of_ours(body: Any) -> None:
    api = new_api()
    answer = api.post("/api/v2/jobs/retry", raw=json.dumps(body).encode())
    assert answer.status < 500, answer.text
    assert api.untouched
