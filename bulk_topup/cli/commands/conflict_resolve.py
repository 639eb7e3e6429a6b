"""The command that resolves rows in conflict by hand."""

import click
import cloup
from rich.console import Console

from bulk_topup.app.open_ledger import open_existing_ledger
from bulk_topup.app.provider import open_client, payer_of
from bulk_topup.app.resolve_conflicts import resolve_conflicts
from bulk_topup.approvals.approval import user_name
from bulk_topup.cli.clock import command_clock
from bulk_topup.cli.confirmation import confirm
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.event_loop import run_async
from bulk_topup.cli.notices import show_notices
from bulk_topup.cli.options.list import parse_lines
from bulk_topup.cli.options.provider import ProviderArguments, provider_options, same_account_option
from bulk_topup.cli.options.reason import parse_reason
from bulk_topup.cli.options.run_name import run_argument
from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.domain.attempt import Move
from bulk_topup.domain.states import RowState
from bulk_topup.domain.verdict import format_rows
from bulk_topup.dvs import codec
from bulk_topup.reconcile.resolve import RESOLVED_STATES, ManualResolution


@cloup.command("resolve")
@run_argument()
@cloup.option(
    "--rows", "lines", callback=parse_lines, metavar="LINES", required=True, help="Lines of the list, e.g. 5,7-9."
)
@cloup.option(
    "--state",
    type=click.Choice([state.value for state in RESOLVED_STATES]),
    required=True,
    help="The outcome of the rows.",
)
@cloup.option(
    "--reason",
    metavar="TEXT",
    required=True,
    callback=parse_reason,
    help="Who said so, and when; saved with the rows for good.",
)
@cloup.option("--yes", is_flag=True, help="Skip the confirmation prompt.")
@cloup.option("--json", "as_json", is_flag=True, help="Print JSON.")
@provider_options
@same_account_option
def resolve_command(
    run_name: str,
    lines: frozenset[int],
    state: str,
    reason: str,
    yes: bool,
    as_json: bool,
    provider: ProviderArguments,
    is_same_account: bool,
) -> None:
    """Resolve rows in conflict: set their outcome. DVS is checked first; if it has the row, its status counts.

    A row resolved as failed is sent again only by `retry --rows`. For a completed or open row that the list
    contradicts, set the state it has already: that acknowledges the difference.

    \b
    Example:
      bulk-topup conflict resolve list/rewards --rows 5 --state failed --reason "DT One, ticket 4711: never created"
    """
    with exit_on_error():
        options = provider.resolve()
        with open_existing_ledger(options, clock=command_clock()) as ledger:
            run = ledger.runs.named(run_name)
            if not yes:
                confirm(f"Set {format_rows(len(lines))} of {run.name} to {state}?", needs="Resolving")
            resolution = ManualResolution(state=RowState(state), who=user_name(), reason=reason)

            async def resolve() -> tuple[list[Move], list[int]]:
                async with open_client(options, clock=command_clock()) as dvs:
                    show_notices(dvs)
                    payer = payer_of(options, dvs, same_account=is_same_account)
                    return await resolve_conflicts(run, lines, resolution, dvs=dvs, payer=payer, ledger=ledger)

            moves, read = run_async(resolve(), interrupted="Interrupted. Rows that are resolved already stay so.")
        if as_json:
            click.echo(codec.encode({"run": run.name, "state": state, "resolved": len(moves), "acknowledged": read}))
            return
        console = Console()
        if moves:
            verb = "is" if len(moves) == 1 else "are"
            text = f"{format_rows(len(moves))} of {escape_markup(run.name)} {verb} {state} now."
            console.print(text, highlight=False)
        if read:
            noun = "line" if len(read) == 1 else "lines"
            console.print(f"Acknowledged: {noun} {', '.join(map(str, read))}.", highlight=False)
