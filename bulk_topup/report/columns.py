"""The columns of the results, which follow the list's own; pure, decides names and nothing else."""

from collections.abc import Collection
from typing import Final

#: What is told of each row after the list's own cells, in this order.
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
    "price",
    "fee",
    "price_unit",
    "operator_reference",
    "pin_code",
    "pin_serial",
    "created",
    "final",
)

#: Set before each of them, so that they stand apart from the list's columns.
PREFIX: Final = "result_"

#: The fields that are amounts of money or of a product's unit.
AMOUNT_FIELDS: Final = ("amount", "price", "fee")

#: The fields that count something and are no identifiers.
COUNT_FIELDS: Final = ("line", "attempt")

#: The fields whose text comes from the list, the job or the provider, and so can begin like a formula.
FOREIGN_FIELDS: Final = (
    "reason",
    "note",
    "credit_party",
    "unit",
    "external_id",
    "status_class",
    "status",
    "price_unit",
    "operator_reference",
    "pin_code",
    "pin_serial",
)


def unused(name: str, taken: Collection[str]) -> str:
    """Give `name`, or where it is taken the first of `name_2`, `name_3`, ... that is not."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def result_columns(list_columns: Collection[str]) -> tuple[str, ...]:
    """Give the result columns' names in order, none of them equal to a column of the list or to another."""
    taken = set(list_columns)
    names: list[str] = []
    for field in RESULT_FIELDS:
        names.append(unused(PREFIX + field, taken))
        taken.add(names[-1])
    return tuple(names)
