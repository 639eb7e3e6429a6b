"""Numbers that are paid although no numbering plan has them, kept for later runs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bulk_topup.ledger.ledger_file import LedgerFile

_ALL: Final = "SELECT number FROM accepted_numbers ORDER BY number"
_SAVE: Final = "INSERT OR IGNORE INTO accepted_numbers (number, accepted_at) VALUES (:number, :at)"


@dataclass(frozen=True, slots=True)
class AcceptedNumberQueries:
    """Numbers that a person accepted, in E.164 form."""

    file: LedgerFile

    def all(self) -> frozenset[str]:
        """Return all accepted numbers."""
        return frozenset(row["number"] for row in self.file.fetch_all(_ALL))

    def save(self, numbers: Iterable[str]) -> None:
        """Keep numbers; those that are kept already stay as they are."""
        at = self.file.now()
        with self.file.transaction() as connection:
            connection.executemany(_SAVE, [{"number": number, "at": at} for number in numbers])
