"""What is wrong with a job file: each problem with its line, key, message and fix; pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bulk_topup.errors import JobError
from bulk_topup.jobs.toml_lines import KeyPath

#: Where the message of a syntax error has its position.
_POSITION: Final = re.compile(r" \(at (?:line ([0-9]+), (column [0-9]+)|end of document)\)")

#: The values that a message of pydantic quotes.
_QUOTED: Final = re.compile("'([^']*)'")

#: How to fix some types of pydantic errors, in addition to their message.
_FIXES: Final = {
    "missing": "Add it.",
    "string_type": "Write it in quotes.",
    "bool_type": "Write true or false, without quotes.",
    "bool_parsing": "Write true or false, without quotes.",
    "int_parsing": "Write digits, without quotes.",
    "dict_type": "Write a table: [name] above a line `key = value`.",
    "tuple_type": 'Write an array, e.g. ["csv"].',
    "decimal_parsing": "Write a number, e.g. 9.5.",
    "decimal_type": "Write a number, e.g. 9.5.",
    "float_parsing": "Write a number, e.g. 9.5, without quotes.",
}
#: How to fix syntax errors, by the beginning of the message of `tomllib`.
_SYNTAX_FIXES: Final = (
    ("Illegal character", "A text starts and ends with a quote on one line."),
    ("Unterminated string", "A text starts and ends with a quote on one line."),
    ("Expected newline", "A line is `key = value`. Texts are in quotes; numbers have only digits and a point."),
    ("Invalid value", 'Texts are in quotes. An array looks like ["a", "b"].'),
    ("Invalid statement", "A line is `key = value`, or a table: [name]."),
    ("Expected '='", "A line is `key = value`."),
    ("Cannot overwrite", "Use each key once."),
    ("Cannot declare", "Use each table once."),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnostic:
    """One problem of a job file."""

    #: Line number, from 1; None if the problem has no line, as for a missing key.
    line: int | None
    #: Key with the tables above it, such as caps.amounts.SGD; empty for the file as a whole.
    key: str
    #: What is wrong, and how to fix it.
    message: str

    def __str__(self) -> str:
        place = ", ".join(part for part in ("" if self.line is None else f"line {self.line}", self.key) if part)
        return f"{place}: {self.message}" if place else self.message


class InvalidJobError(JobError):
    """The job file is invalid.

    Args:
        what: the beginning of the message, before the diagnostics.
        diagnostics: all problems of the file.
    """

    def __init__(self, what: str, diagnostics: tuple[Diagnostic, ...]) -> None:
        separator = "\n  " if any(diagnostic.key for diagnostic in diagnostics) else " "
        super().__init__(separator.join([what, *map(str, diagnostics)]))
        self.diagnostics = diagnostics


def syntax_diagnostic(message: str, text: str) -> Diagnostic:
    """Return the diagnostic for a syntax error.

    Args:
        message: the message of `tomllib`.
        text: the text of the file.
    """
    fix = next((f" {fix}" for beginning, fix in _SYNTAX_FIXES if message.startswith(beginning)), "")
    match = _POSITION.search(message)
    if match is None:
        return Diagnostic(line=None, key="", message=f"{message}.{fix}")
    line = int(match[1] or text.count("\n") + 1)
    return Diagnostic(line=line, key="", message=f"{message[: match.start()]}, {match[2] or 'at the end'}.{fix}")


def diagnostics_from(
    error: ValidationError, model: type[BaseModel], lines: Mapping[KeyPath, int]
) -> tuple[Diagnostic, ...]:
    """Return what a validation found, in the order of the lines.

    Args:
        error: the error of the model's validation.
        model: the model of the whole file.
        lines: the line of each key; empty if there is no file.
    """
    found = []
    for problem in error.errors(include_url=False, include_context=False):
        path = tuple(part for part in problem["loc"] if part != "[key]")
        message = _message(problem["type"], problem["msg"], path, model) + _suggested_value(problem)
        found.append(
            Diagnostic(line=_line(path, problem["type"], lines), key=".".join(map(str, path)), message=message)
        )
    return tuple(sorted(found, key=lambda diagnostic: diagnostic.line or 0))


def _line(path: KeyPath, kind: str, lines: Mapping[KeyPath, int]) -> int | None:
    """Return the line of a key, or of the table that it belongs to."""
    if kind == "missing":
        path = path[:-1]
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path)


def _message(kind: str, message: str, path: KeyPath, model: type[BaseModel]) -> str:
    if kind == "extra_forbidden":
        keys = sorted(_model_at(path[:-1], model).model_fields)
        where = f"table {path[-2]}" if len(path) > 1 else "a job"
        return f"Unknown key in {where}.{_suggestion(str(path[-1]), keys)} Known keys: {', '.join(keys)}."
    sentence = _sentence(message.removeprefix("Value error, "))
    return f"{sentence} {_FIXES[kind]}" if kind in _FIXES else sentence


def _sentence(message: str) -> str:
    """Return a message as a sentence; the name of a setting at its start keeps its case."""
    if "_" not in message.partition(" ")[0]:
        message = message[:1].upper() + message[1:]
    return message if message.endswith((".", "?")) else f"{message}."


def _suggested_value(problem: ErrorDetails) -> str:
    """Return the value that may be meant, if only some are allowed."""
    if problem["type"] not in {"enum", "literal_error"}:
        return ""
    return _suggestion(str(problem["input"]), _QUOTED.findall(problem["msg"]))


def _suggestion(text: str, known: list[str]) -> str:
    near = get_close_matches(text, known, n=1)
    return f" Did you mean {near[0]}?" if near else ""


def _model_at(path: KeyPath, model: type[BaseModel]) -> type[BaseModel]:
    for key in path:
        if key in model.model_fields:
            model = next(_models(model.model_fields[str(key)].annotation), model)
    return model


def _models(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - any annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
