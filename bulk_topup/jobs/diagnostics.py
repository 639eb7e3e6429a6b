"""What is wrong with a job file, each mistake with its line, its key and its cure; pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bulk_topup.errors import JobError
from bulk_topup.jobs.toml_lines import KeyPath

#: Where the message of a syntax error says that it is.
_AT: Final = re.compile(r" \(at (?:line ([0-9]+), (column [0-9]+)|end of document)\)")

#: The values that a message names.
_QUOTED: Final = re.compile("'([^']*)'")

#: What to do about a mistake of some kinds, beside what its message says.
_CURES: Final = {
    "missing": "add it",
    "string_type": "put it in quotes",
    "bool_type": "write true or false, without quotes",
    "bool_parsing": "write true or false, without quotes",
    "int_parsing": "write digits, without quotes",
    "dict_type": "write it as a table: [name] above a line `key = value`",
    "tuple_type": 'write it as an array, such as ["csv"]',
    "decimal_parsing": "write a number, e.g. 9.5",
    "decimal_type": "write a number, e.g. 9.5",
    "float_parsing": "write a number, e.g. 9.5, without quotes",
}
#: What to do about a line that is no TOML: what its message begins with, and the cure.
_SYNTAX_CURES: Final = (
    ("Illegal character", "a text begins and ends with a quote on one line"),
    ("Unterminated string", "a text begins and ends with a quote on one line"),
    ("Expected newline", "a line is `key = value`; texts stand in quotes, numbers have digits and a point alone"),
    ("Invalid value", 'texts stand in quotes, and an array is written like ["a", "b"]'),
    ("Invalid statement", "a line is `key = value`, or begins a table: [name]"),
    ("Expected '='", "a line is `key = value`"),
    ("Cannot overwrite", "state each key once"),
    ("Cannot declare", "state each table once"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnostic:
    """One thing that is wrong with a job."""

    #: Counted from 1; None where no line is to blame, as for a key that is missing.
    line: int | None
    #: The key with the tables above it, such as caps.amounts.SGD; empty for the file as a whole.
    key: str
    #: What is wrong, and the cure.
    message: str

    def __str__(self) -> str:
        place = ", ".join(part for part in ("" if self.line is None else f"line {self.line}", self.key) if part)
        return f"{place}: {self.message}" if place else self.message


class InvalidJobError(JobError):
    """The job file has mistakes.

    Args:
        what: the sentence before the mistakes.
        mistakes: all of them.
    """

    def __init__(self, what: str, mistakes: tuple[Diagnostic, ...]) -> None:
        separator = "\n  " if any(mistake.key for mistake in mistakes) else " "
        super().__init__(separator.join([what, *map(str, mistakes)]))
        self.diagnostics = mistakes


def syntax_diagnostic(message: str, text: str) -> Diagnostic:
    """Give the mistake that a message of `tomllib` tells of."""
    cure = next((f"; {cure}" for beginning, cure in _SYNTAX_CURES if message.startswith(beginning)), "")
    match = _AT.search(message)
    if match is None:
        return Diagnostic(line=None, key="", message=f"{message}{cure}")
    line = int(match[1] or text.count("\n") + 1)
    return Diagnostic(line=line, key="", message=f"{message[: match.start()]}, {match[2] or 'at the end'}{cure}")


def diagnostics_from(
    error: ValidationError, model: type[BaseModel], lines: Mapping[KeyPath, int]
) -> tuple[Diagnostic, ...]:
    """Give what a validation found, in the order of the lines.

    Args:
        error: what the model's validation raised.
        model: the model of the whole file.
        lines: the line of each key, where there is a file.
    """
    found = []
    for problem in error.errors(include_url=False, include_context=False):
        path = tuple(part for part in problem["loc"] if part != "[key]")
        cure = _cure(problem["type"], problem["msg"], path, model) + _meant(problem)
        found.append(Diagnostic(line=_line(path, problem["type"], lines), key=".".join(map(str, path)), message=cure))
    return tuple(sorted(found, key=lambda mistake: mistake.line or 0))


def _line(path: KeyPath, kind: str, lines: Mapping[KeyPath, int]) -> int | None:
    """Give the line of the key, else that of the table that it belongs to."""
    if kind == "missing":
        path = path[:-1]
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path)


def _cure(kind: str, message: str, path: KeyPath, model: type[BaseModel]) -> str:
    message = message.removeprefix("Value error, ")
    if kind == "extra_forbidden":
        keys = sorted(_model_at(path[:-1], model).model_fields)
        what = f"the table {path[-2]}" if len(path) > 1 else "a job"
        near = get_close_matches(str(path[-1]), keys, n=1)
        meant = f"; do you mean {near[0]}?" if near else ""
        return f"{what} has no such key; it has {', '.join(keys)}{meant}"
    return f"{message}; {_CURES[kind]}" if kind in _CURES else message


def _meant(problem: ErrorDetails) -> str:
    """Name the value that may be meant, where there are only some."""
    if problem["type"] not in {"enum", "literal_error"}:
        return ""
    near = get_close_matches(str(problem["input"]), _QUOTED.findall(problem["msg"]), n=1)
    return f"; do you mean {near[0]}?" if near else ""


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
