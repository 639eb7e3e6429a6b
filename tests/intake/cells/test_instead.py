"""What to write in place of a refused cell: only where that is certain, and only what is read then."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain import fields
from bulk_topup.intake.cells.formats import Formats
from bulk_topup.intake.cells.instead import instead_of
from bulk_topup.intake.cells.normalise import normaliser_of
from bulk_topup.intake.cells.texts import CellProblem

MOBILE, DATE, SENDER = fields.CREDIT_MOBILE, fields.BILL_DUE_DATE, "sender.last_name"
POINT, COMMA = Formats(), Formats(decimal_mark=",")


@pytest.mark.parametrize(
    ("field", "cell", "formats", "instead"),
    [
        (MOBILE, "+65 9123\u200b4567", POINT, "+6591234567"),
        (MOBILE, "+٦٥٩١٢٣٤٥٦٧", POINT, "+6591234567"),
        (MOBILE, "+6591234567.0", POINT, "+6591234567"),
        (MOBILE, "91234567.0", Formats(default_country="SG"), "+6591234567"),
        (MOBILE, "91234567", POINT, None),  # of which country?
        (MOBILE, "+65 9123", POINT, None),
        (MOBILE, "9.12E+10", POINT, None),
        (fields.AMOUNT, "12,5", POINT, "12.5"),
        (fields.AMOUNT, "12.5", COMMA, "12,5"),
        (fields.AMOUNT, "1,234", POINT, None),  # a thousand, or one and a bit
        (fields.AMOUNT, "1.234", COMMA, None),
        (fields.AMOUNT, "1'234.50", POINT, "1234.5"),
        (fields.AMOUNT, "1 234,50", POINT, "1234.5"),
        (fields.AMOUNT, "1,234.50", POINT, None),
        (fields.AMOUNT, "+5", POINT, "5"),
        (fields.AMOUNT, "-5", POINT, None),
        (fields.AMOUNT, "SGD 5", POINT, None),
        (fields.PRODUCT_ID, "6418.0", POINT, "6418"),
        (fields.PRODUCT_ID, "6418.5", POINT, None),
        (fields.CURRENCY, "s\u200bgd", POINT, "SGD"),
        (fields.CURRENCY, "S$", POINT, None),
        (DATE, "2026/1/5", POINT, "2026-01-05"),
        (DATE, "20260105", POINT, "2026-01-05"),
        (DATE, "2026-01-05 00:00:00", POINT, "2026-01-05"),
        (DATE, "2026-01-05 13:00", POINT, None),
        (DATE, "05/01/2026", POINT, None),  # of January or of May
        (DATE, "2026-02-30", POINT, None),
        (SENDER, "A\u200bda", POINT, "Ada"),
        (SENDER, "Ada (example)", POINT, None),
    ],
)
def test_only_what_is_certain_is_proposed(field: str, cell: str, formats: Formats, instead: str | None) -> None:
    assert instead_of(field, cell, formats) == instead


@given(
    st.sampled_from(fields.FIELDS),
    st.text("0123456789.,+-' /٣\u200bSGDe", max_size=14),
    st.sampled_from([POINT, COMMA, Formats(default_country="SG")]),
)
def test_a_proposal_is_read_without_a_problem(field: str, cell: str, formats: Formats) -> None:
    instead = instead_of(field, cell, formats)
    if instead is not None:
        assert not isinstance(normaliser_of(field, formats).cell(instead), CellProblem)
