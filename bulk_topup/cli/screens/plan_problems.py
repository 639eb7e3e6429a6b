"""The problems of a plan's refused rows on a terminal: one block for all rows with the same problem."""

from __future__ import annotations  # what is shown is heavy to import, and only named here

from typing import TYPE_CHECKING, Final

from rich.padding import Padding

from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.domain.problem_groups import Place, ProblemGroup
from bulk_topup.domain.verdict import format_rows

if TYPE_CHECKING:
    from rich.console import Console

    from bulk_topup.plan import Plan

#: Most kinds of problems that a terminal shows; the plan's file has all.
MAX_GROUPS_SHOWN: Final = 20


def show_problems(console: Console, plan: Plan, word: str) -> None:
    """Print the problems of refused rows, those of most rows first.

    Args:
        console: where they are printed.
        plan: the plan.
        word: the word for a row's position, `line` or `row`.
    """
    groups = plan.problem_groups()
    console.print("[bold red]Refused rows[/]" if plan.to_fix else "[bold]Rows that need nothing[/]")
    for group in groups[:MAX_GROUPS_SHOWN]:
        column = f'column "{group.column}": ' if group.column else ""
        rows = f"every row ({format_rows(group.rows)})" if group.is_whole_list else format_rows(group.rows)
        message = f"such as {word} {group.lines[0]}: {group.example}" if group.has_own_figures else group.message
        console.print(_indented(f"[bold]{rows}[/], {escape_markup(column + message)}", 2))
        if not group.is_whole_list:
            console.print(_indented(escape_markup(_places(group, word)), 4))
    if (more := len(groups) - MAX_GROUPS_SHOWN) > 0:
        console.print(f"  … and {more:,} more problems.")
    if unlisted := plan.refused - len(plan.refused_rows):
        console.print(f"  … and {format_rows(unlisted)} more, refused too.")


def _places(group: ProblemGroup, word: str) -> str:
    more = group.rows - len(group.places)
    named = ", ".join(_place(place, is_alone=group.rows == 1) for place in group.places)
    words = word if group.rows == 1 else f"{word}s"
    return f"{words} {named}{f' and {more:,} more' if more else ''}"


def _place(place: Place, *, is_alone: bool) -> str:
    """Return a row's position, with its cell unless the message has it, and what to write instead."""
    cell = "" if is_alone or not place.cell else f" {place.cell}"
    return f"{place.line}{cell}" + ("" if place.instead is None else f" (write {place.instead})")


def _indented(markup: str, spaces: int) -> Padding:
    return Padding(markup, (0, 0, 0, spaces), expand=False)
