"""The number columns of a list: numbers read by their row's country, in modern form, with notes for the plan; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from bulk_topup.domain import fields
from bulk_topup.domain.number_notes import NAMED_LINES, READING_EXAMPLES, NationalNumber, NumberNotes
from bulk_topup.domain.sameness import BRAZIL_NOW, BRAZIL_SENT, MEXICO_BEFORE, MEXICO_NOW
from bulk_topup.intake.cells.formats import Formats
from bulk_topup.intake.cells.normalise import Normaliser, normaliser_of
from bulk_topup.intake.cells.texts import BLANKS, strip

#: Numbers with their country code, as a pattern of cells.
_INTERNATIONAL: Final = rf"^[{BLANKS}]*(?:\+|00)"
#: A quick look for countries that have old spellings.
_MAY_BE_OLD: Final = r"^\+5[25]"


@dataclass(frozen=True, kw_only=True, slots=True)
class RowCountries:
    """The countries of a batch's rows, from a column of the list."""

    #: The column's name.
    column: str
    #: By alpha-2 code; null for the default one.
    codes: pl.Series
    #: Why a row's country is unknown, by its index.
    unknown: Mapping[int, str]


class NumberColumns:
    """Reads the number columns of a list's batches.

    Args:
        formats: the list's number formats.
    """

    def __init__(self, formats: Formats) -> None:
        self._formats = formats
        self._normalisers: dict[tuple[str, str | None], Normaliser] = {}
        #: How the credited numbers of all batches were read.
        self.notes = NumberNotes()

    def read(
        self, field: str, cells: pl.Series, lines: pl.Series, countries: RowCountries | None
    ) -> tuple[pl.Series, dict[int, str], dict[int, str]]:
        """Return the numbers of a column in E.164 form, credited ones in their modern form with notes.

        Args:
            field: the field of the column.
            cells: its cells.
            lines: the rows' lines.
            countries: the countries of national numbers; None if the list has no column for them.

        Returns:
            The numbers, null where a cell is empty or refused; the message of each refused cell by its index; and that
            of each refused cell whose number needs its row's unknown country.
        """
        if countries is None:
            numbers, refused = self._normaliser(field, self._formats.default_country).column(cells)
            unknown: dict[int, str] = {}
        else:
            numbers, refused, unknown = self._by_country(field, cells, countries)
        if field != fields.CREDIT_MOBILE:
            return numbers, refused, unknown
        numbers = self._modern(numbers, lines)
        if countries is not None or self._formats.default_country is not None:
            self._note_national(numbers, cells, lines)
        return numbers, refused, unknown

    def _by_country(
        self, field: str, cells: pl.Series, countries: RowCountries
    ) -> tuple[pl.Series, dict[int, str], dict[int, str]]:
        numbers = pl.Series([None], dtype=pl.String).new_from_index(0, len(cells))
        codes = countries.codes.fill_null(self._formats.default_country or "").scatter(list(countries.unknown), "")
        refused: dict[int, str] = {}
        for code in codes.unique(maintain_order=True):
            rows = (codes == code).arg_true()
            found, messages = self._normaliser(field, code or None).column(cells[rows])
            numbers = numbers.scatter(rows, found)
            refused |= {rows[index]: message for index, message in messages.items()}
        is_national = ~cells.str.contains(_INTERNATIONAL)
        unknown = {row: countries.unknown[row] for row in refused if row in countries.unknown and is_national[row]}
        return numbers, {row: refused[row] for row in sorted(refused.keys() - unknown.keys())}, unknown

    def _modern(self, numbers: pl.Series, lines: pl.Series) -> pl.Series:
        if not self._formats.is_modern or not numbers.str.contains(_MAY_BE_OLD).any():
            return numbers
        modern = numbers.str.replace(BRAZIL_SENT, BRAZIL_NOW).str.replace(MEXICO_BEFORE, MEXICO_NOW)
        is_old = (modern != numbers).fill_null(value=False)
        self.notes.modern.add(lines.filter(is_old).head(NAMED_LINES), int(is_old.sum()))
        return modern

    def _note_national(self, numbers: pl.Series, cells: pl.Series, lines: pl.Series) -> None:
        wanted = READING_EXAMPLES - len(self.notes.national)
        if not wanted:
            return
        is_national = numbers.is_not_null() & ~cells.str.contains(_INTERNATIONAL)
        self.notes.national += [
            NationalNumber(line=lines[row], cell=strip(cells[row]), number=numbers[row])
            for row in is_national.arg_true().head(wanted)
        ]

    def _normaliser(self, field: str, country: str | None) -> Normaliser:
        if (field, country) not in self._normalisers:
            self._normalisers[field, country] = normaliser_of(field, replace(self._formats, default_country=country))
        return self._normalisers[field, country]
