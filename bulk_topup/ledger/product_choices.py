"""The ledger's side of choosing products: what was chosen for a run's rows before."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bulk_topup.domain.run import Run
from bulk_topup.ledger.ledger_file import LedgerFile

_PRODUCTS: Final = """
    SELECT identity, product_id, credit_party, amount, unit FROM rows
    WHERE run_id = :run_id AND state <> 'refused' AND product_id IS NOT NULL
      AND identity IN (SELECT value FROM json_each(:identities))
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenProduct:
    """What a row paid, or was to pay, when the list was read before."""

    product_id: int
    credit_party: str | None
    #: What it asked for, in `unit`.
    amount: Decimal | None
    unit: str | None


class Products(LedgerFile):
    """Rows with their products."""

    def products_of(self, run: Run, identities: Collection[str]) -> dict[str, ChosenProduct]:
        """Give the products of the run's rows that have these identities and are not refused, by those."""
        rows = self._all(_PRODUCTS, run_id=run.id, identities=json.dumps(list(identities)))
        return {
            row["identity"]: ChosenProduct(
                product_id=row["product_id"],
                credit_party=row["credit_party"],
                amount=None if row["amount"] is None else Decimal(row["amount"]),
                unit=row["unit"],
            )
            for row in rows
        }
