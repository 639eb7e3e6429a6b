"""The command that lists the rows that need review."""

import click
import cloup
from rich.console import Console

from bulk_topup.app.open_ledger import open_existing_ledger
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.options.provider import ProviderArguments, provider_options
from bulk_topup.cli.options.run_name import run_argument
from bulk_topup.cli.screens.tables import simple_table
from bulk_topup.cli.whole_commands import with_whole_commands
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import codec


@cloup.command("list")
@run_argument(required=False)
@cloup.option("--json", "as_json", is_flag=True, help="Print JSON.")
@provider_options
def list_command(run_name: str | None, as_json: bool, provider: ProviderArguments) -> None:
    """List the rows that need review, of a run or of all runs of the ledger.

    \b
    Example:
      bulk-topup conflict list list/rewards
    """
    with exit_on_error(), open_existing_ledger(provider.resolve(), read_only=True) as ledger:
        runs = [ledger.runs.named(run_name)] if run_name is not None else ledger.runs.all()
        found: list[tuple[Run, int, RowState, str]] = []
        for run in runs:
            known = ledger.comparison.find_attempts(ledger.conflicts.external_ids(run)).values()
            found += [(run, each.line, each.state, each.message) for each in known]
            found += [(run, line, state, note) for line, state, note in ledger.conflicts.list_mismatches(run)]
        found = [(run, line, state, with_whole_commands(text)) for run, line, state, text in found]
        found.sort(key=lambda row: (row[0].id, row[1]))
        if as_json:
            click.echo(
                codec.encode(
                    [
                        {"run": run.name, "line": line, "state": state.value, "message": message}
                        for run, line, state, message in found
                    ]
                )
            )
            return
        rows = ((run.name, line, state, message) for run, line, state, message in found)
        Console().print(simple_table(("run", "line", "state", "problem"), rows, unbroken=("run",)))
