"""The progress of many questions to DVS: redrawn in one line of a terminal, and a line every few seconds elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console

from bulk_topup.cli.screens.forecast import format_remaining
from bulk_topup.cli.screens.style import is_live

if TYPE_CHECKING:
    from bulk_topup.app.side_by_side import AskingProgress

#: Seconds after which the first line is shown, and between two of them: on a terminal, and elsewhere.
FIRST_AFTER: Final = 1.0
REDRAWN_EVERY: Final = 0.3
PRINTED_EVERY: Final = 5.0
#: Returns to the start of a terminal's line, and clears it.
_CLEARED: Final = "\r\x1b[K"


def asking_line(progress: "AskingProgress") -> str:
    """Return the progress as a sentence."""
    left = f", {format_remaining(progress.seconds_left)} left" if progress.answered < progress.total else ""
    return f"Asking DVS: {progress.answered:,} of {progress.total:,} {progress.what}{left}."


@contextmanager
def shown_asking(*, is_quiet: bool = False) -> Iterator["Callable[[AskingProgress], None] | None"]:
    """Yield what shows progress on standard error, where answers take longer than a second; None if it is quiet."""
    if is_quiet:
        yield None
        return
    is_terminal = is_live(Console(stderr=True))
    interval = REDRAWN_EVERY if is_terminal else PRINTED_EVERY
    shown_at: dict[str, float] = {}
    is_drawn = False

    def show(progress: "AskingProgress") -> None:
        nonlocal is_drawn
        due = FIRST_AFTER if (last := shown_at.get(progress.what)) is None else last + interval
        is_last = progress.answered == progress.total and last is not None
        if progress.seconds < due and not is_last:
            return
        if is_last:
            shown_at.pop(progress.what)  # the same may be asked for again
        else:
            shown_at[progress.what] = progress.seconds
        is_drawn = is_terminal
        click.echo(f"{_CLEARED * is_terminal}{asking_line(progress)}", nl=not is_terminal, err=True)

    try:
        yield show
    finally:
        if is_drawn:
            click.echo(_CLEARED, nl=False, err=True)
