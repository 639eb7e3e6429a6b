"""Problems of a row: column and message, and the one text form in which they are stored; pure."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

#: The column of a not-completed file that says why the row is not completed.
REASON_COLUMN: Final = "reason"
#: The column there with the row's line in the list.
LINE_COLUMN: Final = "list_line"
#: The column there that says which row it is, wherever the list has it by now; see `row_fingerprint`.
FINGERPRINT_COLUMN: Final = "list_fingerprint"
#: Prefix of that reason for every row that may be paid already, that its run may still pay, or that left the list.
#: A list with such a row is refused at that row.
DO_NOT_PAY: Final = "Do not pay by other means:"

#: Lists in which a position is a row of a sheet and not a line of text.
WORKBOOK_SUFFIXES: Final = frozenset({".xlsx", ".xlsm"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One reason why a row is refused."""

    #: The list's own column name; empty when the problem concerns the whole row.
    column: str
    #: Whole sentences: the quoted value and the fix.
    message: str
    #: Whether another row may pay the same, so that this one must not be paid by other means.
    may_be_paid: bool = False
    #: Whether that row is another run's.
    is_repeat: bool = False
    #: Whether nothing is due for the row, which is no mistake of the list.
    is_nothing_due: bool = False
    #: Whether the row is left out because it is the same as an earlier one of its list, which the list's owner decided.
    is_left_out: bool = False


#: The third value of an encoded problem of a row that another one may pay: one of its own run, or another run's.
_BY_OWN_RUN: Final = 1
_BY_OTHER_RUN: Final = 2
#: The third value of one that says that nothing is due.
_NOTHING_DUE: Final = 0


#: The third value of one of a row that is left out as a duplicate: a text, which counts as false in SQL.
LEFT_OUT_CODE: Final = "duplicate"


#: `json.dumps` with these options creates an encoder each time.
_encode: Final = json.JSONEncoder(ensure_ascii=False).encode


def encode_problems(problems: Iterable[Problem]) -> str:
    """Return problems as the JSON text that plan, ledger and report share.

    Each problem is an array of column and message, with a third value only where `may_be_paid`: 2 where `is_repeat`,
    else 1; 0 where `is_nothing_due`; and `LEFT_OUT_CODE` where `is_left_out`.
    """
    return _encode([_entry(problem) for problem in problems])


def _entry(problem: Problem) -> list[str | int]:
    if problem.may_be_paid:
        return [problem.column, problem.message, _BY_OTHER_RUN if problem.is_repeat else _BY_OWN_RUN]
    if problem.is_left_out:
        return [problem.column, problem.message, LEFT_OUT_CODE]
    return [problem.column, problem.message, *([_NOTHING_DUE] if problem.is_nothing_due else [])]


def decode_problems(stored: str | Sequence[Sequence[Any]]) -> tuple[Problem, ...]:
    """Return the problems of that text, or of its JSON value where a caller has decoded many texts at once."""
    entries = json.loads(stored) if isinstance(stored, str) else stored
    return tuple(
        Problem(
            column=entry[0],
            message=entry[1],
            may_be_paid=len(entry) > 2 and entry[2] in {_BY_OWN_RUN, _BY_OTHER_RUN},
            is_repeat=len(entry) > 2 and entry[2] == _BY_OTHER_RUN,
            is_nothing_due=len(entry) > 2 and entry[2] == _NOTHING_DUE,
            is_left_out=len(entry) > 2 and entry[2] == LEFT_OUT_CODE,
        )
        for entry in entries
    )


def is_nothing_due(problems: Sequence[Problem]) -> bool:
    """Return True if nothing is due for a row with these problems, and nothing else is wrong with it."""
    return len(problems) == 1 and problems[0].is_nothing_due


def is_left_out(problems: Sequence[Problem]) -> bool:
    """Return True if a row with these problems is left out as a duplicate, and nothing else is wrong with it."""
    return len(problems) == 1 and problems[0].is_left_out


def position_word(list_name: str) -> str:
    """Return the word for a row's position in a list: `line`, in a workbook `row`."""
    return "row" if PurePath(list_name).suffix.lower() in WORKBOOK_SUFFIXES else "line"


def position(list_name: str, line: int) -> str:
    """Return where a row is, for messages: `payroll.csv line 18`, in a workbook `payroll.xlsx row 18`."""
    return f"{list_name} {position_word(list_name)} {line}"
