"""The problems of a list in groups, so that what many rows have is said once; pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bulk_topup.domain.problem_kinds import ProblemKind
from bulk_topup.domain.problems import Problem

#: Rows of a group that are shown with their cells.
PLACES_NAMED: Final = 3
#: The parts of a message that concern one row only: quoted texts, and figures other than a product's ID.
QUOTED: Final = re.compile(r'"[^"]*"')
_FIGURES: Final = re.compile(r"(?<![Pp]roduct )(?<![\w.])[0-9][0-9.,]*(?![\w])")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One row of a group."""

    line: int
    #: The quoted cell with which its message starts; empty for none.
    cell: str
    #: What to write instead, where that is certain; else None.
    instead: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ProblemGroup:
    """Rows with the same problem, apart from their own values."""

    #: What its problems have in common, see `group_key`.
    key: tuple[str, str, str]
    kind: ProblemKind
    #: The list's column; empty when the problem concerns the whole row.
    column: str
    #: The rows' common message; with `…` for what differs.
    message: str
    #: The whole message of the first row.
    example: str
    #: The lines of all rows that the plan lists, in order.
    lines: tuple[int, ...]
    #: The first of them.
    places: tuple[Place, ...]
    #: Whether every row of the list has this message, so that it is about the list and not about a row.
    is_whole_list: bool

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.lines)

    @property
    def has_own_figures(self) -> bool:
        """Whether the common message lacks figures that each row has its own of, such as dates of payments."""
        return "…" in self.message.replace('"…"', "")

    def as_json(self) -> dict[str, object]:
        """Return plain JSON values."""
        return {
            "kind": self.kind.value,
            "column": self.column,
            "message": self.message,
            "example": self.example,
            "rows": self.rows,
            "is_whole_list": self.is_whole_list,
            "lines": list(self.lines),
        }


class _Group:
    """A group while its rows are collected."""

    def __init__(self) -> None:
        self.lines: list[int] = []
        self.places: list[Place] = []
        self.messages: set[str] = set()
        self.example = ""

    def add(self, line: int, problem: Problem) -> None:
        if self.lines and self.lines[-1] == line:
            return
        self.lines.append(line)
        self.example = self.example or problem.message
        if len(self.messages) <= 1:  # two are enough to know that they differ
            self.messages.add(problem.message)
        if len(self.places) < PLACES_NAMED:
            cell = QUOTED.match(problem.message)
            self.places.append(Place(line=line, cell=cell.group() if cell else "", instead=problem.instead))


def general_message(message: str) -> str:
    """Return a message without what concerns one row only."""
    return _FIGURES.sub("…", QUOTED.sub('"…"', message))


def group_problems(rows: Iterable[tuple[int, Iterable[Problem]]], listed: int) -> tuple[ProblemGroup, ...]:
    """Return problems in groups, those with most rows first.

    Args:
        rows: the line of each refused row and its problems, in list order.
        listed: the number of the list's rows, refused or not.
    """
    groups: dict[tuple[str, str, str], _Group] = {}
    for line, problems in rows:
        for problem in problems:
            groups.setdefault(group_key(problem), _Group()).add(line, problem)
    return tuple(sorted(_groups(groups, listed), key=lambda group: -group.rows))


def group_key(problem: Problem) -> tuple[str, str, str]:
    """Return what a problem has in common with others of its group: kind, column and message without own values."""
    return problem.kind.value, problem.column, general_message(problem.message)


def _groups(groups: Mapping[tuple[str, str, str], _Group], listed: int) -> Iterable[ProblemGroup]:
    for key, group in groups.items():
        kind, column, general = key
        is_one = len(group.messages) == 1
        yield ProblemGroup(
            key=key,
            kind=ProblemKind(kind),
            column=column,
            message=next(iter(group.messages)) if is_one else general,
            example=group.example,
            lines=tuple(group.lines),
            places=tuple(group.places),
            is_whole_list=is_one and listed > 1 and len(group.lines) == listed,
        )
