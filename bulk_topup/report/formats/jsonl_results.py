"""The results as JSON lines: one object a row, amounts as strings in plain notation; writes the given path."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.problems import Problem
from bulk_topup.domain.run import Run
from bulk_topup.domain.summary import Tally
from bulk_topup.report.cells import list_cells, result_values
from bulk_topup.report.columns import RESULT_FIELDS, unused
from bulk_topup.report.formats.interface import Sink

#: A line with its keys in order. Nothing in it can be part of a cycle, so the garbage collector can skip it.
_Line: Final = msgspec.defstruct("_Line", [*RESULT_FIELDS, "problems", "list"], gc=False)


@contextmanager
def jsonl_results(path: Path, run: Run, _tally: Tally, /, *, reveal_pins: bool) -> Iterator[Sink]:
    """Yield a sink that writes every row as a JSON object on a line of its own."""
    keys = _keys(run.columns)
    encoder = msgspec.json.Encoder()

    def write(outcomes: Outcomes) -> None:
        values = result_values(outcomes, run, len(keys), reveal_pins=reveal_pins)
        cells = [dict(zip(keys, row, strict=True)) for row in list_cells(outcomes, len(keys))]
        problems = [_problems(each) if each else () for each in outcomes.problems]
        lines = [*map(_Line, *values, problems, cells)]
        try:
            file.write(encoder.encode_lines(lines))
        except UnicodeEncodeError:
            # Half a surrogate pair has no UTF-8 form; JSON can still spell it as an escape.
            file.writelines(_escaped(line, encoder) for line in lines)

    with path.open("wb") as file:
        yield write


def _problems(problems: Sequence[Problem]) -> list[dict[str, str]]:
    return [{"column": problem.column, "message": problem.message} for problem in problems]


def _escaped(line: msgspec.Struct, encoder: msgspec.json.Encoder) -> bytes:
    try:
        return encoder.encode(line) + b"\n"
    except UnicodeEncodeError:
        return json.dumps(msgspec.structs.asdict(line)).encode() + b"\n"


def _keys(columns: Sequence[str]) -> list[str]:
    # Two columns with the same name would share a key, and a cell would be lost.
    keys: dict[str, None] = {}
    for column in columns:
        keys[unused(column, keys)] = None
    return list(keys)
