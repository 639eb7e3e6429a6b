"""The names of the result columns, which follow the list's own; pure."""

from collections.abc import Collection
from typing import Final

from bulk_topup.domain.delivery import DELIVERY_FIELDS
from bulk_topup.domain.purchase_secrets import SECRET_FIELDS

#: The fields of each row after the list's own cells, in this order.
RESULT_FIELDS: Final = (
    "line",
    "state",
    "reason",
    "note",
    "product_id",
    "credit_party",
    "amount",
    "unit",
    "attempt",
    "external_id",
    "transaction_id",
    "status_class",
    "status",
    "planned_cost",
    "planned_unit",
    "price",
    "fee",
    "price_unit",
    *DELIVERY_FIELDS,
    "operator_reference",
    *SECRET_FIELDS,
    "created",
    "final",
    "environment",
    "account",
)

#: The fields that are the same for all rows of a run.
RUN_FIELDS: Final = ("environment", "account")

#: Prefix of each of them, so that they differ from the list's columns.
PREFIX: Final = "result_"

#: The fields with amounts of money or of a product's unit.
AMOUNT_FIELDS: Final = ("amount", "planned_cost", "price", "fee", "delivered", "retail_price")

#: The fields with counts and positions, which are not identifiers.
COUNT_FIELDS: Final = ("line", "attempt")

#: The fields whose text comes from the list, the job or DVS and can start like a formula.
FOREIGN_FIELDS: Final = (
    "reason",
    "note",
    "credit_party",
    "unit",
    "external_id",
    "status_class",
    "status",
    "planned_unit",
    "price_unit",
    "delivered_unit",
    "bonus",
    "retail_unit",
    "operator_reference",
    *SECRET_FIELDS,
    "account",
)


def unused(name: str, taken: Collection[str]) -> str:
    """Return `name`, or the first of `name_2`, `name_3`, ... that is not taken."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def result_columns(list_columns: Collection[str]) -> tuple[str, ...]:
    """Return the names of the result columns in order, each different from the list's columns and from the others."""
    taken = set(list_columns)
    names: list[str] = []
    for field in RESULT_FIELDS:
        names.append(unused(PREFIX + field, taken))
        taken.add(names[-1])
    return tuple(names)
