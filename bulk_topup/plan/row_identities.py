"""Identities of a batch's rows as expressions, equal to those that `identity` creates row by row; pure."""

from collections.abc import Collection

import polars as pl

from bulk_topup.domain import fields
from bulk_topup.domain.identity import PARTY_PREFIX, REFERENCE_PREFIX
from bulk_topup.plan.json_expressions import joined


def reference_identity(present: Collection[str]) -> pl.Expr:
    """Return the identity by the list's own reference; null without one."""
    if fields.REFERENCE not in present:
        return pl.lit(None, dtype=pl.String)
    return joined(REFERENCE_PREFIX, pl.col(fields.REFERENCE))


def party_identity(present: Collection[str], product_id: str) -> pl.Expr:
    """Return the identity by credit party and product; null where the row lacks one of them.

    Args:
        present: fields for which the frame has a column.
        product_id: the column with the product ID.
    """
    mobile, account, qualifier = (
        pl.col(name).fill_null("") if name in present else pl.lit("")
        for name in (fields.CREDIT_MOBILE, fields.CREDIT_ACCOUNT, fields.CREDIT_QUALIFIER)
    )
    product = pl.col(product_id).cast(pl.String)
    parts = [part for text in (product, mobile, account, qualifier) for part in (_length(text), ":", text)]
    return pl.when((mobile != "") | (account != "")).then(joined(PARTY_PREFIX, *parts))


def credit_party(present: Collection[str]) -> pl.Expr:
    """Return the mobile number, or else the account number; null without either."""
    filled = (
        pl.when(pl.col(name) != "").then(pl.col(name)) if name in present else pl.lit(None, dtype=pl.String)
        for name in (fields.CREDIT_MOBILE, fields.CREDIT_ACCOUNT)
    )
    return pl.coalesce(*filled)


def _length(text: pl.Expr) -> pl.Expr:
    return text.str.len_chars().cast(pl.String)
