"""Wallet balances as they were seen before, for comparison with a later one."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bulk_topup.domain.money import format_plain
from bulk_topup.domain.totals import Observation
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import utc_text

_SAVE: Final = """
    INSERT INTO observations (account, at, unit, available, holding, newest)
    VALUES (:account, :at, :unit, :available, :holding, :newest)
"""
_LATEST: Final = """
    SELECT * FROM observations
    WHERE id IN (SELECT max(id) FROM observations WHERE account = :account GROUP BY unit) ORDER BY unit
"""


@dataclass(frozen=True, slots=True)
class ObservationQueries:
    """Balances of the wallets of an account."""

    file: LedgerFile

    def save(self, account: str, observations: Collection[Observation]) -> None:
        """Save the balances of an account's wallets."""
        values = [
            {
                "account": account,
                "at": utc_text(observation.at),
                "unit": observation.unit,
                "available": format_plain(observation.available),
                "holding": format_plain(observation.holding),
                "newest": utc_text(observation.newest),
            }
            for observation in observations
        ]
        with self.file.transaction() as connection:
            connection.executemany(_SAVE, values)

    def latest(self, account: str) -> dict[str, Observation]:
        """Return the latest balance of each wallet of an account, by unit."""
        return {
            row["unit"]: Observation(
                at=datetime.fromisoformat(row["at"]),
                unit=row["unit"],
                available=Decimal(row["available"]),
                holding=Decimal(row["holding"]),
                newest=datetime.fromisoformat(row["newest"]),
            )
            for row in self.file.fetch_all(_LATEST, account=account)
        }
