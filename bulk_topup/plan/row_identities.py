"""Identities of a batch's rows as expressions, equal to those that `identity` creates row by row; pure."""

from collections.abc import Collection, Iterator

import polars as pl

from bulk_topup.domain import fields
from bulk_topup.domain.identity import PARTY_PREFIX, REFERENCE_PREFIX
from bulk_topup.plan.json_expressions import joined
from bulk_topup.plan.party_keys import folded, modern_mobile_number, without_case


def reference_identity(present: Collection[str]) -> pl.Expr:
    """Return the identity by the list's own reference; null without one."""
    if fields.REFERENCE not in present:
        return pl.lit(None, dtype=pl.String)
    return joined(REFERENCE_PREFIX, pl.col(fields.REFERENCE))


def folded_reference_identity(present: Collection[str]) -> pl.Expr:
    """Return the folded identity by the list's own reference; null without one."""
    if fields.REFERENCE not in present:
        return pl.lit(None, dtype=pl.String)
    return joined(REFERENCE_PREFIX, without_case(pl.col(fields.REFERENCE)))


def party_identity(present: Collection[str], product_id: str) -> pl.Expr:
    """Return the identity by credit party and product; null where the row lacks one of them.

    Args:
        present: fields for which the frame has a column.
        product_id: the column with the product ID.
    """
    mobile, account, qualifier, _ = _party(present)
    return pl.when((mobile != "") | (account != "")).then(_identity(product_id, mobile, account, qualifier))


def folded_party_identity(present: Collection[str], product_id: str) -> pl.Expr:
    """Return the folded identity by credit party and product; null where the row lacks one of them.

    Args:
        present: fields for which the frame has a column.
        product_id: the column with the product ID.
    """
    mobile, account, qualifier, bill = _party(present)
    none = pl.lit("")
    by_mobile = _identity(product_id, modern_mobile_number(mobile), none, none)
    identity = pl.when(mobile != "").then(by_mobile)
    if fields.CREDIT_ACCOUNT not in present:
        return identity
    bill = without_case(bill)
    by_account = _identity(product_id, none, folded(account), without_case(qualifier))
    by_bill = pl.when(bill != "").then(joined(_length(bill), ":", bill)).otherwise(none)
    return pl.when(account != "").then(by_account + by_bill).otherwise(identity)


def credit_party(present: Collection[str]) -> pl.Expr:
    """Return the mobile number, or else the account number; null without either."""
    filled = (
        pl.when(pl.col(name) != "").then(pl.col(name)) if name in present else pl.lit(None, dtype=pl.String)
        for name in (fields.CREDIT_MOBILE, fields.CREDIT_ACCOUNT)
    )
    return pl.coalesce(*filled)


def _party(present: Collection[str]) -> Iterator[pl.Expr]:
    """Yield mobile number, account number, qualifier and bill; empty texts where a row has none."""
    for name in (fields.CREDIT_MOBILE, fields.CREDIT_ACCOUNT, fields.CREDIT_QUALIFIER, fields.BILL_REFERENCE):
        yield pl.col(name).fill_null("") if name in present else pl.lit("")


def _identity(product_id: str, *party: pl.Expr) -> pl.Expr:
    product = pl.col(product_id).cast(pl.String)
    return joined(PARTY_PREFIX, *(part for text in (product, *party) for part in (_length(text), ":", text)))


def _length(text: pl.Expr) -> pl.Expr:
    return text.str.len_chars().cast(pl.String)
