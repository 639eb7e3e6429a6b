"""How things look on a terminal, and plainly where there is none: frames, tones, bars of states; decides nothing."""

from collections.abc import Iterable, Mapping
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.text import Text

from bulk_topup.domain.states import RowState
from bulk_topup.domain.verdict import RunVerdict, Severity
from bulk_topup.security.terminal_text import printable

TONE_STYLES: Final = {Severity.GOOD: "green", Severity.OPEN: "yellow", Severity.BAD: "red"}
STATE_STYLES: Final = {
    RowState.COMPLETED: "green",
    RowState.FAILED: "red",
    RowState.REFUSED: "red",
    RowState.CONFLICT: "bold red",
    RowState.REVERSED: "magenta",
    RowState.ACCEPTED: "yellow",
    RowState.IN_FLIGHT: "yellow",
    RowState.PENDING: "yellow",
}
#: Columns that a frame is never wider than: longer lines are hard to read.
WIDEST_FRAME: Final = 110

#: What a bar draws rows with, where a terminal knows more than ASCII and where not: told apart without colours, too.
_PARTS: Final = (
    ((RowState.COMPLETED,), "green", "█", "#"),
    ((RowState.FAILED, RowState.REFUSED, RowState.REVERSED, RowState.CONFLICT), "red", "▓", "x"),
    ((RowState.ACCEPTED, RowState.IN_FLIGHT), "yellow", "▒", "+"),
    ((RowState.PENDING,), "dim", "░", "."),
)


def escape_markup(text: object) -> str:
    """Give a text that somebody else wrote as a terminal may show it: it neither styles nor commands anything."""
    return escape(printable(str(text), keep="\n"))


def is_screen(console: Console) -> bool:
    """Tell whether frames and bars serve whoever looks at it: it is no file, no pipe, and no dumb terminal."""
    return console.is_terminal and not console.is_dumb_terminal


def is_live(console: Console) -> bool:
    """Tell whether what it shows can be drawn anew in its place; a pipe into which colours are forced is not so."""
    return is_screen(console) and console.file.isatty()


def next_steps(verdict: RunVerdict) -> RenderableType:
    """Give what to do next; print it with `crop=False`.

    Commands stand on lines of their own and are not broken, so that they can be copied.
    """
    lines: list[Text] = []
    for step in verdict.steps:
        lines.append(Text(printable(step.text)))
        if step.command:
            lines.append(Text(f"  {printable(step.command)}", style="bold", no_wrap=True, overflow="ignore"))
    return Group(*lines)


def framed(title: str, tone: Severity, lines: Iterable[str], console: Console) -> RenderableType:
    """Give what is most important: lines of markup, on a screen in a frame of the tone's colour.

    Elsewhere they are not broken, so that whoever searches a log finds them; print them with `crop=False`.
    """
    style, (first, *rest) = TONE_STYLES[tone], lines
    texts = [Text.from_markup(line, emoji=False) for line in (f"[bold {style}]{first}[/]", *rest)]
    if not is_screen(console):
        for text in texts:
            text.no_wrap, text.overflow = True, "ignore"
        return Group(*texts)
    width = min(console.width, WIDEST_FRAME)
    return Panel(Group(*texts), title=Text(printable(title)), title_align="left", border_style=style, width=width)


def bar_of(counts: Mapping[RowState, int], width: int, *, is_ascii: bool) -> Text:
    """Draw rows by what became of them; each part that has any rows is at least one cell wide."""
    rows = sum(counts.values())
    bar = Text()
    if not rows:
        return bar
    numbers = [sum(counts[state] for state in states) for states, *_ in _PARTS]
    cells = [max(width * number // rows, 1) if number else 0 for number in numbers]
    cells[cells.index(max(cells))] += width - sum(cells)  # what rounding left, or took
    for (_, style, drawn, plain), wide in zip(_PARTS, cells, strict=True):
        bar.append((plain if is_ascii else drawn) * wide, style=style)
    return bar


def states_text(counts: Mapping[RowState, int], *, names: Mapping[RowState, str]) -> str:
    """Give the numbers of rows by state in markup, those of states that have any."""
    return "  ".join(
        f"[{STATE_STYLES[state]}]{counts[state]:,} {name}[/]" for state, name in names.items() if counts[state]
    )
