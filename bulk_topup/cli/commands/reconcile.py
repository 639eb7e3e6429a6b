"""The command that compares list, ledger, DVS and wallets, and rebuilds a run whose ledger was lost."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import click
import cloup
from rich.console import Console

from bulk_topup.app.open_ledger import open_existing_ledger
from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.provider import open_client, payer_of
from bulk_topup.app.rebuild import rebuild, rebuild_run
from bulk_topup.app.reconcile import Reconciled, reconcile
from bulk_topup.app.remote_list.fetch import fetched_list
from bulk_topup.app.time_zone import in_zone, zone_of
from bulk_topup.cli.account_line import account_line
from bulk_topup.cli.clock import command_clock
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.event_loop import run_async
from bulk_topup.cli.job_from_options import job_from, start_day
from bulk_topup.cli.notices import client_rate, show_notices
from bulk_topup.cli.options.list import JobOptions, job_options
from bulk_topup.cli.options.pace import rate_option
from bulk_topup.cli.options.provider import ProviderArguments, provider_options, same_account_option
from bulk_topup.cli.options.times import parse_time
from bulk_topup.cli.screens.questions import shown_asking
from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.cli.screens.tables import simple_table
from bulk_topup.cli.whole_commands import with_whole_commands
from bulk_topup.domain.environment import ProviderOptions
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.list_address import is_fetched
from bulk_topup.domain.money import format_amount, format_money
from bulk_topup.domain.run import Run
from bulk_topup.domain.verdict import format_rows
from bulk_topup.dvs import codec
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.reconcile.list_changes import ListFigures
from bulk_topup.reconcile.wallets import WalletFigures
from bulk_topup.system.clock import Clock

#: Most discrepancies that a terminal shows; --json has all.
MAX_DISCREPANCIES_SHOWN: Final = 50
#: Names of files that need not exist to be taken for a list or a job file, not for a run.
_FILE_SUFFIXES: Final = frozenset({".csv", ".tsv", ".txt", ".toml", ".xlsx", ".xlsm"})


@cloup.command("reconcile")
@cloup.argument("list_or_job", metavar="[RUN|LIST|JOB]", required=False, type=click.Path())
@cloup.option("--from", "start", metavar="TIME", callback=parse_time, help="Created at this time or later (UTC).")
@cloup.option("--to", "end", metavar="TIME", callback=parse_time, help="Created at this time or earlier (UTC).")
@cloup.option(
    "--apply", "is_applied", is_flag=True, help="Update the ledger by what a transaction, fetched again, proves."
)
@cloup.option(
    "--rebuild",
    "is_rebuilt",
    is_flag=True,
    help="Rebuild the run of LIST|JOB in the ledger, or add to RUN what an old ledger lacks; sends nothing.",
)
@cloup.option(
    "--strict",
    "is_strict",
    is_flag=True,
    help="Count transactions of other programs as discrepancies: no other program uses the account.",
)
@cloup.option("--json", "as_json", is_flag=True, help="Print JSON.")
@job_options
@provider_options
@rate_option
@same_account_option
def reconcile_command(
    list_or_job: str | None,
    start: datetime | None,
    end: datetime | None,
    is_applied: bool,
    is_rebuilt: bool,
    is_strict: bool,
    as_json: bool,
    given: JobOptions,
    provider: ProviderArguments,
    rate: float | None,
    is_same_account: bool,
) -> None:
    """Compare a run, or the last 24 hours, with DVS's transactions, and show every discrepancy.

    A RUN is compared from its first transaction to its last; for a LIST or JOB, the list is reread too. Transactions of
    other programs, whose external IDs bulk-topup never computes, are summed apart. The exit code is 0 if list, ledger,
    DVS and wallets agree, 1 if there is a discrepancy, 4 if DVS does not respond.

    \b
    Example:
      bulk-topup reconcile list/rewards
      bulk-topup reconcile --from 2026-11-01 --to 2026-11-08
      bulk-topup reconcile --rebuild sample_files/rewards.csv --product 6418
    """
    with exit_on_error():
        given_job = _job_to_reread(list_or_job, given, provider, is_rebuilt=is_rebuilt)
        options = provider.resolve(None if given_job is None else given_job.environment)
        clock, between = command_clock(), {"start": start, "end": end}

        async def compare() -> tuple[Reconciled, int | None, PayingAccount]:
            async with _fetched(given_job, options.ledger) as job, open_client(options, rate=rate, clock=clock) as dvs:
                click.echo(client_rate(dvs), err=True)
                show_notices(dvs, clock)
                payer = payer_of(options, dvs, same_account=is_same_account)
                is_created = is_rebuilt and job is not None
                with _open(options, clock, is_created=is_created) as ledger, shown_asking() as on_progress:
                    run, rebuilt = _named(list_or_job, job, ledger, is_rebuilt=is_rebuilt), None
                    if job is not None and is_rebuilt:
                        run, rebuilt = await rebuild(job, dvs=dvs, payer=payer, ledger=ledger, clock=clock, **between)
                    elif run is not None and is_rebuilt:
                        rebuilt = await rebuild_run(run, dvs=dvs, payer=payer, ledger=ledger, clock=clock, **between)
                    reconciled = await reconcile(
                        dvs=dvs,
                        payer=payer,
                        ledger=ledger,
                        run=run,
                        job=job,
                        is_applied=is_applied,
                        is_strict=is_strict,
                        on_progress=on_progress,
                        clock=clock,
                        **between,
                    )
                    return reconciled, rebuilt, payer

        reconciled, rebuilt, payer = run_async(compare(), interrupted="Interrupted before the comparison was complete.")
        _print(reconciled, rebuilt, payer, None if as_json else account_line(options, payer.account))
        raise click.exceptions.Exit(ExitCode.ALL_COMPLETED if reconciled.agrees else ExitCode.INCOMPLETE)


@asynccontextmanager
async def _fetched(job: Job | None, ledger: Path) -> AsyncIterator[Job | None]:
    """Yield a job with its list fetched, or None without a job."""
    if job is None:
        yield None
        return
    async with fetched_list(job, ledger) as with_list:
        yield with_list


def _named(list_or_job: str | None, job: Job | None, ledger: LedgerStore, *, is_rebuilt: bool) -> Run | None:
    """Return the run to compare; None for all of a window, or one that a rebuild may create."""
    if job is not None:
        return None if is_rebuilt else ledger.runs.named(f"{job.name}/{job.run_key}")
    return None if list_or_job is None else ledger.runs.named(list_or_job)


def _open(options: ProviderOptions, clock: Clock, *, is_created: bool) -> LedgerStore:
    """Open the ledger; only the rebuild of a list creates one."""
    return LedgerStore(options.ledger, clock=clock) if is_created else open_existing_ledger(options, clock=clock)


def _job_to_reread(
    list_or_job: str | None, given: JobOptions, provider: ProviderArguments, *, is_rebuilt: bool
) -> Job | None:
    """Return the job whose list is reread; None where only the ledger's run is compared."""
    is_list = list_or_job is not None and (
        is_fetched(list_or_job)
        or Path(list_or_job).is_file()
        or (is_rebuilt and Path(list_or_job).suffix.lower() in _FILE_SUFFIXES)
    )
    if list_or_job is not None and is_list:
        job, folder = job_from(list_or_job, given, provider.environment)
        zone = zone_of(job, provider.resolve(job.environment).ledger)
        return in_zone(job, zone).at(start_day(job, zone, given.list_.today, is_scheduled=False)[0], folder)
    if is_rebuilt and list_or_job is None:
        raise click.UsageError("--rebuild needs the run's list or job file, or a run of the ledger.")
    return None


