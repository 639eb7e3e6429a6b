"""The lines of a plan about amounts that DVS was asked for."""

from collections.abc import Iterator

from bulk_topup.cli.screens.plan_numbers import name_lines
from bulk_topup.domain.bill_notes import BillNotes
from bulk_topup.domain.verdict import format_rows


def bill_lines(notes: BillNotes) -> Iterator[str]:
    """Yield the lines of a plan about the amounts of bills."""
    if notes.filled and notes.asked_at is not None:
        due = ""
        if notes.first_due is not None and notes.first_due == notes.last_due:
            due = f", due {notes.first_due}"
        elif notes.first_due is not None:
            due = f", due {notes.first_due} to {notes.last_due}"
        yield f"  Amounts of {format_rows(notes.filled)} from statements of {notes.asked_at:%Y-%m-%d %H:%M} UTC{due}."
    if notes.sent:
        yield f"  Statements of {format_rows(notes.sent)} that the run has sent were not asked for again."
    if notes.nothing_due.rows:
        yield f"  Nothing is due for {format_rows(notes.nothing_due.rows)}: {name_lines(notes.nothing_due)}."
