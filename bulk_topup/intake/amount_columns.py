"""The amount column of a list: amounts with currencies and groups of digits, and notes for the plan; pure."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

import polars as pl

from bulk_topup.domain import fields
from bulk_topup.domain.amount_notes import AmountNotes
from bulk_topup.intake.cells.amount_marks import AmountMarks, find_marks, may_need_marks, signs_in, without_sign
from bulk_topup.intake.cells.amounts import normalise_amount, normalise_amounts
from bulk_topup.intake.cells.formats import Formats
from bulk_topup.intake.cells.normalise import normaliser_of
from bulk_topup.intake.cells.texts import BLANKS, CellProblem, quoted, strip

_GROUP_MARKS: Final = re.compile("[.,\\s'\u2019]")
#: Matches every amount with a currency.
_NOT_DIGITS: Final = "[^0-9.,]"


class AmountColumn:
    """Reads the amounts of a list's batches.

    Args:
        formats: the list's number formats.
        cells: yields the cells of the whole column, in any number of parts; it is read at most once.
    """

    def __init__(self, formats: Formats, cells: Callable[[], Iterable[pl.Series]]) -> None:
        #: How the amounts of all batches were read.
        self.notes = AmountNotes()
        self._formats = formats
        self._cells = cells
        #: Whether the marks are those of the whole column.
        self._is_searched = False
        self._use(AmountMarks(decimal=formats.decimal_mark))

    def read(self, cells: pl.Series) -> tuple[pl.Series, dict[int, str], pl.Series]:
        """Return amounts in plain notation.

        Returns:
            The amounts, null where a cell is empty or refused; the message of each refused cell by its index; and the
            sign or code of a currency that each is written with, null for none.
        """
        texts = cells.str.strip_chars(BLANKS)
        if not self._is_searched and may_need_marks(texts, self._formats.decimal_mark):
            stripped = (part.str.strip_chars(BLANKS) for part in self._cells())
            self._is_searched = True
            self._use(find_marks(stripped, self._formats.decimal_mark))
        amounts, refused = self._normaliser.column(cells)
        if not texts.str.contains(_NOT_DIGITS).any():
            return amounts, refused, pl.Series([None], dtype=pl.String).new_from_index(0, len(cells))
        signs = texts.to_frame("text").select(signs_in(pl.col("text"))).to_series()
        signs = signs.set(amounts.is_null(), None)
        self.notes.signs += [sign for sign in signs.drop_nulls().unique().sort() if sign not in self.notes.signs]
        return amounts, refused, signs

    def _use(self, marks: AmountMarks) -> None:
        self._marks = marks
        if marks.is_found:
            self.notes.decimal_mark = marks.decimal
        by_mark = normaliser_of(fields.AMOUNT, replace(self._formats, decimal_mark=marks.decimal))
        self._normaliser = replace(by_mark, normalise=self._cell, normalise_many=self._clear_cells)

    def _cell(self, text: str) -> str | CellProblem:
        marks, written = self._marks, strip(text)
        [plain] = pl.select(without_sign(pl.lit(written))).to_series()
        if (doubt := marks.in_doubt()) is not None and re.match(doubt, plain):
            thousand = re.sub("[.,]", "", plain)
            return CellProblem(
                message=f"{quoted(written)} may mean {thousand} or {plain.replace(',', '.')}, as other cells have "
                f'"{marks.decimal}" before decimals. Write {thousand}, or the amount with two decimals; or, if all '
                f'cells are written in that way, add --decimal-mark "{marks.decimal}".'
            )
        if (grouped := marks.grouped()) is not None and re.match(grouped, plain):
            plain = self._ungroup(written, plain, marks)
        return normalise_amount(plain, marks.decimal)

    def _ungroup(self, written: str, amount: str, marks: AmountMarks) -> str:
        whole, mark, decimals = amount.partition(marks.decimal)
        found = _GROUP_MARKS.search(whole)
        plain = _GROUP_MARKS.sub("", whole) + mark + decimals
        if self.notes.example is None:
            self.notes.group_mark = found.group() if found else None
            self.notes.example = (written, _GROUP_MARKS.sub("", whole) + ("." if mark else "") + decimals)
        return plain

    def _clear_cells(self, texts: pl.Series) -> pl.Series:
        """Return amounts that need no message, null for the others."""
        marks = self._marks
        plain = texts.to_frame("text").select(without_sign(pl.col("text"))).to_series()
        if (doubt := marks.in_doubt()) is not None:
            plain = plain.set(plain.str.contains(doubt), None)
        if (grouped := marks.grouped()) is not None:
            is_grouped = plain.str.contains(grouped)
            if is_grouped.any():
                first = int(is_grouped.arg_true()[0])
                self._ungroup(texts[first], plain[first], marks)
            plain = plain.str.replace_all(rf"[{re.escape(marks.other)}\s'\u{{2019}}]", "").zip_with(is_grouped, plain)
        return normalise_amounts(plain, marks.decimal)
