"""The looks of a terminal, and plain text elsewhere: frames, colours, bars of states."""

from collections.abc import Iterable, Mapping
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.text import Text

from bulk_topup.cli.whole_commands import whole_command, with_whole_commands
from bulk_topup.domain.states import RowState
from bulk_topup.domain.total import LEFT_OUT, NOTHING_DUE
from bulk_topup.domain.verdict import RunVerdict, Severity
from bulk_topup.security.terminal_text import printable

SEVERITY_STYLES: Final = {Severity.GOOD: "green", Severity.OPEN: "yellow", Severity.BAD: "red"}
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
#: Most columns of a frame: longer lines are hard to read.
MAX_FRAME: Final = 110

#: The parts of a bar: states, colour, character, and character for ASCII; the characters differ without colours, too.
_PARTS: Final = (
    ((RowState.COMPLETED,), "green", "█", "#"),
    ((RowState.FAILED, RowState.REFUSED, RowState.REVERSED, RowState.CONFLICT), "red", "▓", "x"),
    ((RowState.ACCEPTED, RowState.IN_FLIGHT), "yellow", "▒", "+"),
    ((RowState.PENDING,), "dim", "░", "."),
)
#: The part of rows that need nothing.
_IDLE: Final = ("dim", "─", "-")


def escape_markup(text: object) -> str:
    """Return an untrusted text as a terminal may show it: neither markup nor control characters have an effect."""
    return escape(printable_cell(text))


def printable_cell(value: object) -> str:
    """Return an untrusted value as a cell may show it where markup has no effect."""
    return printable(str(value), keep="\n")


def is_screen(console: Console) -> bool:
    """Return True if the console shows frames and bars: a terminal, but no dumb one."""
    return console.is_terminal and not console.is_dumb_terminal


def is_live(console: Console) -> bool:
    """Return True if the console can be redrawn in place; a pipe with forced colours can't."""
    return is_screen(console) and console.file.isatty()


def next_steps(verdict: RunVerdict) -> RenderableType:
    """Return what to do next; print it with `crop=False`.

    Each command has a line of its own that is never broken, so that it can be copied.
    """
    lines: list[Text] = []
    for step in verdict.steps:
        lines.append(Text(printable(with_whole_commands(step.text))))
        if step.command:
            lines.append(
                Text(f"  {printable(whole_command(step.command))}", style="bold", no_wrap=True, overflow="ignore")
            )
    return Group(*lines)


def framed(title: str, severity: Severity, lines: Iterable[str], console: Console) -> RenderableType:
    """Return the most important lines in a frame; print them with `crop=False`.

    Without a screen there is no frame, and lines are not broken, so that a log can be searched.

    Args:
        title: the frame's title.
        severity: the frame's colour.
        lines: markup; the first line is the headline.
        console: where they are shown.
    """
    style, (first, *rest) = SEVERITY_STYLES[severity], lines
    texts = [Text.from_markup(line, emoji=False) for line in (f"[bold {style}]{first}[/]", *rest)]
    if not is_screen(console):
        for text in texts:
            text.no_wrap, text.overflow = True, "ignore"
        return Group(*texts)
    width = min(console.width, MAX_FRAME)
    return Panel(Group(*texts), title=Text(printable(title)), title_align="left", border_style=style, width=width)


def bar_of(counts: Mapping[RowState, int], width: int, *, set_aside: int = 0, is_ascii: bool) -> Text:
    """Return a bar of rows by state; each part with any rows is at least one cell wide.

    Args:
        counts: rows in each state.
        width: of the bar, in cells.
        set_aside: refused rows that need nothing.
        is_ascii: whether the terminal shows ASCII only.
    """
    rows = sum(counts.values())
    bar = Text()
    if not rows:
        return bar
    counts = {**counts, RowState.REFUSED: counts[RowState.REFUSED] - set_aside}
    numbers = [*(sum(counts[state] for state in states) for states, *_ in _PARTS), set_aside]
    cells = [max(width * number // rows, 1) if number else 0 for number in numbers]
    cells[cells.index(max(cells))] += width - sum(cells)  # the rounding difference
    looks = [*((style, character, plain) for _, style, character, plain in _PARTS), _IDLE]
    for (style, character, plain), wide in zip(looks, cells, strict=True):
        bar.append((plain if is_ascii else character) * wide, style=style)
    return bar


def states_text(
    counts: Mapping[RowState, int],
    nothing_due: int,
    duplicates: int,
    *,
    names: Mapping[RowState, str],
    separator: str = "  ",
) -> str:
    """Return the numbers of rows by state in markup, without states that have none; those that need nothing apart."""
    counts = {**counts, RowState.REFUSED: counts[RowState.REFUSED] - nothing_due - duplicates}
    parts = [f"[{STATE_STYLES[state]}]{counts[state]:,} {name}[/]" for state, name in names.items() if counts[state]]
    aside = {NOTHING_DUE: nothing_due, LEFT_OUT: duplicates}
    return separator.join([*parts, *(f"[dim]{number:,} {why}[/]" for why, number in aside.items() if number)])
