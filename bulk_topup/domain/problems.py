"""What is wrong with a row: one sentence, the column it concerns, and the cure; pure vocabulary."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

#: The column in which a list of rows that did not complete tells of each row why.
REASON_COLUMN: Final = "reason"
#: The column there that tells which line of the list a row is.
LINE_COLUMN: Final = "list_line"
#: Begins that reason for every row that may be paid already, or will be by going on with its run, or that the list gave
#: up. A list that has such a row is refused at it.
DO_NOT_PAY: Final = "Do not pay by other means:"


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One reason why a row cannot be paid as it stands."""

    #: The list's own column name; empty when the problem is the row's as a whole.
    column: str
    #: A whole sentence that quotes the value and says what to do.
    message: str
    #: Whether another row may pay the same, so that this one must not be paid by other means either.
    may_be_paid: bool = False

    def at(self, list_name: str, line: int) -> str:
        """Give the sentence with its place before it: file, line and column."""
        where = f'{list_name} line {line}, column "{self.column}"' if self.column else f"{list_name} line {line}"
        return f"{where}: {self.message}"


def problem_text(problem: Problem) -> str:
    """Give a problem as an entry of the JSON text; a third value stands only where the row may be paid by another."""
    values = [problem.column, problem.message]
    return json.dumps([*values, 1] if problem.may_be_paid else values, ensure_ascii=False)


def problems_of(text: str) -> tuple[Problem, ...]:
    """Make problems of the JSON text that they are kept as: an array of an array for each."""
    return problems_from(json.loads(text))


def problems_from(found: Iterable[Sequence[Any]]) -> tuple[Problem, ...]:
    """Make problems of what that text holds."""
    return tuple(Problem(column=values[0], message=values[1], may_be_paid=len(values) > 2) for values in found)
