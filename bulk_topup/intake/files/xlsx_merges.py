"""The merged cells of a sheet, and values under them that nobody sees; pure."""

from collections.abc import Iterator, Sequence

from python_calamine import CalamineSheet

from bulk_topup.errors import ListError
from bulk_topup.intake.cells.spreadsheet_artefacts import Value, merged_text
from bulk_topup.intake.files.xlsx_parts import SAVE_AGAIN


class MergedCells:
    """The merged cells of a sheet, as far as it has other cells.

    Args:
        sheet: the sheet.
        name: the file's name, for messages.

    Raises:
        ListError: they overlap, as no program writes them, so that examining them has no bound.
    """

    def __init__(self, sheet: CalamineSheet, name: str) -> None:
        last_row, last_column = sheet.end or (-1, -1)
        #: First and last row, and first and last column of each range, counted from 0.
        self._ranges = [
            (top, min(bottom, last_row), left, min(right, last_column))
            for (top, left), (bottom, right) in sheet.merged_cell_ranges or ()
            if top <= last_row and left <= last_column
        ]
        cells = sum((bottom - top + 1) * (right - left + 1) for top, bottom, left, right in self._ranges)
        if cells > (last_row + 1) * (last_column + 1):
            raise ListError(f"{name} has merged cells that overlap. {SAVE_AGAIN}")

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def has_row(self, row: int) -> bool:
        """Return True if cells of a row, counted from 0, are merged."""
        return any(top <= row <= bottom for top, bottom, _, _ in self._ranges)

    def covered(
        self, row: int, column: int, columns: Sequence[Sequence[Value]]
    ) -> Iterator[tuple[int, list[int], list[str]]]:
        """Yield the values under merged cells, which show that of their first cell alone.

        Args:
            row: the first of some rows, counted from 0.
            column: the first column with a value, counted from 0.
            columns: the values of these rows by column.

        Returns:
            For each column its index among the given ones, indexes of rows, and what stands for their values.
        """
        for top, bottom, left, right in self._ranges:
            begin, end = max(top - row, 0), min(bottom - row + 1, len(columns[0]))
            if begin >= end:
                continue
            for index in range(max(left - column, 0), min(right - column + 1, len(columns))):
                values = columns[index]
                is_first = index == left - column
                places = [place for place in range(begin, end) if values[place] != ""]
                places = [place for place in places if not (is_first and place == top - row)]
                if places:
                    yield index, places, [merged_text(values[place]) for place in places]
