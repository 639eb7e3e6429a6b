"""Stages a batch of checked rows; writes staged rows to the ledger."""

from typing import Final

import polars as pl

from bulk_topup.ledger import LedgerStore

#: Rows of a batch that are Python objects at once.
STAGED_AT_ONCE: Final = 1_000
#: Columns with the same value in most rows of a product, and the problems of a valid row.
_OF_PRODUCT: Final = frozenset({"state", "product_id", "unit", "cost", "cost_unit", "operator_id"})
_NO_PROBLEMS: Final = "[]"


def stage_batch(ledger: LedgerStore, rows: pl.DataFrame) -> None:
    """Stage a batch of checked rows, with the columns of `StagedRow`."""
    shared = shared_values(rows)
    ledger.staging.add(rows.select(pl.exclude(shared)).iter_rows(buffer_size=STAGED_AT_ONCE), shared)


def shared_values(rows: pl.DataFrame) -> dict[str, str | int | None]:
    """Return values that all rows of a batch have, which the ledger stages at once: of the product, and of no person.

    They become a part of a statement, which cannot have a NUL.
    """
    if rows.is_empty():
        return {}
    alike = rows.select(pl.all().eq_missing(pl.all().first()).all()).row(0, named=True)
    first = {name: value for name, value in rows.row(0, named=True).items() if alike[name]}
    return {
        name: value
        for name, value in first.items()
        if value is None or value == _NO_PROBLEMS or (name in _OF_PRODUCT and "\0" not in str(value))
    }
