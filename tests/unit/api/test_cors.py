"""Pages of other origins: closed unless the stage names them."""

from dataclasses import replace

import pytest

from chalicelib.errors import ConfigurationError
from chalicelib.settings import settings_from
from tests.unit.api.harness import TARGET, Answer, Api, environment, new_api

SHOP = "https://shop.example"
JOBS = "/api/v2/jobs"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


def api_for(origins: str) -> Api:
    return replace(new_api(), settings=settings_from(environment() | {"CORS_ORIGINS": origins}))


@pytest.fixture
def open_api() -> Api:
    return api_for(f"{SHOP}, https://admin.shop.example:8443")


def cors(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.lower().startswith("access-control")}


def preflight(api: Api, origin: str, path: str = JOBS) -> tuple[int, dict[str, str]]:
    response = api.client.http.request("OPTIONS", path, headers={"Origin": origin, **PREFLIGHT})
    assert response.body == b""
    return response.status_code, {name: value for name, value in response.headers.items() if name != "X-Request-Id"}


def test_by_default_no_page_of_another_origin_may_do_anything(api: Api) -> None:
    answers = [
        api.get(JOBS, headers={"Origin": SHOP}),
        api.issue(headers={"Origin": SHOP}),
        api.issue({}, headers={"Origin": SHOP}),
    ]
    assert [cors(answer) for answer in answers] == [{}, {}, {}]
    status, headers = preflight(api, SHOP)
    assert status == 204
    assert headers["Allow"] == "POST, GET, OPTIONS"
    assert not [name for name in headers if name.lower().startswith("access-control")]


def test_a_page_of_a_named_origin_may_call_and_read_what_it_needs(open_api: Api) -> None:
    status, headers = preflight(open_api, SHOP)
    assert status == 204
    assert headers["Access-Control-Allow-Origin"] == SHOP
    assert headers["Access-Control-Allow-Methods"] == "POST, GET"
    assert headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    assert headers["Vary"] == "Origin"
    answer = open_api.issue({"to": TARGET}, headers={"Origin": SHOP})
    assert answer.status == 201
    assert cors(answer)["Access-Control-Allow-Origin"] == SHOP
    assert "Retry-After" in cors(answer)["Access-Control-Expose-Headers"]


def test_a_refusal_can_be_read_as_well(open_api: Api) -> None:
    for answer in (open_api.issue({}, headers={"Origin": SHOP}), open_api.get(JOBS, token="", headers={"Origin": SHOP})):
        assert answer.status in (400, 401)
        assert cors(answer)["Access-Control-Allow-Origin"] == SHOP


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://shop.example.evil.example",
        "https://evil-shop.example",
        "http://shop.example",
        "https://shop.example:444",
        "https://SHOP.example",
        "null",
        "*",
        "",
    ],
)
def test_a_page_of_any_other_origin_may_not(open_api: Api, origin: str) -> None:
    assert cors(open_api.get(JOBS, headers={"Origin": origin})) == {}
    assert not [name for name in preflight(open_api, origin)[1] if name.lower().startswith("access-control")]


def test_replies_are_told_apart_by_origin_wherever_a_cache_may_hold_them(open_api: Api) -> None:
    for path in ("/openapi.json", "/docs", "/health", JOBS):
        assert open_api.get(path).headers["Vary"] == "Origin"
        assert open_api.get(path, headers={"Origin": "https://evil.example"}).headers["Vary"] == "Origin"


def test_credentials_are_never_allowed(open_api: Api) -> None:
    everything = api_for("*")
    for api in (open_api, everything):
        answered = {**preflight(api, SHOP)[1], **api.get(JOBS, headers={"Origin": SHOP}).headers}
        assert not [name for name in answered if name.lower() == "access-control-allow-credentials"]
    assert preflight(everything, "null")[1]["Access-Control-Allow-Origin"] == "*"


def test_every_path_answers_options_with_its_own_verbs(open_api: Api) -> None:
    for path, verbs in open_api.app.routes.items():
        named = path.replace("{", "-").replace("}", "-")
        taken = set(verbs) - {"OPTIONS", "HEAD"}  # HEAD needs no permission (Fetch Standard, CORS-safelisted method)
        headers = preflight(open_api, SHOP, named)[1]
        assert set(headers["Access-Control-Allow-Methods"].split(", ")) == taken
        assert set(headers["Allow"].split(", ")) == {*taken, "OPTIONS"}


def test_without_settings_health_still_answers_and_nobody_is_let_in(api: Api) -> None:
    class Missing:
        def __getattr__(self, name: str) -> str:
            raise ConfigurationError(f"there is no {name}")

    api.settings = Missing()  # type: ignore[assignment]
    response = api.client.http.get("/health", headers={"Origin": SHOP})
    assert response.status_code == 200
    assert not [name for name in response.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    "origins",
    [
        "shop.example",
        "http://shop.example",
        "https://shop.example/",
        "https://shop.example/path",
        "https://Shop.example",
        "https://*.shop.example",
        "https://shop.example;https://b.example",
        "https://u:p@shop.example",
        "*,https://shop.example",
        "null",
        "javascript://shop.example",
    ],
)
def test_what_no_browser_sends_as_an_origin_is_refused_at_the_start(origins: str) -> None:
    with pytest.raises(ConfigurationError, match="CORS_ORIGINS"):
        settings_from(environment() | {"CORS_ORIGINS": origins})


def test_everybody_is_for_the_local_stage_only() -> None:
    with pytest.raises(ConfigurationError, match=r"CORS_ORIGINS: .* local"):
        settings_from(environment() | {"CORS_ORIGINS": "*", "STAGE": "spark"})
    local = settings_from(environment() | {"CORS_ORIGINS": "http://localhost:3000,http://127.0.0.1"})
    assert local.cors_origins == ("http://localhost:3000", "http://127.0.0.1")
