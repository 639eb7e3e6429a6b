"""Writes the description as one HTML page that loads nothing else; pure."""

import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from bulk_topup.sandbox.openapi.vocabulary import Schema

_STYLE = """
:root { color-scheme: light; --ink: #1d2530; --soft: #5b6675; --line: #d9dfe7; --back: #f6f8fa; --link: #0b5cad; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
.page { display: flex; max-width: 1280px; margin: 0 auto; }
nav { flex: 0 0 290px; position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 24px 16px 24px 24px;
  border-right: 1px solid var(--line); font-size: 13px; }
nav h2 { margin: 16px 0 4px; padding: 0; border: 0; font-size: 12px; letter-spacing: .05em; text-transform: uppercase;
  color: var(--soft); }
nav ul { margin: 0; padding: 0; list-style: none; }
nav a { display: flex; gap: 8px; align-items: baseline; padding: 1px 0; }
nav a span:last-child { min-width: 0; overflow-wrap: anywhere; }
main { flex: 1; min-width: 0; padding: 24px 32px 64px; }
h1 { margin: 0 0 8px; font-size: 28px; }
h2 { margin: 40px 0 8px; padding-top: 8px; border-top: 2px solid var(--ink); font-size: 22px; }
h3 { margin: 32px 0 4px; font-size: 17px; }
h4 { margin: 14px 0 4px; font-size: 13px; color: var(--soft); }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 13px; overflow-wrap: anywhere; }
pre { margin: 4px 0; padding: 10px 12px; background: var(--back); border: 1px solid var(--line); border-radius: 6px;
  white-space: pre-wrap; }
table { width: 100%; border-collapse: collapse; font-size: 13.5px; }
th, td { padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--soft); font-weight: 600; font-size: 12px; }
td:first-child { width: 30%; }
.method { display: inline-block; flex: none; min-width: 46px; padding: 1px 6px; border-radius: 4px; color: #fff;
  font: 600 11px/1.6 ui-monospace, monospace; text-align: center; background: #1f7a4d; }
.post { background: #8a4b08; }
.note { color: var(--soft); }
@media (max-width: 800px) { .page { display: block; } nav { position: static; height: auto; border: 0; } }
@media print { nav { position: static; height: auto; flex: none; border: 0; } .page { display: block; max-width: none; }
  h3, h4 { break-after: avoid; } tr, pre { break-inside: avoid; } a { color: inherit; }
  .method { color: #000; background: none; border: 1px solid #000; } }
"""
_LIMITS = {
    "format": "{}",
    "pattern": "pattern {}",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "{} characters or more",
    "maxLength": "{} characters at most",
    "minItems": "{} entries or more",
    "uniqueItems": "no entry twice",
    "default": "default {}",
}
#: Limits that follow from the format.
_IMPLIED = {2**31 - 1, 2**63 - 1}


def page(document: Mapping[str, Any]) -> str:
    """Write the page of an OpenAPI description."""
    info, paths = document["info"], document["paths"]
    operations = [(method, path, found) for path, methods in paths.items() for method, found in methods.items()]
    schemas = document["components"]["schemas"]
    index, sections = [], []
    for tag in document["tags"]:
        of_tag = [operation for operation in operations if tag["name"] in operation[2]["tags"]]
        links = (_index_line(method, path, found) for method, path, found in of_tag)
        index.append(f"<h2>{escape(tag['name'])}</h2><ul>{''.join(links)}</ul>")
        sections.append(f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>")
        sections += [_operation(document, method, path, found) for method, path, found in of_tag]
    index.append("<h2>Schemas</h2><ul>" + "".join(f"<li>{_link(name)}</li>" for name in schemas) + "</ul>")
    sections.append("<h2>Schemas</h2>")
    sections += [_named_schema(name, schema) for name, schema in schemas.items()]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head>"
        f'<body><div class="page"><nav>{"".join(index)}</nav><main>{_head(document)}{"".join(sections)}</main></div>'
        "</body></html>"
    )


def _head(document: Mapping[str, Any]) -> str:
    info = document["info"]
    servers = _table(
        ("Address", ""),
        ((f"<code>{escape(server['url'])}</code>", escape(server["description"])) for server in document["servers"]),
    )
    shared = _table(
        ("Status", "Codes"),
        ((status, _codes(response)) for status, response in document["components"]["responses"].items()),
    )
    return (
        f"<h1>{escape(info['title'])}</h1><p class='note'>{escape(info['summary'])} "
        "As a file for tools: <a href='/openapi.json'>/openapi.json</a>.</p>"
        f"<p>{escape(info['description'])}</p><h4>Addresses</h4>{servers}"
        f"<h4>Errors of every operation</h4>{shared}"
    )


