"""Cells of a whole column brought into the form that their field has; pure.

What is in that form already, which is nearly everything, is recognised by polars in one pass. Of what is not, each
different text is brought into it once, by polars where no judgement is asked for, and else cell by cell.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import polars as pl

from bulk_topup.domain import fields
from bulk_topup.intake.cells.amounts import PLAIN_AMOUNT, normalise_amount, normalise_amounts
from bulk_topup.intake.cells.formats import Formats
from bulk_topup.intake.cells.mobile_number_columns import normalise_mobile_numbers
from bulk_topup.intake.cells.mobile_numbers import normalise_mobile_number, possible_lengths_pattern
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

#: Characters of a cell that is used; what is longer is no name, no address and no reference.
MAX_CELL_CHARACTERS: Final = 1_000

_CAPITALS: Final = r"^[A-Z]{3}$"
_PLAIN_ID: Final = r"^[1-9][0-9]{0,8}$"
#: A whole amount, which has no mark that could be the wrong one.
_WHOLE_AMOUNT: Final = r"^[1-9][0-9]{0,17}$"
_ODD_TEXT: Final = f"[{HIDDEN_CLASS}]|{SUSPICIOUS}|{re.escape(fields.EXAMPLE)}$"


@dataclass(frozen=True, kw_only=True, slots=True)
class Normaliser:
    """How the cells of one field are brought into its form."""

    #: A pattern of Rust's regular expressions.
    pattern: str
    #: Whether a cell that matches it is in its form (True), or one that does not match it is (False).
    is_form: bool
    #: Brings any other cell into the form, or says why it cannot.
    normalise: Callable[[str], str | CellProblem]
    #: Brings other cells into the form all at once, null for those that it leaves to the function above.
    normalise_many: Callable[[pl.Series], pl.Series] | None = None

    def cell(self, text: str) -> str | CellProblem:
        """Bring one cell, stripped and not blank, into the form."""
        if len(text) > MAX_CELL_CHARACTERS:
            return CellProblem(
                message=f"{quoted(text)} has {len(text):,} characters, more than {MAX_CELL_CHARACTERS:,}; shorten it."
            )
        return find_uncomputed(text) or find_example(text) or self.normalise(text)

    def column(self, values: pl.Series) -> tuple[pl.Series, dict[int, str]]:
        """Bring a column into the form.

        Returns:
            The values, null where a cell is blank or refused; and the reason of each refusal by its place.
        """
        texts = values.str.strip_chars(BLANKS)
        texts = texts.set(texts == "", None)
        is_odd = (texts.str.contains(self.pattern) != self.is_form) | (texts.str.len_chars() > MAX_CELL_CHARACTERS)
        odd = texts.filter(is_odd).unique()
        if odd.is_empty():
            return texts, {}
        forms, refusals = self._forms(odd)
        normal = texts.replace(odd, forms)
        refused = (normal.is_null() & texts.is_not_null()).arg_true() if refusals else ()
        return normal, {place: refusals[texts[place]] for place in refused}

    def _forms(self, texts: pl.Series) -> tuple[pl.Series, dict[str, str]]:
        """Bring different cells into the form, null for those that are refused; and say why they are, by the cell."""
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
    """Give the normaliser of a field.

    Args:
        field: one of `fields.FIELDS`.
        formats: how the list writes numbers.
    """
    if field in fields.MOBILE_FIELDS:
        return Normaliser(
            pattern=possible_lengths_pattern(),
            is_form=True,
            normalise=partial(normalise_mobile_number, default_country=formats.default_country),
            normalise_many=partial(normalise_mobile_numbers, default_country=formats.default_country),
        )
    if field == fields.AMOUNT:
        pattern = PLAIN_AMOUNT if formats.decimal_mark == "." else _WHOLE_AMOUNT
        return Normaliser(
            pattern=pattern,
            is_form=True,
            normalise=partial(normalise_amount, decimal_mark=formats.decimal_mark),
            normalise_many=partial(normalise_amounts, decimal_mark=formats.decimal_mark),
        )
    if field == fields.PRODUCT_ID:
        return Normaliser(pattern=_PLAIN_ID, is_form=True, normalise=normalise_product_id)
    if field == fields.CURRENCY:
        return Normaliser(pattern=_CAPITALS, is_form=True, normalise=normalise_currency)
    if field.endswith("country_iso_code"):
        return Normaliser(pattern=_CAPITALS, is_form=True, normalise=normalise_country_code)
    if field.endswith("due_date"):
        return Normaliser(pattern="^$", is_form=True, normalise=normalise_date)
    return Normaliser(pattern=_ODD_TEXT, is_form=False, normalise=_text)


def _text(text: str) -> str | CellProblem:
    return find_rounded(text) or normalise_text(text)
