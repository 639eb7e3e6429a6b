"""Writes outcomes beside the rows of the user's own workbook."""

from contextlib import closing
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from bulk_topup.app.open_ledger import open_existing_ledger
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.options.provider import provider_from, provider_options
from bulk_topup.cli.options.run_name import run_argument
from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.dvs import codec
from bulk_topup.workbooks.annotate import Annotated, annotate

#: Lines that a sentence names.
LINES_SHOWN = 20


@click.command("annotate")
@run_argument()
@click.argument("workbook", metavar="WORKBOOK", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The file to write.  [default: WORKBOOK-results.xlsx beside it]",
)
@click.option("--in-place", is_flag=True, help="Change the workbook itself.")
@click.option("--sheet", help="Which sheet is the list.  [default: the one that has the run's columns]")
@click.option("--reveal-pins", is_flag=True, help="Write PIN codes, not only that there are some.")
@click.option("--allow-loss", is_flag=True, help="Write although pictures, charts or the like get lost or change.")
@click.option("--force", is_flag=True, help="Take the place of a file that exists.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@provider_options
def annotate_command(
    run_name: str,
    workbook: Path,
    output: Path | None,
    in_place: bool,
    sheet: str | None,
    reveal_pins: bool,
    allow_loss: bool,
    force: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Write what became of a run's rows beside the rows of your own workbook, whose formats and formulas are kept.

    A row is found by its line and its cells. Lines that changed since the run read them are named and left as they are,
    and the exit code is 1.

    \b
    Example:
      bulk-topup annotate list/payroll sample_files/payroll.xlsx --output payroll-results.xlsx
    """
    if in_place and output is not None:
        raise click.UsageError("--in-place changes the workbook itself; leave --output out, or --in-place.")
    target = output or (workbook if in_place else workbook.with_stem(f"{workbook.stem}-results"))
    if not in_place and target.resolve() == workbook.resolve():
        raise click.UsageError(f"{target} is the workbook itself; state --in-place to change it.")
    with exit_on_error(), open_existing_ledger(provider_from(values), read_only=True) as ledger:
        run = ledger.runs.named(run_name)
        with closing(ledger.outcomes.pages(run, open_pins=reveal_pins)) as pages:
            annotated = annotate(
                run,
                pages,
                workbook,
                target,
                sheet=sheet,
                reveal_pins=reveal_pins,
                allow_loss=allow_loss,
                force=force,
            )
    if as_json:
        click.echo(codec.encode(_described(annotated)))
    else:
        _show(annotated, workbook)
    raise click.exceptions.Exit(0 if annotated.is_complete else 1)


def _show(annotated: Annotated, workbook: Path) -> None:
    console = Console(emoji=False)

    def say(text: str) -> None:
        console.print(escape_markup(text), highlight=False, soft_wrap=True)

    say(f'{annotated.rows} rows of {workbook.name}, sheet "{annotated.sheet}", have their outcome beside them.')
    for lines, what in (
        (annotated.differing, "are not as the run read them, so nothing stands beside them"),
        (annotated.missing, "of the run have no row in the workbook"),
        (annotated.unknown, "of the workbook are not in the run"),
    ):
        if lines:
            say(f"Lines {_listed(lines)} {what}.")
    for loss in annotated.losses:
        say(f"Lost or changed: {loss}.")
    if annotated.has_formulas:
        say("Formulas are kept; a spreadsheet program computes their values when it opens the file.")
    say(f"The workbook: {annotated.file}")


def _listed(lines: tuple[int, ...]) -> str:
    more = f" and {len(lines) - LINES_SHOWN} more" if len(lines) > LINES_SHOWN else ""
    return ", ".join(map(str, lines[:LINES_SHOWN])) + more


def _described(annotated: Annotated) -> dict[str, object]:
    return {
        "file": str(annotated.file),
        "sheet": annotated.sheet,
        "rows": annotated.rows,
        "differing": annotated.differing,
        "missing": annotated.missing,
        "unknown": annotated.unknown,
        "losses": annotated.losses,
        "has_formulas": annotated.has_formulas,
    }
