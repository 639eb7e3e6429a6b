"""Define what a plan notes of a list's mobile numbers: how they were read, and what is odd about them; pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

#: Most lines that a note names; further rows are only counted.
NAMED_LINES: Final = 20
#: National numbers that a plan shows with the numbers that they were read as.
READING_EXAMPLES: Final = 3


class NumberConcern(StrEnum):
    """What is odd about a credited number."""

    #: No numbering plan has it. Production refuses it.
    NOT_IN_PLAN = "not_in_plan"
    #: Its calling code belongs to no country of the product. Production refuses it.
    OTHER_COUNTRY = "other_country"
    #: It shares the calling code with the product's country, and belongs to another. Production refuses it under +1.
    SHARED_CODE = "shared_code"
    #: It is a fixed line, and the product is for mobiles. It is paid.
    FIXED_LINE = "fixed_line"


@dataclass(kw_only=True, slots=True)
class NotedRows:
    """Rows that a note is about."""

    #: How many.
    rows: int = 0
    #: The first of their lines.
    lines: list[int] = field(default_factory=list)

    def add(self, lines: Iterable[int], count: int) -> None:
        """Count further rows, given the first of their lines."""
        self.rows += count
        self.lines += list(lines)[: NAMED_LINES - len(self.lines)]

    def as_json(self) -> dict[str, object]:
        """Return plain JSON values."""
        return {"rows": self.rows, "lines": self.lines}


@dataclass(kw_only=True, slots=True)
class ConcernNote(NotedRows):
    """Rows with one concern that are not refused for it."""

    concern: NumberConcern
    #: Whether production would refuse them.
    production_refuses: bool
    #: What is odd about the first of them.
    example: str = ""

    def as_json(self) -> dict[str, object]:
        """Return plain JSON values."""
        return {
            "concern": self.concern.value,
            "production_refuses": self.production_refuses,
            "rows": self.rows,
            "lines": self.lines,
            "example": self.example,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class NationalNumber:
    """How one number that is written without its country code was read."""

    line: int
    #: The cell, without spaces around it.
    cell: str
    #: The number in E.164 form.
    number: str

    def as_json(self) -> dict[str, object]:
        """Return plain JSON values."""
        return {"line": self.line, "cell": self.cell, "number": self.number}


@dataclass(kw_only=True, slots=True)
class NumberNotes:
    """What a plan notes of a list's credited numbers."""

    #: The first national numbers, as they were read.
    national: list[NationalNumber] = field(default_factory=list)
    #: Rows whose number was written in an old spelling of its country, and is paid in the modern form.
    modern: NotedRows = field(default_factory=NotedRows)
    #: Rows with a concern that were not refused for it.
    concerns: list[ConcernNote] = field(default_factory=list)

    def add_concern(
        self, concern: NumberConcern, lines: Iterable[int], count: int, example: str, *, production_refuses: bool
    ) -> None:
        """Count further rows with a concern, given the first of their lines and what is odd about the first."""
        for note in self.concerns:
            if note.concern is concern and note.production_refuses is production_refuses:
                break
        else:
            note = ConcernNote(concern=concern, production_refuses=production_refuses, example=example)
            self.concerns.append(note)
        note.add(lines, count)

    def as_json(self) -> dict[str, object]:
        """Return plain JSON values."""
        return {
            "national_examples": [each.as_json() for each in self.national],
            "modern_form": self.modern.as_json(),
            "concerns": [note.as_json() for note in self.concerns],
        }
