"""Line numbers of the keys and values of a TOML document; pure, for documents that `tomllib` accepts."""

import re
import tomllib
from collections.abc import Mapping
from typing import Final

#: Keys that lead to a value; in arrays the index, from 0.
KeyPath = tuple[str | int, ...]

_TOKEN: Final = re.compile(
    r"""
      (?P<string>\"{3}(?:\\.|[^\\])*?\"{3,5}|'{3}.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*')
    | (?P<skipped>\#[^\n]*|[ \t\r]+)
    | (?P<punctuation>[\[\]{}=,.\n])
    | (?P<bare>[^\s\[\]{}=,."'\#]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_OPEN: Final = {"[": "]", "{": "}"}


def line_numbers(text: str) -> Mapping[KeyPath, int]:
    """Return the line number, from 1, of each key of a valid document and of each item of its arrays."""
    return _Reader(text).read()


class _Reader:
    """Reads the tokens of a document once; follows keys and nesting only, and leaves values to `tomllib`."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str, int]] = []
        line = 1
        for match in _TOKEN.finditer(text):
            if match.lastgroup != "skipped":
                self._tokens.append((str(match.lastgroup), match[0], line))
            line += match[0].count("\n")
        self._next = 0
        self._lines: dict[KeyPath, int] = {}
        #: Number of tables so far in each array of tables.
        self._counts: dict[KeyPath, int] = {}

    def read(self) -> dict[KeyPath, int]:
        """Read all tokens, and return the line of each key path."""
        table: KeyPath = ()
        while self._next < len(self._tokens):
            if self._is("\n"):
                self._next += 1
            elif self._is("["):
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    def _is(self, text: str) -> bool:
        return self._next < len(self._tokens) and self._tokens[self._next][:2] == ("punctuation", text)

    def _header(self) -> KeyPath:
        line = self._tokens[self._next][2]
        self._next += 1
        is_array = self._is("[")
        self._next += is_array
        path: KeyPath = ()
        *above, last = self._key("]")
        for key in above:
            self._lines.setdefault((*path, key), line)
            path = self._latest((*path, key))
        path = (*path, last)
        self._lines.setdefault(path, line)
        if is_array:
            self._next += self._is("]")
            self._counts[path] = self._counts.get(path, 0) + 1
            path = self._latest(path)
            self._lines[path] = line
        return path

    def _latest(self, path: KeyPath) -> KeyPath:
        return (*path, self._counts[path] - 1) if path in self._counts else path

    def _key(self, end: str) -> list[str]:
        """Read a key, dotted or not, and the punctuation after it."""
        parts = []
        while self._next < len(self._tokens):
            kind, token, _ = self._tokens[self._next]
            self._next += 1
            if (kind, token) == ("punctuation", end):
                break
            if kind != "punctuation":
                parts.append(str(tomllib.loads(f"key = {token}")["key"]) if kind == "string" else token)
        return parts or [""]

    def _pair(self, table: KeyPath) -> None:
        line = self._tokens[self._next][2]
        path = table
        for key in self._key("="):
            path = (*path, key)
            self._lines.setdefault(path, line)
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        """Read a value, but not the punctuation after it."""
        if not self._is("[") and not self._is("{"):
            while self._next < len(self._tokens) and self._tokens[self._next][1] not in {"\n", ",", "]", "}"}:
                self._next += 1
            return
        end = _OPEN[self._tokens[self._next][1]]
        self._next += 1
        count = 0
        while self._next < len(self._tokens) and not self._is(end):
            if self._is("\n") or self._is(","):
                self._next += 1
            elif end == "]":
                self._lines[(*path, count)] = self._tokens[self._next][2]
                self._value((*path, count))
                count += 1
            else:
                self._pair(path)
        self._next += 1
