"""The command that closes a run."""

import click
import cloup
from rich.console import Console

from bulk_topup.app.close import close_run
from bulk_topup.app.open_ledger import open_existing_ledger
from bulk_topup.approvals.approval import user_name
from bulk_topup.cli.clock import command_clock
from bulk_topup.cli.confirmation import confirm
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.options.provider import ProviderArguments, provider_options
from bulk_topup.cli.options.reason import parse_reason
from bulk_topup.cli.options.run_name import run_argument
from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.cli.terminal import is_terminal
from bulk_topup.cli.whole_commands import whole_command
from bulk_topup.domain.verdict import format_rows, run_arguments
from bulk_topup.dvs import codec


@cloup.command("close")
@run_argument()
@cloup.option(
    "--reason",
    metavar="TEXT",
    required=True,
    callback=parse_reason,
    help="Why, and who said so; saved with the run and its rows for good.",
)
@cloup.option("--yes", is_flag=True, help="Skip the confirmation prompt of a terminal.")
@cloup.option("--json", "as_json", is_flag=True, help="Print JSON.")
@provider_options
def close_command(run_name: str, reason: str, yes: bool, as_json: bool, provider: ProviderArguments) -> None:
    """Close a run for good: its pending rows are never sent, and none of its rows is sent again.

    Rows in flight or accepted are still followed by `resume`, until their outcome is known. A closed run can't be
    started or retried. To pay its rows, put them into a list of their own, and run that list with another --run-key.

    \b
    Example:
      bulk-topup close list/rewards --reason "List withdrawn, ticket 4711"
    """
    with exit_on_error(), open_existing_ledger(provider.resolve(), clock=command_clock()) as ledger:
        run = ledger.runs.named(run_name)
        if not yes and is_terminal():
            confirm(f"Close {run.name} for good?", needs="Closing")
        closed = close_run(run, ledger=ledger, by=user_name(), reason=reason)
        if as_json:
            closing = None if closed.run.closing is None else closed.run.closing.as_json()
            result = {"run": closed.run.name, "closed": closing, "refused": closed.refused, "open": closed.open}
            click.echo(codec.encode(result))
            return
        console = Console(emoji=False)
        text = f"Run {closed.run.name} is closed. {format_rows(closed.refused)} not sent."
        console.print(escape_markup(text), highlight=False)
        if closed.open:
            follow = whole_command(f"bulk-topup resume {run_arguments(closed.run)}")
            text = f"{format_rows(closed.open)} without outcome; do not pay by other means. Follow: `{follow}`"
            console.print(escape_markup(text), highlight=False, soft_wrap=True)
