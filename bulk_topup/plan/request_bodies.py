"""The request body of valid rows as an expression; pure."""

from collections.abc import Collection

import polars as pl

from bulk_topup.domain import fields
from bulk_topup.dvs import codec
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.product import Product, RangedProduct
from bulk_topup.plan.json_expressions import joined, members


def request_body(
    product: Product, mode: CalculationMode, present: Collection[str], amount: pl.Expr, *, auto_confirm: bool
) -> pl.Expr:
    """Return the JSON body of a row's transaction without the external ID (reference: Transactions, create).

    The same row always gives the same bytes: equal bodies mean an unchanged row. Ledgers have bodies of earlier
    versions, so the bytes must never change.

    Args:
        product: the product.
        mode: the side of the amount: source or destination.
        present: fields for which the frame has a column.
        amount: the amount as a JSON number; null where a ranged product's row has none, which makes the body null.
        auto_confirm: whether the transaction is confirmed as it is created.
    """
    head: dict[str, object] = {"product_id": product.id, "auto_confirm": auto_confirm}
    parts: list[str | pl.Expr] = []
    if isinstance(product, RangedProduct):
        source = mode is CalculationMode.SOURCE_AMOUNT
        side = product.source if source else product.destination
        head |= {"calculation_mode": mode}
        unit = codec.encode({"unit_type": side.unit_type, "unit": side.unit}).decode()[:-1]
        parts = [f',"{"source" if source else "destination"}":{unit},"amount":', amount, "}"]
    for group, names in fields.GROUPS.items():
        filled = {name: pl.col(full) for name in names if (full := f"{group}.{name}") in present}
        if filled:
            inner = members(filled)
            parts.append(pl.when(inner != "").then(joined(f',"{group}":{{', inner, "}")).otherwise(pl.lit("")))
    return joined(codec.encode(head).decode()[:-1], *parts, "}")