def _print(reconciled: Reconciled, rebuilt: int | None, payer: PayingAccount, account: str | None) -> None:
    """Print the result: for people below the line about the account, or as JSON without one."""
    if account is None:
        click.echo(codec.encode(_as_json(reconciled, rebuilt, payer)))
    else:
        _show(Console(), reconciled, rebuilt, account)


def _as_json(reconciled: Reconciled, rebuilt: int | None, payer: PayingAccount) -> dict[str, object]:
    found = reconciled.comparison
    return {
        "environment": payer.environment,
        "account": payer.account,
        "runs": list(reconciled.runs),
        "from": reconciled.window.start.isoformat(),
        "to": reconciled.window.end.isoformat(),
        "agrees": reconciled.agrees,
        "rebuilt_rows": rebuilt,
        "list": None if reconciled.list is None else reconciled.list.as_json(),
        "ledger": found.here.as_json(),
        "provider": found.there.as_json(),
        "foreign": (found.other_runs + found.other_programs).as_json(),
        "other_programs": found.other_programs.as_json(),
        "unreadable": found.unreadable.as_json(),
        "wallets": [wallet.as_json() for wallet in reconciled.wallets],
        "counts": {kind.value: count for kind, count in sorted(found.counts.items())},
        "differences": [
            {**each.as_json(), "message": with_whole_commands(each.message)} for each in found.discrepancies
        ],
        "applied": [
            {**each.discrepancy.as_json(), "before": each.before.value, "after": each.after.value}
            for each in reconciled.applied
        ],
    }


