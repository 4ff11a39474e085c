"""The API reference as a page to read: made from the OpenAPI document, without scripts or parts from elsewhere."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from chalicelib.api.http.reply import JSON

Schema = Mapping[str, Any]

_RIGHTS = {
    "anyone": "no JWT needed",
    "issuer": "any valid JWT",
    "communityAdmin": "needs isCommunityAdmin or isAdmin",
    "admin": "needs isAdmin",
}
_CODE = re.compile(r"`([^`]+)`")


def page_of(document: Mapping[str, Any]) -> str:
    """Return the page as HTML, with one style sheet in it."""
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    title = escape(document["info"]["title"])
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f"{_contents(document)}\n<main>\n{''.join(_parts(document))}</main>\n</body>\n</html>\n"
    )


# --- the page ----------------------------------------------------------------------------------------------------------


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            yield verb.upper(), path, operation


def _contents(document: Mapping[str, Any]) -> str:
    parts = [
        f'<nav aria-label="Contents"><a href="#top">{escape(document["info"]["title"])}</a>',
        '<ul><li><a href="#errors">Errors</a></li><li><a href="#schemas">Schemas</a></li></ul>',
    ]
    for tag in document["tags"]:
        links = (
            f'<li><a href="#{escape(operation["operationId"])}">{_verb(verb)} {escape(_short(path))}</a></li>'
            for verb, path, operation in _operations(document)
            if tag["name"] in operation["tags"]
        )
        parts.append(f"<strong>{escape(tag['name'])}</strong><ul>{''.join(links)}</ul>")
    return "".join(parts) + "</nav>"


def _parts(document: Mapping[str, Any]) -> Iterator[str]:
    yield f'<h1 id="top">{escape(document["info"]["title"])}</h1>{_prose(document["info"]["description"])}'
    yield '<p>For programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1). Paths start where this page is served.</p>'
    for scheme in document["components"]["securitySchemes"].values():
        yield f"<h2>Authorization</h2><pre>Authorization: Bearer &lt;JWT&gt;</pre>{_prose(scheme['description'])}"
    for tag in document["tags"]:
        yield f"<h2>{escape(tag['name'])}</h2>\n"
        for verb, path, operation in _operations(document):
            if tag["name"] in operation["tags"]:
                yield _operation(verb, path, operation, document["components"])
    yield _errors(document)
    yield f'<h2 id="schemas">Schemas</h2>{_prose("In a request, null means the same as an absent field.")}\n'
    for name, schema in document["components"]["schemas"].items():
        yield f'<section id="{escape(name)}"><h3>{escape(name)}</h3>{_schema(schema)}</section>\n'


def _operation(verb: str, path: str, operation: Mapping[str, Any], components: Mapping[str, Any]) -> str:
    right = operation["x-right"]
    parts = [
        f'<section id="{escape(operation["operationId"])}"><h3>{_verb(verb)} <code>{escape(path)}</code></h3>',
        f'{_prose(operation["summary"])}<p><span class="right">{escape(_RIGHTS.get(right, right))}</span></p>',
    ]
    if "parameters" in operation:
        rows = (
            (f"<code>{escape(parameter['name'])}</code>", escape(parameter["in"]), *_about(parameter, parameter["required"]))
            for parameter in operation["parameters"]
        )
        parts.append("<h4>Parameters</h4>" + _table(("name", "in", "type", ""), rows))
    if "requestBody" in operation:
        body = operation["requestBody"]
        schema = body["content"][JSON]["schema"]
        parts.append(f"<h4>Body{'' if body['required'] else ' (optional)'}</h4><p>{_type(schema)}</p>")
        examples = _named(schema, components["schemas"]).get("examples", ())
        parts += (f"<pre>{escape(json.dumps(example, indent=2, ensure_ascii=False))}</pre>" for example in examples)
    answers = operation["responses"].items()
    replies = (_reply(status, reply) for status, reply in answers if "$ref" not in reply)
    refusals = (_refusal(status, components["responses"][_name(reply)]) for status, reply in answers if "$ref" in reply)
    parts.append("<h4>Answers</h4>" + _table(("status", "body", ""), replies))
    parts.append(f'<p class="refusals">{" ".join(refusals)}</p></section>\n')
    return "".join(parts)


def _reply(status: str, reply: Mapping[str, Any]) -> tuple[str, str, str]:
    bodies = (
        _type(content["schema"]) if media_type == JSON else escape(media_type)
        for media_type, content in reply["content"].items()
    )
    headers = "".join(f"; header <code>{escape(name)}</code>" for name in reply.get("headers", ()))
    return escape(status), " or ".join(bodies), escape(reply["description"]) + headers


def _refusal(status: str, reply: Mapping[str, Any]) -> str:
    codes = " ".join(f"<code>{escape(code)}</code>" for code in _codes(reply))
    return f'<span><a href="#errors">{escape(status)}</a> {codes}</span>'


def _errors(document: Mapping[str, Any]) -> str:
    """Each code once, with its meaning."""
    responses = document["components"]["responses"]
    rows = {
        (status, code, meaning)
        for _, _, operation in _operations(document)
        for status, reply in operation["responses"].items()
        if "$ref" in reply
        for code, meaning in _codes(responses[_name(reply)]).items()
    }
    about = _prose(
        "`error` is a sentence for people. `code` is one of these. `details` has an entry for each field that is wrong."
    )
    cells = ((escape(status), f"<code>{escape(code)}</code>", _inline(means)) for status, code, means in sorted(rows))
    return f'<h2 id="errors">Errors</h2>{about}{_table(("status", "code", ""), cells)}'


def _codes(reply: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the codes that a refusal may have, each with its meaning."""
    return _meanings(reply["content"][JSON]["schema"]["allOf"][1]["properties"]["code"])


