"""Lines of a plan about corrected rows."""

from __future__ import annotations  # what is shown is heavy to import, and only named here

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.domain.earlier_run import MAX_NAMED
from bulk_topup.domain.problems import position_word
from bulk_topup.domain.verdict import format_rows

if TYPE_CHECKING:
    from bulk_topup.app.prepare import Prepared


def correction_lines(list_name: str, prepared: Prepared) -> Iterator[str]:
    """Yield lines about corrected rows of a list, and about values that an earlier run corrected, as Rich markup."""
    word = position_word(list_name).capitalize()
    if rows := prepared.corrected:
        yield f"  {format_rows(len(rows))} corrected in the run; the list has other values."
        yield from _note_lines(word, [(row.line, row.note or "As in the list again.") for row in rows])
    if again := prepared.uncorrected:
        verb = "has a value that was" if len(again) == 1 else "have values that were"
        yield (
            f"  [yellow]{format_rows(len(again))} of the list {verb} corrected in run {escape_markup(again[0].run)}: "
            "correct the list where it comes from, if that still holds.[/]"
        )
        yield from _note_lines(word, [(row.line, row.note) for row in again])


def _note_lines(word: str, notes: list[tuple[int, str]]) -> Iterator[str]:
    for line, note in notes[:MAX_NAMED]:
        yield escape_markup(f"    {word} {line}: {note}")
    if (more := len(notes) - MAX_NAMED) > 0:
        yield f"    {more:,} more; the plan's JSON has all."
