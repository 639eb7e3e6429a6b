"""The command that writes a run's report again."""

import click
import cloup
from rich.console import Console

from bulk_topup.app.open_ledger import open_existing_ledger
from bulk_topup.app.report import make_report_folder, report_run
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.options.provider import ProviderArguments, provider_options
from bulk_topup.cli.options.report import ReportArguments, report_options
from bulk_topup.cli.options.run_name import run_argument
from bulk_topup.cli.screens.status import decision_lines
from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.cli.screens.summary import charged_lines, summary_table
from bulk_topup.dvs import codec


@cloup.command("report")
@run_argument()
@provider_options
@report_options
@cloup.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def report_command(run_name: str, provider: ProviderArguments, report: ReportArguments, as_json: bool) -> None:
    """Write a run's report again from the ledger, in any format.

    \b
    Example:
      bulk-topup report list/rewards --format xlsx --report-dir /tmp/rewards
    """
    with exit_on_error(), open_existing_ledger(provider.resolve(), read_only=True) as ledger:
        run = ledger.runs.named(run_name)
        options = report.resolve_for(run)
        make_report_folder(options.folder)
        written = report_run(run, ledger=ledger, options=options)
        if as_json:
            click.echo(codec.encode({**written.summary.as_json(), "files": [str(file) for file in written.files]}))
            return
        console = Console(emoji=False)
        console.print(summary_table(written.summary))
        for line in charged_lines(written.summary):
            console.print(line, highlight=False)
        for line in decision_lines(run):
            console.print(line, highlight=False, soft_wrap=True)
        for file in written.files:
            console.print(f"  {escape_markup(file)}", highlight=False, soft_wrap=True)
