"""Define what a plan notes of amounts that DVS was asked for; pure."""

from dataclasses import dataclass, field
from datetime import date, datetime

from bulk_topup.domain.number_notes import NotedRows


@dataclass(kw_only=True, slots=True)
class BillNotes:
    """Where the amounts of a list's rows come from that DVS was asked for."""

    #: Rows that pay what DVS stated.
    filled: int = 0
    #: Rows that were sent, so that nothing was asked for.
    sent: int = 0
    #: Rows for which nothing is due.
    nothing_due: NotedRows = field(default_factory=NotedRows)
    #: Rows that pay nothing for another reason.
    refused: int = 0
    #: When the oldest of the amounts was asked for, in UTC; None for none.
    asked_at: datetime | None = None
    #: The first and the last day on which one of the bills is due; None for none.
    first_due: date | None = None
    last_due: date | None = None

    @property
    def is_any(self) -> bool:
        """Whether the amount of any row was to be asked for."""
        return bool(self.filled + self.sent + self.nothing_due.rows + self.refused)

    def add(self, asked_at: datetime, due: date | None) -> None:
        """Count a row that pays what DVS stated."""
        self.filled += 1
        self.asked_at = min(filter(None, (self.asked_at, asked_at)))
        if due is not None:
            self.first_due = min(filter(None, (self.first_due, due)))
            self.last_due = max(filter(None, (self.last_due, due)))

    def as_json(self) -> dict[str, object]:
        """Return plain JSON values."""
        return {
            "filled": self.filled,
            "sent": self.sent,
            "nothing_due": self.nothing_due.rows,
            "nothing_due_lines": self.nothing_due.lines,
            "refused": self.refused,
            "asked_at": None if self.asked_at is None else self.asked_at.isoformat(),
            "first_due": None if self.first_due is None else self.first_due.isoformat(),
            "last_due": None if self.last_due is None else self.last_due.isoformat(),
        }
