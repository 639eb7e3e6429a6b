"""The command that says what is true of rows in conflict."""

from typing import Any, Final

import click
from rich.console import Console

from bulk_topup.app.open_ledger import open_existing_ledger
from bulk_topup.app.provider import open_client, payer_of
from bulk_topup.app.resolve_conflicts import resolve_conflicts
from bulk_topup.approvals.approval import user_name
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.event_loop import run_async
from bulk_topup.cli.options.list import parse_lines
from bulk_topup.cli.options.provider import provider_from, provider_options
from bulk_topup.cli.options.run_name import run_argument
from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.domain.attempt import Move
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import codec
from bulk_topup.reconcile.resolve import RESOLVED_STATES, ManualResolution

#: Characters of a reason, which is kept with every row that it is given for.
MAX_REASON: Final = 1_000


@click.command("resolve")
@run_argument()
@click.option(
    "--rows", "lines", callback=parse_lines, metavar="LINES", required=True, help="The lines of the list, e.g. 5,7-9."
)
@click.option(
    "--state",
    type=click.Choice([state.value for state in RESOLVED_STATES]),
    required=True,
    help="What became of the rows.",
)
@click.option("--reason", metavar="TEXT", required=True, help="Why: who said so, when; kept with the rows for good.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--same-account", is_flag=True, help="The account's key or address changed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@provider_options
def resolve_command(
    run_name: str,
    lines: frozenset[int],
    state: str,
    reason: str,
    yes: bool,
    same_account: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Say what became of rows in conflict; the provider is asked first, and where it has the row, its word counts.

    A row that is resolved as failed is not sent again before `retry --rows` asks for that. For a paid or open row that
    the list contradicts, its own state says that this is settled.

    \b
    Example:
      bulk-topup conflict resolve list/rewards --rows 5 --state failed --reason "DT One, ticket 4711: never created"
    """
    if not reason.strip():
        raise click.UsageError("--reason is blank; say who told you, and when.")
    if len(reason) > MAX_REASON:
        raise click.UsageError(f"--reason has more than {MAX_REASON} characters; name a ticket instead.")
    with exit_on_error():
        provider = provider_from(values)
        with open_existing_ledger(provider) as ledger:
            run = ledger.run_named(run_name)
            if not yes:
                click.confirm(f"{len(lines)} rows of {run.name} will count as {state}. Go on?", abort=True, err=True)
            statement = ManualResolution(state=RowState(state), who=user_name(), reason=reason.strip())

            async def settle() -> tuple[list[Move], list[int]]:
                async with open_client(provider) as dvs:
                    payer = payer_of(provider, dvs, same_account=same_account)
                    return await resolve_conflicts(run, lines, statement, dvs=dvs, payer=payer, ledger=ledger)

            moves, read = run_async(settle(), interrupted="Interrupted; rows that were resolved before stay so.")
        if as_json:
            click.echo(codec.encode({"run": run.name, "state": state, "resolved": len(moves), "acknowledged": read}))
            return
        console = Console()
        console.print(f"{len(moves)} rows of {escape_markup(run.name)} are {state} now.", highlight=False)
        if read:
            console.print(f"Taken as read: line {', '.join(map(str, read))}.", highlight=False)
