"""How the products of a plan's rows were chosen, as lines of the plan."""

from collections.abc import Iterator
from typing import Final

from bulk_topup.cli.screens.plan_numbers import name_lines
from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.domain.choice_notes import ChoiceNotes
from bulk_topup.domain.verdict import format_rows

#: Names of operators that a plan shows.
_NAMED: Final = 5


def choice_lines(notes: ChoiceNotes) -> Iterator[str]:
    """Yield the lines of a plan about its chosen products."""
    parts = [f"{notes.kept:,} as before" if notes.kept else "", f"{notes.named:,} by operator" if notes.named else ""]
    details = ", ".join(part for part in parts if part)
    yield f"  Products chosen for {format_rows(notes.chosen)}{f': {details}' if details else ''}."
    for preference, rows in notes.preferred.items():
        text = f"{format_rows(rows.rows)} with several products, chosen by prefer = {preference}: {name_lines(rows)}."
        yield f"  {escape_markup(text)} For example {escape_markup(rows.example)}."
    if (lowered := notes.lowered).rows:
        verb = "gets" if lowered.rows == 1 else "get"
        text = f"{format_rows(lowered.rows)} {verb} less than the list has: {name_lines(lowered)}."
        yield f"  [yellow]{text} For example {escape_markup(lowered.example)}.[/]"
    if names := notes.unmatched:
        named = ", ".join(f'"{name}"' for name in names[:_NAMED])
        more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
        text = f"[auto_product].products names operators of no number that was looked up: {named}{more}."
        yield f"  [yellow]{escape_markup(text)}[/] Check their spelling if the list has such numbers."
