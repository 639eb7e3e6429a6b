"""Define rows of a file that are no part of its list: titles, totals and signatures; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

#: Most lines that a sentence names.
MAX_NAMED: Final = 20


class Outside(StrEnum):
    """Why a row is no part of the list."""

    TITLE = "title"
    TOTAL = "total"
    SIGNATURE = "signature"


#: What a row that is left out does not meet, as a filter's condition.
CONDITIONS: Final = {
    Outside.TITLE: "the row is below the column names",
    Outside.TOTAL: "the row is not the total of those above",
    Outside.SIGNATURE: "the row is not a signature",
}
_NAMES: Final = {
    Outside.TITLE: ("row above the column names", "rows above the column names"),
    Outside.TOTAL: ("totals row", "totals rows"),
    Outside.SIGNATURE: ("signature row", "signature rows"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class OutsideRows:
    """The rows of a file that are no part of its list."""

    #: Why, by their line.
    rows: Mapping[int, Outside] = field(default_factory=dict)
    #: The word for a row's position, `line` or `row`.
    position_word: str = "line"

    def sentence(self) -> str:
        """Return which rows they are, as a sentence without its full stop; an empty text for none."""
        return ", ".join(self._named(kind) for kind in Outside if self.lines(kind))

    def lines(self, kind: Outside) -> list[int]:
        """Return the lines of a kind, in order."""
        return sorted(line for line, each in self.rows.items() if each is kind)

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        return {f"{kind.value}s": self.lines(kind) for kind in Outside}

    def _named(self, kind: Outside) -> str:
        lines = self.lines(kind)
        one, several = _NAMES[kind]
        more = f" and {len(lines) - MAX_NAMED:,} more" if len(lines) > MAX_NAMED else ""
        word = self.position_word if len(lines) == 1 else f"{self.position_word}s"
        return (
            f"{len(lines):,} {one if len(lines) == 1 else several} "
            f"({word} {', '.join(map(str, lines[:MAX_NAMED]))}{more})"
        )


#: No such rows.
NONE_OUTSIDE: Final = OutsideRows()