def _index_line(method: str, path: str, operation: Mapping[str, Any]) -> str:
    return f"<li><a href='#{operation['operationId']}'>{_method(method)}<span>{escape(path)}</span></a></li>"


def _method(method: str) -> str:
    return f"<span class='method {method}'>{method.upper()}</span>"


def _operation(document: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]) -> str:
    parts = [
        f"<section id='{operation['operationId']}'><h3>{escape(operation['summary'])}</h3>",
        f"<p>{_method(method)} <code>{escape(path)}</code></p>",
        f"<p>{_with_code(operation.get('description', ''))}</p>" if "description" in operation else "",
        _parameters(document, operation),
    ]
    if "requestBody" in operation:
        [content] = operation["requestBody"]["content"].values()
        parts.append(f"<h4>Body</h4><p>{_type(content['schema'])}</p>")
        examples = [content["example"]] if "example" in content else []
        examples += [example["value"] for example in content.get("examples", {}).values()]
        parts += [f"<pre>{escape(json.dumps(example, indent=2))}</pre>" for example in examples]
    responses = operation["responses"].items()
    rows = ((status, _response(response)) for status, response in responses if "$ref" not in response)
    parts.append(f"<h4>Responses</h4>{_table(('Status', ''), rows)}")
    for name, addresses in operation.get("callbacks", {}).items():
        for address, methods in addresses.items():
            [(verb, call)] = methods.items()
            [content] = call["requestBody"]["content"].values()
            parts.append(
                f"<h4>Callback {escape(name)}</h4><p>{_method(verb)} <code>{escape(address)}</code> with "
                f"{_type(content['schema'])}. {_with_code(call['description'])}</p>"
            )
    return "".join((*parts, "</section>"))


def _parameters(document: Mapping[str, Any], operation: Mapping[str, Any]) -> str:
    rows = []
    shared = document["components"]["parameters"]
    for entry in operation.get("parameters", ()):
        parameter = shared[entry["$ref"].rpartition("/")[2]] if "$ref" in entry else entry
        name = f"<code>{escape(parameter['name'])}</code> <span class='note'>in {parameter['in']}</span>"
        rows.append((name, _type(parameter["schema"]), _with_code(parameter["description"])))
    return f"<h4>Parameters</h4>{_table(('Name', 'Type', ''), rows)}" if rows else ""


def _response(response: Mapping[str, Any]) -> str:
    [content] = response["content"].values()
    if "examples" in content:
        return _codes(response)
    headers = ", ".join(f"<code>{escape(name)}</code>" for name in response["headers"])
    description = f"{escape(response['description'])} As {_type(content['schema'])}."
    return f"{description}<br><span class='note'>Headers: {headers}</span>"


def _codes(response: Mapping[str, Any]) -> str:
    [content] = response["content"].values()
    errors = [error for example in content["examples"].values() for error in example["value"]["errors"]]
    return "<br>".join(f"<code>{error['code']}</code> {escape(error['message'])}" for error in errors)


def _named_schema(name: str, schema: Schema) -> str:
    parts = [f"<section id='schema-{name}'><h3>{escape(name)}</h3>"]
    if "description" in schema:
        parts.append(f"<p>{_with_code(schema['description'])}</p>")
    if "properties" in schema:
        parts.append(_table(("Field", "Type", ""), _fields(schema)))
    else:
        parts.append(f"<p>{_type(schema)}</p>")
    return "".join((*parts, "</section>"))


def _fields(schema: Schema, prefix: str = "") -> Iterable[tuple[str, ...]]:
    """Yield a line for each field, followed by the fields of an unnamed object in it."""
    required = schema.get("required", ())
    for name, field in schema["properties"].items():
        note = "" if name in required else " <span class='note'>optional</span>"
        yield f"<code>{escape(prefix + name)}</code>{note}", _type(field), _with_code(field.get("description", ""))
        inner = field
        many = ""
        if "items" in inner:
            inner, many = inner["items"], "[]"
        if "properties" in inner:
            yield from _fields(inner, f"{prefix}{name}{many}.")


def _type(schema: Schema) -> str:
    """Describe the type of a value in one line."""
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return " or ".join(_type(choice) for choice in schema[keyword])
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    text = " or ".join(f"list of {_type(schema['items'])}" if type_ == "array" else str(type_) for type_ in types)
    limits = [
        line.format(f"<code>{escape(str(schema[word]))}</code>" if word == "pattern" else escape(str(schema[word])))
        for word, line in _LIMITS.items()
        if word in schema and schema[word] not in _IMPLIED
    ]
    return f"{text} <span class='note'>{', '.join(limits)}</span>" if limits else text


def _link(name: str) -> str:
    return f"<a href='#schema-{name}'>{escape(name)}</a>"


def _with_code(sentence: str) -> str:
    """Escape a sentence, and turn backticks into code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(sentence))


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
