"""The products that were chosen for rows of a run when its list was read before."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bulk_topup.domain.run import Run
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import json_array

_PRODUCTS: Final = """
    SELECT identity, product_id, credit_party, amount, unit, cells FROM rows
    WHERE run_id = :run_id AND state <> 'refused' AND product_id IS NOT NULL
      AND identity IN (SELECT value FROM json_each(:identities))
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenProduct:
    """The product of a row, paid or planned, when the list was read before."""

    product_id: int
    credit_party: str | None
    #: The requested amount, in `unit`.
    amount: Decimal | None
    unit: str | None
    #: The row's cells as JSON, as the list had them; None once it is purged.
    cells: str | None


@dataclass(frozen=True, slots=True)
class ProductChoiceQueries:
    """Rows and their products."""

    file: LedgerFile

    def find(self, run: Run, identities: Collection[str]) -> dict[str, ChosenProduct]:
        """Return the products of rows that are not refused, by these identities."""
        rows = self.file.fetch_all(_PRODUCTS, run_id=run.id, identities=json_array(identities))
        return {
            row["identity"]: ChosenProduct(
                product_id=row["product_id"],
                credit_party=row["credit_party"],
                amount=None if row["amount"] is None else Decimal(row["amount"]),
                unit=row["unit"],
                cells=row["cells"],
            )
            for row in rows
        }
