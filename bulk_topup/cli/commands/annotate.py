"""The command that adds outcomes to the rows of the user's own workbook."""

from contextlib import closing
from pathlib import Path
from typing import Final

import click
import cloup
from rich.console import Console

from bulk_topup.app.open_ledger import open_existing_ledger
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.options.provider import ProviderArguments, provider_options
from bulk_topup.cli.options.run_name import run_argument
from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.verdict import format_rows
from bulk_topup.dvs import codec
from bulk_topup.workbooks.annotate import AnnotateResult, annotate

#: Most lines that a message lists.
MAX_LINES_SHOWN: Final = 20


@cloup.command("annotate")
@run_argument()
@cloup.argument("workbook", metavar="WORKBOOK", type=click.Path(dir_okay=False, path_type=Path))
@cloup.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The file to write.  [default: WORKBOOK-results.xlsx beside it]",
)
@cloup.option("--in-place", is_flag=True, help="Change the workbook itself.")
@cloup.option("--sheet", help="Sheet of the list.  [default: the one with the run's columns]")
@cloup.option("--reveal-pins", is_flag=True, help="Write PIN codes and eSIMs, not only that there are any.")
@cloup.option("--allow-loss", is_flag=True, help="Write even if pictures, charts or the like are lost or changed.")
@cloup.option("--force", is_flag=True, help="Replace an existing file.")
@cloup.option("--json", "as_json", is_flag=True, help="Print JSON.")
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
    provider: ProviderArguments,
) -> None:
    """Add outcomes to the rows of your own workbook; its formats and formulas are kept.

    A row is matched by its position and its cells. Rows that changed since the run get no outcome, and the exit code
    is 1.

    \b
    Example:
      bulk-topup annotate list/payroll sample_files/payroll.xlsx --output payroll-results.xlsx
    """
    if in_place and output is not None:
        raise click.UsageError("--in-place and --output can't be combined. Choose one.")
    target = output or (workbook if in_place else workbook.with_stem(f"{workbook.stem}-results"))
    if not in_place and target.resolve() == workbook.resolve():
        raise click.UsageError(f"{target} is the workbook itself. Add --in-place to change it.")
    with exit_on_error(), open_existing_ledger(provider.resolve(), read_only=True) as ledger:
        run = ledger.runs.named(run_name)
        with closing(ledger.outcomes.pages(run, open_pins=reveal_pins)) as pages:
            annotated = annotate(
                run,
                pages,
                workbook,
                target,
                kept=ledger.corrections.of_run(run),
                sheet=sheet,
                reveal_pins=reveal_pins,
                allow_loss=allow_loss,
                force=force,
            )
    if as_json:
        click.echo(codec.encode(_as_json(annotated)))
    else:
        _show(annotated, workbook)
    raise click.exceptions.Exit(ExitCode.ALL_COMPLETED if annotated.is_complete else ExitCode.INCOMPLETE)


def _show(annotated: AnnotateResult, workbook: Path) -> None:
    console = Console(emoji=False)

    def echo(text: str) -> None:
        console.print(escape_markup(text), highlight=False, soft_wrap=True)

    echo(f'{format_rows(annotated.rows)} of {workbook.name}, sheet "{annotated.sheet}", annotated.')
    for lines, what in (
        (annotated.differing, "changed since the run; no outcome written"),
        (annotated.missing, "of the run not in the workbook"),
        (annotated.unknown, "of the workbook not in the run"),
    ):
        if lines:
            echo(f"{format_rows(len(lines))} {what}: {_format_positions(lines)}.")
    for loss in annotated.losses:
        echo(f"Lost or changed: {loss}.")
    if annotated.has_formulas:
        echo("Formulas are kept; a spreadsheet program computes their values when it opens the file.")
    echo(f"Workbook written to {annotated.file}")


def _format_positions(rows: tuple[int, ...]) -> str:
    more = f" and {len(rows) - MAX_LINES_SHOWN:,} more" if len(rows) > MAX_LINES_SHOWN else ""
    noun = "row" if len(rows) == 1 else "rows"
    return f"{noun} {', '.join(map(str, rows[:MAX_LINES_SHOWN]))}{more}"


def _as_json(annotated: AnnotateResult) -> dict[str, object]:
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
