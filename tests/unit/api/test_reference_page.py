"""The API reference as it is served: the document, and a page that a browser shows without running anything."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from chalicelib.api.reference import handlers
from stack.build.reference.page import page_of
from tests.unit.api.documented import document
from tests.unit.api.harness import Api


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_the_reference_is_public_and_may_be_kept_for_minutes(api: Api, path: str) -> None:
    api.settings = None  # type: ignore[assignment]  # nothing is built for it
    answer = api.get(path, token="")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_without_the_file_that_packaging_writes_the_answer_says_so(
    api: Api, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "DIRECTORY", tmp_path)
    answer = api.get(path, token="")
    assert (answer.status, answer.body["code"]) == (501, "NotConfigured")
    assert "make package" in answer.body["error"]


def test_the_document_is_served_as_it_is(api: Api) -> None:
    answer = api.get("/openapi.json", token="")
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.text) == document()
    assert document()["servers"][0]["url"] == ".", "the stage's prefix is the gateway's to add"


class Page(HTMLParser):
    """Tags that match, and what they carry."""

    VOID = ("meta",)

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id":
                self.ids.append(value or "")
            if name == "href":
                self.links.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    assert page.open == []
    return page


def test_the_page_has_everything_the_document_has(api: Api) -> None:
    answer = api.get("/docs", token="")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    page = read(answer.text)
    for path, verbs in document()["paths"].items():
        assert path in page.text
        for operation in verbs.values():
            assert operation["operationId"] in page.ids
            assert operation["summary"] in page.text
            for parameter in operation.get("parameters", ()):
                assert parameter["name"] in page.text
    for name, schema in document()["components"]["schemas"].items():
        assert name in page.ids
        for field in schema.get("properties", ()):
            assert field in page.text
    assert len(set(page.ids)) == len(page.ids)


def test_links_of_the_page_lead_into_it_or_to_the_document_beside_it(api: Api) -> None:
    page = read(api.get("/docs", token="").text)
    assert {link for link in page.links if not link.startswith("#")} == {"openapi.json"}
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


def test_the_page_runs_nothing_and_loads_nothing(api: Api) -> None:
    answer = api.get("/docs", token="")
    page = read(answer.text)
    assert page.tags.isdisjoint({"script", "img", "link", "iframe", "object", "embed", "form", "base"})
    assert not [name for name in page.attributes if name.startswith("on") or name in ("style", "src")]
    policy = answer.headers["Content-Security-Policy"]
    style = re.search(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    assert style
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "unsafe" not in policy


def test_nothing_of_the_document_becomes_markup() -> None:
    evil = "<script>alert(1)</script>\"'&"
    hostile = json.loads(json.dumps(document()))
    hostile["info"] |= {"title": evil, "description": evil}
    for verbs in hostile["paths"].values():
        for operation in verbs.values():
            operation["summary"] = operation["x-right"] = evil
            for parameter in operation.get("parameters", ()):
                parameter["name"] = parameter["description"] = evil
    for schema in hostile["components"]["schemas"].values():
        schema["description"] = evil
        schema["examples"] = [{evil: evil}]
        schema["properties"] = {evil: {"type": evil, "description": evil, "pattern": evil, "default": evil, "enum": [evil]}}
    page = read(page_of(hostile))
    assert "script" not in page.tags
    assert "alert" not in page.attributes
    assert "<script>alert(1)" in page.text
