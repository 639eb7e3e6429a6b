"""Reading lists: CSV and XLSX files, their columns mapped to DVS fields, their cells normalised, in polars frames.

Knows nothing of HTTP, products or the ledger. What a caller needs is named here.
"""

from typing import TYPE_CHECKING

from bulk_topup.system.lazy_imports import lazily

if TYPE_CHECKING:
    from bulk_topup.intake.amounts import normalise_amount
    from bulk_topup.intake.mobile_numbers import normalise_mobile_number
    from bulk_topup.intake.pieces import BATCH_ROWS
    from bulk_topup.intake.reader import CONSTANT, ListReader, read_list
    from bulk_topup.intake.source import Formats, ListSource
    from bulk_topup.intake.tables import Table, open_table
    from bulk_topup.intake.texts import Refusal
else:
    __getattr__ = lazily(
        __name__,
        amounts=("normalise_amount",),
        mobile_numbers=("normalise_mobile_number",),
        pieces=("BATCH_ROWS",),
        reader=("CONSTANT", "ListReader", "read_list"),
        source=("Formats", "ListSource"),
        tables=("Table", "open_table"),
        texts=("Refusal",),
    )

__all__ = [
    "BATCH_ROWS",
    "CONSTANT",
    "Formats",
    "ListReader",
    "ListSource",
    "Refusal",
    "Table",
    "normalise_amount",
    "normalise_mobile_number",
    "open_table",
    "read_list",
]
