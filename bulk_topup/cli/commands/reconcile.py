"""The command that compares: list, ledger, provider and wallet; and that rebuilds a run whose ledger was lost."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from bulk_topup.app.open_ledger import open_existing_ledger
from bulk_topup.app.provider import open_client, payer_of
from bulk_topup.app.rebuild import rebuild
from bulk_topup.app.reconcile import Reconciled, reconcile
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.event_loop import run_async
from bulk_topup.cli.options.list import job_from, list_settings, start_of
from bulk_topup.cli.options.provider import provider_from, provider_options
from bulk_topup.cli.options.times import moment
from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.cli.screens.tables import simple_table
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.run import Run
from bulk_topup.dvs import codec
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.reconcile.list_changes import ListFigures

#: Differences that a terminal shows; --json has all.
DIFFERENCES_SHOWN = 50


@click.command("reconcile")
@click.argument("list_or_job", metavar="[RUN|LIST|JOB]", required=False, type=click.Path(path_type=Path))
@click.option("--from", "start", metavar="TIME", callback=moment, help="Created at this time or later (UTC).")
@click.option("--to", "end", metavar="TIME", callback=moment, help="Created at this time or earlier (UTC).")
@click.option("--apply", "is_applied", is_flag=True, help="Move what a transaction, fetched again, proves.")
@click.option(
    "--rebuild", "is_rebuilt", is_flag=True, help="Make the run of LIST|JOB anew in the ledger; nothing is sent."
)
@click.option("--same-account", is_flag=True, help="The account's key or address changed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@list_settings
@provider_options
def reconcile_command(
    list_or_job: Path | None,
    start: datetime | None,
    end: datetime | None,
    is_applied: bool,
    is_rebuilt: bool,
    same_account: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Compare a run, or the last 24 hours, with what the provider lists, and name every difference.

    RUN is compared from its first row to now; named as its LIST or JOB, the list is read again as `run` reads it. Exit
    code 0 when list, ledger, provider and wallet agree, 1 when anything differs, 4 when the provider does not answer.

    \b
    Example:
      bulk-topup reconcile list/rewards
      bulk-topup reconcile --from 2026-11-01 --to 2026-11-08
      bulk-topup reconcile --rebuild sample_files/rewards.csv --product 6418
    """
    with exit_on_error():
        job: Job | None = None
        if list_or_job is not None and (is_rebuilt or list_or_job.is_file()):
            job, folder = job_from({**values, "list_or_job": list_or_job})
            job = job.at(start_of(values, job.schedule), folder)
        elif is_rebuilt:
            raise click.UsageError("--rebuild needs the list or the job file of the run that is rebuilt.")
        provider = provider_from(values, *([] if job is None else [job.environment]))

        async def compare() -> tuple[Reconciled, int | None]:
            async with open_client(provider) as dvs:
                payer = payer_of(provider, dvs, same_account=same_account)
                with LedgerStore(provider.ledger) if is_rebuilt else open_existing_ledger(provider) as ledger:
                    rebuilt: int | None = None
                    run: Run | None = None
                    if job is not None and is_rebuilt:
                        run, rebuilt = await rebuild(job, dvs=dvs, payer=payer, ledger=ledger, start=start, end=end)
                    elif job is not None:
                        run = ledger.run_named(f"{job.name}/{job.run_key}")
                    elif list_or_job is not None:
                        run = ledger.run_named(str(list_or_job))
                    reconciled = await reconcile(
                        dvs=dvs,
                        payer=payer,
                        ledger=ledger,
                        run=run,
                        job=job,
                        start=start,
                        end=end,
                        is_applied=is_applied,
                    )
                    return reconciled, rebuilt

        reconciled, rebuilt = run_async(compare(), interrupted="Interrupted before everything was compared.")
        if as_json:
            click.echo(codec.encode(_json(reconciled, rebuilt)))
        else:
            _show(Console(), reconciled, rebuilt)
        raise click.exceptions.Exit(0 if reconciled.agrees else 1)


