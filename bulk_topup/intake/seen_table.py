"""A workbook's list without the rows that a person does not see as a part of it; reads the list through its table."""

from collections.abc import Iterator, Mapping
from typing import Final

from bulk_topup.domain.unseen_rows import Unseen
from bulk_topup.errors import ListError
from bulk_topup.intake import Table
from bulk_topup.intake.cells.texts import strip

#: What a row that is left out does not meet, as a filter's condition.
_CONDITIONS: Final = {Unseen.HIDDEN: "the row is visible", Unseen.STRUCK: "the row is not struck through"}


class SeenTable:
    """A list without rows that are hidden or struck through; the others keep their lines.

    Args:
        table: the list.
        name: its name, for messages.
        unseen: the rows that are left out.
    """

    def __init__(self, table: Table, name: str, unseen: Mapping[int, Unseen]) -> None:
        #: The list's own.
        self.header_line, self.header = table.header_line, table.header
        self.source_table = table
        self._name = name
        self._unseen = unseen

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each row that a person sees.

        Raises:
            ListError: there is none.
        """
        is_any = False
        for line, cells in self.source_table.rows():
            if line not in self._unseen:
                is_any = is_any or any(map(strip, cells))
                yield line, cells
        if not is_any:
            raise ListError(
                f"Every row of {self._name} is hidden or struck through. Show the rows to pay, or choose another list."
            )

    def left_out(self) -> Iterator[tuple[int, list[str], str]]:
        """Yield each row that is left out, with its line and what it does not meet."""
        rows = self.source_table.rows()
        return ((line, cells, _CONDITIONS[self._unseen[line]]) for line, cells in rows if line in self._unseen)


def find_unseen(table: Table, unseen: Mapping[int, Unseen]) -> dict[int, Unseen]:
    """Return those of the rows of a list that are not empty.

    Raises:
        ListError: the list cannot be read.
    """
    if not unseen:
        return {}
    return {line: unseen[line] for line, cells in table.rows() if line in unseen and any(map(strip, cells))}