def _meanings(schema: Schema) -> Mapping[str, str]:
    return {one["const"]: one["description"] for one in schema["oneOf"]}


def _schema(schema: Schema) -> str:
    required = schema.get("required", ())
    rows = (
        (f"<code>{escape(name)}</code>", *_about(field, name in required))
        for name, field in schema.get("properties", {}).items()
    )
    about = _prose(schema.get("description", ""))
    if "oneOf" in schema:
        codes = ((f"<code>{escape(code)}</code>", _inline(meaning)) for code, meaning in _meanings(schema).items())
        return about + _table(("code", ""), codes)
    return about + _table(("field", "type", ""), rows)


# --- what a value may be -----------------------------------------------------------------------------------------------


def _about(field: Schema, required: bool) -> tuple[str, str]:
    """Of a parameter or a field: its type, and what else there is to say."""
    schema = {**field, **field.get("schema", {})}
    said = [text for text in ("" if required else "optional", *_descriptions(schema)) if text]
    if "default" in schema:
        said.append(f"default {json.dumps(schema['default'])}")
    return _type(schema), _inline("; ".join(said))


def _descriptions(schema: Schema) -> Iterator[str]:
    if "description" in schema:
        yield schema["description"]
    for kind in schema.get("anyOf", ()):
        if "$ref" not in kind:
            yield from _descriptions(kind)


def _type(schema: Schema) -> str:
    """`string matching …`, `integer from 1 to 100`, a link to a schema, `array of …`, or several of these."""
    if "$ref" in schema:
        name = escape(_name(schema))
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(kind) for kind in schema["anyOf"] if kind.get("type") != "null")
    if "const" in schema or "enum" in schema:
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"array of {_type(schema.get('items', {}))}"
    limits = "".join(
        f" {word} {schema[limit]:,}"
        for limit, word in (("minimum", "from"), ("maximum", "to"), ("minLength", "from"), ("maxLength", "to"))
        if limit in schema
    )
    unit = " characters" if "maxLength" in schema else ""
    pattern = f" <code>{escape(schema['pattern'])}</code>" if "pattern" in schema and "description" not in schema else ""
    return f"{escape(kind)}{limits}{unit}{pattern}"


def _named(schema: Schema, schemas: Mapping[str, Schema]) -> Schema:
    """The schema that this one stands for, or the first of its kinds does."""
    first = schema["anyOf"][0] if "anyOf" in schema else schema
    return schemas[_name(first)] if "$ref" in first else first


def _name(reference: Schema) -> str:
    name: str = reference["$ref"].rpartition("/")[2]
    return name


# --- HTML --------------------------------------------------------------------------------------------------------------


def _verb(verb: str) -> str:
    return f'<span class="verb {escape(verb.lower())}">{escape(verb)}</span>'


def _short(path: str) -> str:
    return path.removeprefix("/api/v2")


def _inline(text: str) -> str:
    """Escaped, with `code` in it."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def _prose(text: str) -> str:
    return f"<p>{_inline(text)}</p>" if text else ""


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Of cells that are HTML already; nothing where there are no rows."""
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    head = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>' if body else ""
