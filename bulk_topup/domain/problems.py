"""Define the problems of a row: a sentence with the fix, and the column; and their JSON text; pure."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

#: The column of the not-completed file with the reason of each row.
REASON_COLUMN: Final = "reason"
#: The column of the not-completed file with the row's line in the list.
LINE_COLUMN: Final = "list_line"
#: The start of the reason of every row that may be paid already, may be paid when its run is resumed, or was removed
#: from the list. A list with such a reason is refused at that row.
DO_NOT_PAY: Final = "Do not pay by other means:"


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One reason why a row can't be paid as it is."""

    #: The list's own column name; empty if the problem is of the whole row.
    column: str
    #: A sentence that quotes the value and says how to fix it.
    message: str
    #: Whether another row may pay the same, so that this one must not be paid by other means.
    may_be_paid: bool = False

    def at(self, list_name: str, line: int) -> str:
        """Return the sentence with file, line and column before it."""
        where = f'{list_name} line {line}, column "{self.column}"' if self.column else f"{list_name} line {line}"
        return f"{where}: {self.message}"


def problem_text(problem: Problem) -> str:
    """Return a problem as an entry of the JSON text; it has a third value only if another row may pay the same."""
    values = [problem.column, problem.message]
    return json.dumps([*values, 1] if problem.may_be_paid else values, ensure_ascii=False)


def problems_of(text: str) -> tuple[Problem, ...]:
    """Return the problems of a JSON text: an array with an array for each problem."""
    return problems_from(json.loads(text))


def problems_from(found: Iterable[Sequence[Any]]) -> tuple[Problem, ...]:
    """Return the problems of the decoded JSON text."""
    return tuple(Problem(column=values[0], message=values[1], may_be_paid=len(values) > 2) for values in found)
