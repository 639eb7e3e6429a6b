"""How a plan's credited numbers were read, and what is odd about them, as lines of the plan."""

from collections.abc import Iterator
from typing import Final

from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.domain.number_notes import ConcernNote, NotedRows, NumberConcern, NumberNotes
from bulk_topup.domain.verdict import format_rows

#: Most lines of the list that a line of the plan names.
SHOWN_LINES: Final = 5

#: Each concern of one row, and of several.
_WORDS: Final = {
    NumberConcern.NOT_IN_PLAN: "in no numbering plan",
    NumberConcern.OTHER_COUNTRY: "of another country than the product",
    NumberConcern.SHARED_CODE: "of another country with the same calling code as the product",
    NumberConcern.FIXED_LINE: "of fixed lines, while the product is for mobiles",
}


def number_lines(notes: NumberNotes) -> Iterator[str]:
    """Yield the lines of a plan about its credited numbers."""
    if notes.national:
        readings = ", ".join(f'"{each.cell}" → {each.number}' for each in notes.national)
        yield f"  National numbers were read like this: {escape_markup(readings)}."
    if notes.modern.rows:
        form = "its modern form" if notes.modern.rows == 1 else "their modern form"
        yield f"  {_format_numbers(notes.modern)} written in {form}: {name_lines(notes.modern)}."
    for note in notes.concerns:
        yield f"  [yellow]{_concern(note)}[/]"


def _concern(note: ConcernNote) -> str:
    refusal = " Production would refuse this." if note.production_refuses else ""
    example = escape_markup(note.example)
    return f"{format_rows(note.rows)} with numbers {_WORDS[note.concern]}: {name_lines(note)}.{refusal} {example}"


def _format_numbers(noted: NotedRows) -> str:
    return "1 number" if noted.rows == 1 else f"{noted.rows:,} numbers"


def name_lines(noted: NotedRows) -> str:
    """Return the first lines of a note, such as `lines 4, 9 and 12 more`."""
    shown = [f"{line:,}" for line in noted.lines[:SHOWN_LINES]]
    if (more := noted.rows - len(shown)) > 0:
        return f"lines {', '.join(shown)} and {more:,} more"
    if len(shown) == 1:
        return f"line {shown[0]}"
    return f"lines {', '.join(shown[:-1])} and {shown[-1]}"
