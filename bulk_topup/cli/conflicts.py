"""The commands of whoever settles conflicts: list them, and say what is true."""

from typing import Any, Final

import click
from rich.console import Console

from bulk_topup.approvals import user_name
from bulk_topup.cli.display import shown, simple_table
from bulk_topup.cli.exits import plain_errors
from bulk_topup.cli.options import lines_of, provider_from, provider_options
from bulk_topup.cli.provider import existing_ledger, open_client, payer_of, run_async
from bulk_topup.dvs import codec
from bulk_topup.engine import ENDS, Statement
from bulk_topup.reconciling import resolve_conflicts
from bulk_topup.records import Move, Run
from bulk_topup.states import RowState

#: Characters of a reason, which is kept with every row that it is given for.
MAX_REASON: Final = 1_000


@click.group("conflict")
def conflict_group() -> None:
    """List rows that the provider's record or the list contradicts, and say what is true of them.

    \b
    Example:
      bulk-topup conflict list
    """


@conflict_group.command("list")
@click.argument("run_name", metavar="[RUN]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@provider_options
def list_command(run_name: str | None, as_json: bool, **values: Any) -> None:
    """List the conflicts of a run, or of all runs of the ledger.

    \b
    Example:
      bulk-topup conflict list list/rewards
    """
    with plain_errors(), existing_ledger(provider_from(values), read_only=True) as ledger:
        runs = [ledger.run_named(run_name)] if run_name is not None else ledger.runs()
        found: list[tuple[Run, int, RowState, str]] = []
        for run in runs:
            known = ledger.attempts_among(ledger.conflicts(run)).values()
            found += [(run, each.line, each.state, each.message) for each in known]
            found += [(run, line, state, note) for line, state, note in ledger.contradicted(run)]
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
        Console().print(simple_table(("run", "line", "state", "what is wrong"), rows, unbroken=("run",)))


@conflict_group.command("resolve")
@click.argument("run_name", metavar="RUN")
@click.option(
    "--rows", "lines", callback=lines_of, metavar="LINES", required=True, help="The lines of the list, e.g. 5,7-9."
)
@click.option(
    "--as", "state", type=click.Choice([state.value for state in ENDS]), required=True, help="What became of the rows."
)
@click.option("--because", metavar="TEXT", required=True, help="Why: who said so, when; kept with the rows for good.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--same-account", "is_same_account", is_flag=True, help="The account's key or address changed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@provider_options
def resolve_command(
    run_name: str,
    lines: frozenset[int],
    state: str,
    because: str,
    yes: bool,
    is_same_account: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Say what became of rows in conflict; the provider is asked first, and where it has the row, its word counts.

    A row that is resolved as failed is not sent again before `retry --rows` asks for that. For a paid or open row that
    the list contradicts, its own state says that this is settled.

    \b
    Example:
      bulk-topup conflict resolve list/rewards --rows 5 --as failed --because "DT One, ticket 4711: never created"
    """
    if not because.strip():
        raise click.UsageError("--because is blank; say who told you, and when.")
    if len(because) > MAX_REASON:
        raise click.UsageError(f"--because has more than {MAX_REASON} characters; name a ticket instead.")
    with plain_errors():
        provider = provider_from(values)
        with existing_ledger(provider) as ledger:
            run = ledger.run_named(run_name)
            if not yes:
                click.confirm(f"{len(lines)} rows of {run.name} will count as {state}. Go on?", abort=True, err=True)
            statement = Statement(state=RowState(state), who=user_name(), because=because.strip())

            async def settle() -> tuple[list[Move], list[int]]:
                async with open_client(provider) as dvs:
                    payer = payer_of(provider, dvs, is_same_account=is_same_account)
                    return await resolve_conflicts(run, lines, statement, dvs=dvs, payer=payer, ledger=ledger)

            moves, read = run_async(settle(), interrupted="Interrupted; rows that were resolved before stay so.")
        if as_json:
            click.echo(codec.encode({"run": run.name, "state": state, "resolved": len(moves), "taken_as_read": read}))
            return
        console = Console()
        console.print(f"{len(moves)} rows of {shown(run.name)} are {state} now.", highlight=False)
        if read:
            console.print(f"Taken as read: line {', '.join(map(str, read))}.", highlight=False)