def _json(reconciled: Reconciled, rebuilt: int | None) -> dict[str, object]:
    found = reconciled.comparison
    return {
        "runs": list(reconciled.runs),
        "from": reconciled.window.start.isoformat(),
        "to": reconciled.window.end.isoformat(),
        "agrees": reconciled.agrees,
        "rebuilt_rows": rebuilt,
        "list": None if reconciled.list is None else reconciled.list.as_json(),
        "ledger": found.here.as_json(),
        "provider": found.there.as_json(),
        "foreign": found.foreign.as_json(),
        "wallets": [wallet.as_json() for wallet in reconciled.wallets],
        "counts": {kind.value: count for kind, count in sorted(found.counts.items())},
        "differences": [difference.as_json() for difference in found.discrepancies],
        "applied": [
            {**each.discrepancy.as_json(), "before": each.before.value, "after": each.after.value}
            for each in reconciled.applied
        ],
    }


def _show(console: Console, reconciled: Reconciled, rebuilt: int | None) -> None:
    found, window = reconciled.comparison, reconciled.window
    if rebuilt is not None:
        console.print(f"Rebuilt: the provider knows {rebuilt} rows of the list.", highlight=False)
    for each in reconciled.applied:
        told = f"Moved from {each.before} to {each.after}: {escape_markup(each.discrepancy.message)}"
        console.print(told, highlight=False, soft_wrap=True)
    names = ", ".join(map(escape_markup, reconciled.runs)) or "No run"
    console.print(f"{names}: {_time(window.start)} to {_time(window.end)} UTC", highlight=False)
    if reconciled.list is not None:
        _show_list(console, reconciled.list)
    console.print(
        simple_table(
            ("transactions", "ledger", "provider", "provider, others'"),
            (
                ("number", found.here.transactions, found.there.transactions, found.foreign.transactions),
                *(
                    (name, *(_sums(getattr(side, name)) for side in (found.here, found.there, found.foreign)))
                    for name in ("asked", "charged", "held")
                ),
            ),
        )
    )
    if found.foreign.transactions:
        console.print(
            "Others use this account too: their transactions move the wallet, and are not compared.", highlight=False
        )
    for wallet in reconciled.wallets:
        text = (
            f"{escape_markup(wallet.unit)}: {format_plain(wallet.available)} available, "
            f"{format_plain(wallet.holding)} held"
        )
        if wallet.moved is not None and wallet.listed is not None and wallet.seen_at is not None:
            text += (
                f"; moved by {format_plain(wallet.moved)} since {_time(wallet.seen_at)}, "
                f"and the listed transactions account for {format_plain(wallet.listed)}"
            )
        else:
            text += f"; its movement was not compared: {wallet.uncompared}"
        console.print(f"{text}.", highlight=False)
    for difference in found.discrepancies[:DIFFERENCES_SHOWN]:
        told = f"[bold red]{difference.kind}[/] {escape_markup(difference.message)}"
        console.print(told, highlight=False, soft_wrap=True)
    number = sum(found.counts.values())
    if number > DIFFERENCES_SHOWN:
        console.print(f"… and {number - DIFFERENCES_SHOWN} more; --json has them.", highlight=False)
    told = f"[bold red]{number} differences.[/]" if number else "[green]All agree.[/]"
    console.print(told, highlight=False)


def _show_list(console: Console, figures: ListFigures) -> None:
    in_file = "not read again" if figures.rows_in_file is None else str(figures.rows_in_file)
    total = figures.total
    console.print(
        simple_table(
            ("rows", "number", "asked"),
            (
                ("list, as it is now", in_file, ""),
                ("list, as the run has it", total.rows, _sums(total.amounts)),
                *((f"  {state}", each.rows, _sums(each.amounts)) for state, each in figures.rows.items()),
                *(
                    (f"  sent, left the list: {state}", each.rows, _sums(each.amounts))
                    for state, each in figures.left.items()
                ),
            ),
        )
    )
    if figures.unread:
        console.print(f"The list was not read again: {escape_markup(figures.unread)}", highlight=False, soft_wrap=True)


def _sums(sums: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{format_plain(amount)} {unit}" for unit, amount in sorted(sums.items()))


def _time(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
