"""Lists as polars frames: CSV and XLSX files read, columns mapped to DVS fields, cells normalised.

Knows nothing of HTTP, products or the ledger. Exports what callers need.
"""

from typing import TYPE_CHECKING

from bulk_topup.system.lazy_imports import lazy_exports

if TYPE_CHECKING:
    from bulk_topup.intake.cells.amounts import normalise_amount
    from bulk_topup.intake.cells.formats import Formats
    from bulk_topup.intake.cells.mobile_numbers import normalise_mobile_number
    from bulk_topup.intake.cells.texts import CellProblem
    from bulk_topup.intake.files.batches import BATCH_ROWS
    from bulk_topup.intake.files.open_table import Table, open_table
    from bulk_topup.intake.files.source import ListSource
    from bulk_topup.intake.reader import CONSTANT, ListReader, read_list
else:
    __getattr__ = lazy_exports(
        __name__,
        **{
            "cells.amounts": ("normalise_amount",),
            "cells.formats": ("Formats",),
            "cells.mobile_numbers": ("normalise_mobile_number",),
            "cells.texts": ("CellProblem",),
            "files.batches": ("BATCH_ROWS",),
            "files.open_table": ("Table", "open_table"),
            "files.source": ("ListSource",),
            "reader": ("CONSTANT", "ListReader", "read_list"),
        },
    )

__all__ = [
    "BATCH_ROWS",
    "CONSTANT",
    "CellProblem",
    "Formats",
    "ListReader",
    "ListSource",
    "Table",
    "normalise_amount",
    "normalise_mobile_number",
    "open_table",
    "read_list",
]
