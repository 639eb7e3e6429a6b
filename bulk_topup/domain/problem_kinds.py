"""The kinds of problems that refuse a row: a closed list; pure."""

from enum import StrEnum
from typing import Final

from bulk_topup.domain import fields


class ProblemKind(StrEnum):
    """What is wrong with a refused row."""

    NUMBER = "number"
    NUMBER_PLAN = "number_plan"
    AMOUNT = "amount"
    AMOUNT_NOT_OFFERED = "amount_not_offered"
    CURRENCY = "currency"
    PRODUCT = "product"
    NO_PRODUCT = "no_product"
    MISSING_COLUMN = "missing_column"
    MISSING_VALUE = "missing_value"
    DATE = "date"
    TEXT = "text"
    ROW_SHAPE = "row_shape"
    DUPLICATE = "duplicate"
    PAID_BEFORE = "paid_before"
    VELOCITY = "velocity"
    NOTHING_DUE = "nothing_due"
    OTHER = "other"

    @property
    def words(self) -> str:
        """The kind in words for people."""
        return _WORDS[self]


_WORDS: Final = {
    ProblemKind.NUMBER: "Number not readable",
    ProblemKind.NUMBER_PLAN: "Number not of the product",
    ProblemKind.AMOUNT: "Amount not readable",
    ProblemKind.AMOUNT_NOT_OFFERED: "Amount not offered",
    ProblemKind.CURRENCY: "Wrong currency",
    ProblemKind.PRODUCT: "Product not usable",
    ProblemKind.NO_PRODUCT: "No product",
    ProblemKind.MISSING_COLUMN: "Column missing",
    ProblemKind.MISSING_VALUE: "Value missing",
    ProblemKind.DATE: "Date not readable",
    ProblemKind.TEXT: "Text not allowed",
    ProblemKind.ROW_SHAPE: "Too many cells",
    ProblemKind.DUPLICATE: "Duplicate",
    ProblemKind.PAID_BEFORE: "Paid by another run",
    ProblemKind.VELOCITY: "Paid too often",
    ProblemKind.NOTHING_DUE: "Nothing due",
    ProblemKind.OTHER: "Other",
}

_BY_FIELD: Final = {
    **dict.fromkeys((*fields.MOBILE_FIELDS, fields.COUNTRY), ProblemKind.NUMBER),
    fields.AMOUNT: ProblemKind.AMOUNT,
    fields.CURRENCY: ProblemKind.CURRENCY,
    fields.PRODUCT_ID: ProblemKind.PRODUCT,
    fields.BILL_DUE_DATE: ProblemKind.DATE,
}


def kind_of_field(field: str) -> ProblemKind:
    """Return the kind of a cell of a field that cannot be read."""
    return _BY_FIELD.get(field, ProblemKind.TEXT)
