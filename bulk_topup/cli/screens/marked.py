"""The lines about a marked workbook: what was written and how it is planned again, or the command that writes it."""

from __future__ import annotations  # what is shown is heavy to import, and only named here

from pathlib import Path
from typing import TYPE_CHECKING

from bulk_topup.cli.command_line import command_for, repeated_command
from bulk_topup.cli.screens.style import escape_markup

if TYPE_CHECKING:
    from rich.console import Console

    from bulk_topup.app.mark_list import Marking
    from bulk_topup.jobs.job import Job
    from bulk_topup.plan import Plan


def show_marked(console: Console, job: Job, given: str, plan: Plan, marking: Marking | None) -> None:
    """Write a marked workbook if one is wanted, and print where it is; otherwise print how to get one.

    Args:
        console: where it is printed.
        job: the job.
        given: the list or job file of the command line.
        plan: its plan.
        marking: what is wanted; None for nothing.

    Raises:
        ListError, MarkError: it cannot be written.
    """

    def echo(text: str) -> None:
        console.print(escape_markup(text), highlight=False, soft_wrap=True)

    if marking is None:
        command = repeated_command("--marked", f"{Path(job.list).stem}-marked{_suffix(job)}")
        if plan.to_fix and command and job.address is None:
            echo(f"To see the problems in the cells of the list:\n  {command}")
        return
    result = marking.write(plan)
    if result is None:
        echo(f"No row needs a fix, so {marking.target} was not written.")
        return
    cells = "1 cell" if result.cells == 1 else f"{result.cells:,} cells"
    echo(f"Marked workbook written to {result.file}: {cells}.")
    if result.why_new:
        echo(f"It is a new workbook with the cells of the list as texts, as {result.why_new}.")
    if result.has_formulas:
        echo("It has formulas: save it in a spreadsheet program, which computes their values, before it is planned.")
    if str(Path(given)) == job.list and (command := command_for(given, result.file, str(job.run_key))):
        echo(f"Correct it, and plan it again as the same run:\n  {command}")
    else:
        echo(f"Correct it, and put it in the place of {job.list}.")


def _suffix(job: Job) -> str:
    return ".xlsm" if Path(job.list).suffix.lower() == ".xlsm" else ".xlsx"
