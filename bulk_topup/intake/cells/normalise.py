"""The cells of a column in the normal form of their field; pure.

polars recognises cells in that form, which are nearly all, in one pass. Each different text among the others is
converted once: by polars in clear cases, otherwise cell by cell.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import polars as pl

from bulk_topup.domain import fields
from bulk_topup.domain.sameness import MEXICO_BEFORE
from bulk_topup.intake.cells.amounts import PLAIN_AMOUNT, normalise_amount, normalise_amounts
from bulk_topup.intake.cells.formats import Formats
from bulk_topup.intake.cells.mobile_number_columns import e164_pattern, normalise_mobile_numbers
from bulk_topup.intake.cells.mobile_numbers import normalise_mobile_number
from bulk_topup.intake.cells.number_countries import normalise_number_country
from bulk_topup.intake.cells.spreadsheet_artefacts import SUSPICIOUS, find_rounded, find_uncomputed
from bulk_topup.intake.cells.texts import (
    BLANKS,
    HIDDEN_CLASS,
    CellProblem,
    find_example,
    normalise_country_code,
    normalise_currency,
    normalise_date,
    normalise_product_id,
    normalise_text,
    quoted,
)

#: Most characters of a mapped cell: no name, address or reference is longer.
MAX_CELL_CHARACTERS: Final = 1_000

_CAPITALS: Final = r"^[A-Z]{3}$"
_PLAIN_ID: Final = r"^[1-9][0-9]{0,8}$"
#: A whole amount, without a mark that could be the wrong one.
_WHOLE_AMOUNT: Final = r"^[1-9][0-9]{0,17}$"
_ODD_TEXT: Final = f"[{HIDDEN_CLASS}]|{SUSPICIOUS}|{re.escape(fields.EXAMPLE)}$"


@dataclass(frozen=True, kw_only=True, slots=True)
class Normaliser:
    """Converts the cells of one field into its normal form."""

    #: A regular expression of Rust, or what returns it for a column.
    pattern: str | Callable[[pl.Series], str]
    #: Whether matching cells are in normal form (True), or those that do not match (False).
    matches_form: bool
    #: Returns another cell in normal form, or why it is not valid.
    normalise: Callable[[str], str | CellProblem]
    #: Returns other cells in normal form at once, null for those that are left to the function above.
    normalise_many: Callable[[pl.Series], pl.Series] | None = None

    def cell(self, text: str) -> str | CellProblem:
        """Return one cell, stripped and not empty, in normal form, or why it is not valid."""
        if len(text) > MAX_CELL_CHARACTERS:
            return CellProblem(
                message=f"{quoted(text)} has {len(text):,} characters, more than {MAX_CELL_CHARACTERS:,}. Shorten it."
            )
        return find_uncomputed(text) or find_example(text) or self.normalise(text)

    def column(self, values: pl.Series) -> tuple[pl.Series, dict[int, str]]:
        """Return a column in normal form.

        Returns:
            The values, null where a cell is empty or refused; and the message of each refused cell by its index.
        """
        texts = values.str.strip_chars(BLANKS)
        texts = texts.set(texts == "", None)
        pattern = self.pattern if isinstance(self.pattern, str) else self.pattern(texts)
        is_odd = (texts.str.contains(pattern) != self.matches_form) | (texts.str.len_chars() > MAX_CELL_CHARACTERS)
        odd = texts.filter(is_odd).unique()
        if odd.is_empty():
            return texts, {}
        forms, messages = self._convert(odd)
        normal = texts.replace(odd, forms)
        refused = (normal.is_null() & texts.is_not_null()).arg_true() if messages else ()
        return normal, {index: messages[texts[index]] for index in refused}

    def _convert(self, texts: pl.Series) -> tuple[pl.Series, dict[str, str]]:
        """Return different cells in normal form, null for refused ones, and the messages of these by cell."""
        nothing = pl.Series([None], dtype=pl.String).new_from_index(0, len(texts))
        forms = nothing
        if self.normalise_many is not None:
            forms = self.normalise_many(texts).zip_with(texts.str.len_chars() <= MAX_CELL_CHARACTERS, nothing)
        left = forms.is_null().arg_true()
        answers = {text: self.cell(text) for text in texts[left]}
        singly = [None if isinstance(answer, CellProblem) else answer for answer in answers.values()]
        forms = forms.scatter(left, pl.Series(singly, dtype=pl.String))
        return forms, {text: answer.message for text, answer in answers.items() if isinstance(answer, CellProblem)}


def normaliser_of(field: str, formats: Formats) -> Normaliser:
    """Return the normaliser of a field.

    Args:
        field: one of `fields.FIELDS`.
        formats: the list's number formats.
    """
    if field in fields.MOBILE_FIELDS:
        country = formats.default_country
        is_modern = formats.is_modern and field == fields.CREDIT_MOBILE
        old = MEXICO_BEFORE if is_modern else None
        return Normaliser(
            pattern=partial(e164_pattern, old_spellings=old),
            matches_form=True,
            normalise=partial(
                normalise_mobile_number, default_country=country, old_spellings=re.compile(old) if old else None
            ),
            normalise_many=partial(normalise_mobile_numbers, default_country=country, old_spellings=old),
        )
    if field == fields.AMOUNT:
        pattern = PLAIN_AMOUNT if formats.decimal_mark == "." else _WHOLE_AMOUNT
        return Normaliser(
            pattern=pattern,
            matches_form=True,
            normalise=partial(normalise_amount, decimal_mark=formats.decimal_mark),
            normalise_many=partial(normalise_amounts, decimal_mark=formats.decimal_mark),
        )
    if field == fields.PRODUCT_ID:
        return Normaliser(pattern=_PLAIN_ID, matches_form=True, normalise=normalise_product_id)
    if field == fields.CURRENCY:
        return Normaliser(pattern=_CAPITALS, matches_form=True, normalise=normalise_currency)
    if field == fields.COUNTRY:
        return Normaliser(pattern="^$", matches_form=True, normalise=normalise_number_country)
    if field.endswith("country_iso_code"):
        return Normaliser(pattern=_CAPITALS, matches_form=True, normalise=normalise_country_code)
    if field.endswith("due_date"):
        return Normaliser(pattern="^$", matches_form=True, normalise=normalise_date)
    return Normaliser(pattern=_ODD_TEXT, matches_form=False, normalise=_text)


def _text(text: str) -> str | CellProblem:
    return find_rounded(text) or normalise_text(text)
