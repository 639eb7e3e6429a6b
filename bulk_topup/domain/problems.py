"""Problems of a row: kind, column and message, and the one text form in which they are stored; pure."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

from bulk_topup.domain.problem_kinds import ProblemKind

#: The column of a not-completed file that says why the row is not completed.
REASON_COLUMN: Final = "reason"
#: The column there with the row's line in the list.
LINE_COLUMN: Final = "list_line"
#: The column there that says which row it is, wherever the list has it by now; see `row_fingerprint`.
FINGERPRINT_COLUMN: Final = "list_fingerprint"
#: Prefix of that reason for every row that may be paid already, that its run may still pay, or that left the list.
#: A list with such a row is refused at that row.
DO_NOT_PAY: Final = "Do not pay by other means:"

#: Values of a problem where it is part of a frame, all texts; kind and what to write instead may be null.
FRAME_FIELDS: Final = ("column", "message", "kind", "instead")

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
    #: What is wrong; `OTHER` becomes the kind that the values above mean.
    kind: ProblemKind = ProblemKind.OTHER
    #: What to write into the cell, where that is certain; else None.
    instead: str | None = None

    def __post_init__(self) -> None:
        if self.kind is ProblemKind.OTHER:
            object.__setattr__(self, "kind", _implied_kind(self))


def _implied_kind(problem: Problem) -> ProblemKind:
    if problem.may_be_paid:
        return ProblemKind.PAID_BEFORE if problem.is_repeat else ProblemKind.DUPLICATE
    if problem.is_left_out:
        return ProblemKind.DUPLICATE
    return ProblemKind.NOTHING_DUE if problem.is_nothing_due else ProblemKind.OTHER


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
    else 1; 0 where `is_nothing_due`; and `LEFT_OUT_CODE` where `is_left_out`. A kind that these do not mean, and
    what to write instead, follow as fourth and fifth value, after null as the third one if there is no other.
    """
    return _encode([_entry(problem) for problem in problems])


def _entry(problem: Problem) -> list[str | int | None]:
    entry: list[str | int | None] = [problem.column, problem.message]
    flag: int | str | None = None
    if problem.may_be_paid:
        flag = _BY_OTHER_RUN if problem.is_repeat else _BY_OWN_RUN
    elif problem.is_left_out:
        flag = LEFT_OUT_CODE
    elif problem.is_nothing_due:
        flag = _NOTHING_DUE
    has_kind = problem.kind is not _implied_kind(problem)
    if flag is not None or has_kind or problem.instead is not None:
        entry.append(flag)
    if has_kind or problem.instead is not None:
        entry.append(problem.kind.value)
    if problem.instead is not None:
        entry.append(problem.instead)
    return entry


def decode_problems(stored: str | Sequence[Sequence[Any]]) -> tuple[Problem, ...]:
    """Return the problems of that text, or of its JSON value where a caller has decoded many texts at once."""
    entries = json.loads(stored) if isinstance(stored, str) else stored
    return tuple(map(_problem, entries))


def _problem(entry: Sequence[Any]) -> Problem:
    flag = entry[2] if len(entry) > 2 else None
    return Problem(
        column=entry[0],
        message=entry[1],
        may_be_paid=flag in {_BY_OWN_RUN, _BY_OTHER_RUN},
        is_repeat=flag == _BY_OTHER_RUN,
        is_nothing_due=flag == _NOTHING_DUE,
        is_left_out=flag == LEFT_OUT_CODE,
        kind=ProblemKind(entry[3]) if len(entry) > 3 else ProblemKind.OTHER,
        instead=entry[4] if len(entry) > 4 else None,
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