def _show(console: Console, reconciled: Reconciled, rebuilt: int | None, account: str) -> None:
    found, window = reconciled.comparison, reconciled.window
    console.print(escape_markup(account), highlight=False, soft_wrap=True)
    if rebuilt is not None:
        console.print(f"Rebuilt: DVS has {format_rows(rebuilt)} of the list.", highlight=False)
    for each in reconciled.applied:
        text = f"Ledger updated from {each.before} to {each.after}: {escape_markup(each.discrepancy.message)}"
        console.print(text, highlight=False, soft_wrap=True)
    names = ", ".join(map(escape_markup, reconciled.runs)) or "No run"
    console.print(f"{names}: {_time(window.start)} to {_time(window.end)}", highlight=False)
    if reconciled.list is not None:
        _show_list(console, reconciled.list)
    sides = (found.here, found.there, found.other_runs, found.other_programs)
    console.print(
        simple_table(
            ("transactions", "ledger", "DVS", "other runs", "other programs"),
            (
                ("number", *(side.transactions for side in sides)),
                *(
                    (label, *(_sums(getattr(side, name)) for side in sides))
                    for label, name in (("requested", "asked"), ("charged", "charged"), ("on hold", "held"))
                ),
            ),
        )
    )
    if found.other_runs.transactions or found.other_programs.transactions:
        console.print(
            "Other runs or programs use this account too: their transactions change the wallet, and are not compared.",
            highlight=False,
        )
    for wallet in reconciled.wallets:
        console.print(f"{escape_markup(_wallet_line(wallet))}.", highlight=False)
    for discrepancy in found.discrepancies[:MAX_DISCREPANCIES_SHOWN]:
        text = f"[bold red]{discrepancy.kind}[/] {escape_markup(with_whole_commands(discrepancy.message))}"
        console.print(text, highlight=False, soft_wrap=True)
    number = sum(found.counts.values())
    if number > MAX_DISCREPANCIES_SHOWN:
        console.print(f"… and {number - MAX_DISCREPANCIES_SHOWN:,} more; --json has all.", highlight=False)
    noun = "discrepancy" if number == 1 else "discrepancies"
    result = f"[bold red]{number:,} {noun}.[/]" if number else "[green]No discrepancies.[/]"
    console.print(result, highlight=False)


def _wallet_line(wallet: WalletFigures) -> str:
    """Return a wallet's balance, and whether its change is that of the listed transactions."""
    unit = wallet.unit
    line = f"{unit}: {format_amount(wallet.available, unit)} available, {format_amount(wallet.holding, unit)} on hold"
    if wallet.moved is None or wallet.listed is None or wallet.seen_at is None:
        return f"{line}; change not compared: {wallet.uncompared}"
    return (
        f"{line}; changed by {format_amount(wallet.moved, unit)} since {_time(wallet.seen_at)}, "
        f"listed transactions account for {format_amount(wallet.listed, unit)}"
    )


def _show_list(console: Console, figures: ListFigures) -> None:
    in_file = "not read" if figures.rows_in_file is None else str(figures.rows_in_file)
    total = figures.total
    console.print(
        simple_table(
            ("rows", "number", "requested"),
            (
                ("list now", in_file, ""),
                ("list of the run", total.rows, _sums(total.amounts)),
                *((f"  {state}", each.rows, _sums(each.amounts)) for state, each in figures.rows.items()),
                *(
                    (f"  sent, no longer in the list: {state}", each.rows, _sums(each.amounts))
                    for state, each in figures.left.items()
                ),
            ),
        )
    )
    if figures.unread:
        console.print(f"List not read: {escape_markup(figures.unread)}", highlight=False, soft_wrap=True)


def _sums(sums: Mapping[str, Decimal]) -> str:
    return ", ".join(format_money(amount, unit) for unit, amount in sorted(sums.items()))


def _time(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
