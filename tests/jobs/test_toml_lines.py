"""Line numbers of the keys of a TOML document, in whatever style it is written."""

import tomllib
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.jobs.toml_lines import line_numbers


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("a = 1\n\n# c\nb = 2", ("b",), 4),
        ('a = """\nb = 1\n"""\nb = 2', ("b",), 4),
        ("a = '''\n[b]\n'''\n[b]\nc = 1", ("b", "c"), 5),
        ('a = "# \\" b"  # [c]\nb = 2', ("b",), 2),
        ("a = [\n  1,\n  2, # ]\n]\nb = 2", ("a", 1), 3),
        ("a = [\n  1,\n  2, # ]\n]\nb = 2", ("b",), 5),
        ("a = [\n  {b = 1},\n  {b = 2}]", ("a", 1, "b"), 3),
        ("x = 1\n[caps]\namounts = { SGD = 5 }", ("caps", "amounts", "SGD"), 3),
        ('x = 1\n["a.b".c]\nd = 1', ("a.b", "c", "d"), 3),
        ("x = 1\na . b.c = 2", ("a", "b", "c"), 2),
        ("[[f]]\nc = 1\n[[f]]\nc = 2", ("f", 1, "c"), 4),
        ("[[f]]\n[f.g]\nc = 1\n[[f]]\n[f.g]\nc = 1", ("f", 1, "g", "c"), 6),
        ("w = 2026-11-24T22:00:00Z\nf = -1.5e3\nb = 1", ("b",), 3),
        ("a = 1\r\nb = 2\r\n", ("b",), 2),
    ],
)
def test_a_key_has_its_line_number(text: str, path: tuple[str | int, ...], line: int) -> None:
    assert line_numbers(text)[path] == line


_keys = st.text(min_size=1, max_size=6)
_scalars = st.one_of(
    st.integers(-(2**60), 2**60),
    st.booleans(),
    st.text(max_size=12).map(lambda text: text.replace("\r", "")),
    st.datetimes().map(lambda moment: moment.replace(microsecond=0)),
)
_values = st.recursive(_scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3))


@given(st.dictionaries(_keys, _values, min_size=1, max_size=5), st.data())
def test_every_value_of_any_document_has_a_line_number(document: dict[str, Any], data: st.DataObject) -> None:
    text = "".join(f"{_basic(key)} = {_written(value, data.draw)}\n" for key, value in document.items())
    tomllib.loads(text)
    found = line_numbers(text)
    assert set(_paths(document)) == set(found)
    lines = [found[(key,)] for key in document]
    assert lines == sorted(set(lines))


def _basic(text: str) -> str:
    return '"' + "".join(f"\\U{ord(each):08x}" if not each.isalnum() else each for each in text) + '"'


def _written(value: object, draw: Any) -> str:
    if isinstance(value, list):
        space = draw(st.sampled_from(["", "\n", " # ]\n"]))
        return "[" + ",".join(space + _written(each, draw) for each in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_basic(key)} = {_written(each, draw)}" for key, each in value.items()) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        quotes: str = draw(st.sampled_from(['"', '"""']))
        return quotes + _basic(value)[1:-1].replace("\\U0000000a", "\n" if quotes == '"""' else "\\n") + quotes
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _paths(value: object, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [path for key, inner in items for path in ((*above, key), *_paths(inner, (*above, key)))]
