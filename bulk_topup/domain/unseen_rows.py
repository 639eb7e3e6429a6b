"""Define rows of a workbook that a person does not see as a part of the list, and what is decided about them; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bulk_topup.domain.verdict import format_rows

#: Most rows that a sentence names.
MAX_NAMED: Final = 20


class HiddenRows(StrEnum):
    """What is decided about rows that are hidden or struck through in the workbook."""

    PAY = "pay"
    LEAVE_OUT = "leave-out"


class Unseen(StrEnum):
    """Why a person does not see a row as a part of the list."""

    #: It is hidden, by itself, by a filter of the workbook or in a closed group.
    HIDDEN = "hidden"
    #: A text of it is struck through.
    STRUCK = "struck through"


@dataclass(frozen=True, kw_only=True, slots=True)
class UnseenRows:
    """The rows of a list that are hidden or struck through, and what is decided about them."""

    #: Why, by their number in the sheet.
    rows: Mapping[int, Unseen]
    #: None until that is decided.
    choice: HiddenRows | None
    #: Columns that are hidden, by name; results leave them out.
    columns: tuple[str, ...] = ()

    @property
    def is_undecided(self) -> bool:
        """Whether the list is held up until a person decides."""
        return bool(self.rows) and self.choice is None

    def sentence(self) -> str:
        """Return which rows they are, as a sentence without its full stop; an empty text for none."""
        return " and ".join(text for why in Unseen if (text := self._named(why)))

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        return {
            "choice": None if self.choice is None else self.choice.value,
            **{name: self._lines(why) for name, why in (("hidden", Unseen.HIDDEN), ("struck", Unseen.STRUCK))},
        }

    def _lines(self, why: Unseen) -> list[int]:
        return [line for line, each in self.rows.items() if each is why]

    def _named(self, why: Unseen) -> str:
        lines = self._lines(why)
        if not lines:
            return ""
        more = f" and {len(lines) - MAX_NAMED:,} more" if len(lines) > MAX_NAMED else ""
        named = ", ".join(map(str, lines[:MAX_NAMED]))
        verb, row = ("is", "row") if len(lines) == 1 else ("are", "rows")
        return f"{format_rows(len(lines))} {verb} {why.value} in the workbook ({row} {named}{more})"


#: No such rows.
ALL_SEEN: Final = UnseenRows(rows={}, choice=None)
