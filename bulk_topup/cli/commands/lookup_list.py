"""The command that looks up the operators and the possible products of a list's numbers."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import click
import cloup

from bulk_topup.app.catalogue import Catalogue
from bulk_topup.app.lookup_list import ListLookup, LookedUp, check_output
from bulk_topup.app.open_list import open_job_list
from bulk_topup.app.time_zone import in_zone, zone_of
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.job_from_options import job_from, start_day
from bulk_topup.cli.options.list import JobOptions, ListOptions, list_argument, list_options
from bulk_topup.cli.options.pace import rate_option
from bulk_topup.cli.options.provider import ProviderArguments, provider_options
from bulk_topup.cli.query import ask_catalogue, fetch_or_exit
from bulk_topup.domain.auto_product import AutoProduct, Subservice
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.verdict import format_rows
from bulk_topup.dvs import AsyncDVS, codec
from bulk_topup.jobs.job import Job
from bulk_topup.report.lookup_file import lookup_file
from bulk_topup.security.terminal_text import printable

#: The error's sentence where a signal ends it.
_INTERRUPTED: Final = "Interrupted; no file was written. Run the command again: it asks for what is missing."


@cloup.command("list")
@list_argument
@cloup.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="File to write, .csv or .xlsx.  [default: <list>-lookup, in the list's format]",
)
@cloup.option("--force", is_flag=True, help="Replace an existing file.")
@cloup.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
@list_options
@rate_option
@provider_options
def list_command(
    list_or_job: str,
    output: Path | None,
    force: bool,
    as_json: bool,
    given: ListOptions,
    rate: float | None,
    provider: ProviderArguments,
) -> None:
    """Look up the operator of each number of a list, and the products that its row may get; sends no payment.

    The file has the list's own columns, then what was found. A row with an amount has the product that would be chosen
    for it. A row that can't be looked up has the reason, and stops no other. Operators are kept in the ledger.

    \b
    Example:
      bulk-topup lookup list sample_files/rewards.csv --output operators.xlsx
    """
    with exit_on_error():
        job, policy, provider = _job_of(list_or_job, given, provider)
        reader = open_job_list(job)
        file = output or _default_file(job.source.path)
        check_output(job.source.path, file)

    async def ask(catalogue: Catalogue) -> LookedUp:
        lookup = ListLookup(reader=reader, catalogue=catalogue, policy=policy, mode=job.calculation_mode)
        lookup.check()
        with lookup_file(file, lookup.columns, force=force) as write:
            return await lookup.look_up(write)

    async def fetch(dvs: AsyncDVS) -> LookedUp:
        return await ask_catalogue(provider, dvs, None, ask, ages=job.answer_ages)

    found = fetch_or_exit(provider, fetch, rate=rate or job.rate, interrupted=_INTERRUPTED)
    _print(found, file, reader.position_word, as_json=as_json)
    if found.problems:
        raise click.exceptions.Exit(ExitCode.INCOMPLETE)


def _job_of(
    list_or_job: str, given: ListOptions, provider: ProviderArguments
) -> tuple[Job, AutoProduct, ProviderArguments]:
    """Return the job of today, the products that it may choose, and where it asks for them."""
    is_job = Path(list_or_job).suffix.lower() == ".toml"
    settings = given if is_job else replace(given, subservices=())
    job, folder = job_from(list_or_job, JobOptions(list_=settings), provider.environment)
    provider = replace(provider, environment=provider.environment or job.environment)
    zone = zone_of(job, provider.resolve().ledger)
    job = in_zone(job, zone).at(start_day(job, zone, given.today, is_scheduled=False)[0], folder)
    policy = job.auto_product or AutoProduct()
    if given.subservices and not is_job:
        policy = AutoProduct(subservices=tuple(map(Subservice, dict.fromkeys(given.subservices))))
    return job, policy, provider


def _default_file(list_: Path) -> Path:
    return Path(f"{list_.stem}-lookup{'.xlsx' if list_.suffix.lower() == '.xlsx' else '.csv'}")


def _print(found: LookedUp, file: Path, position_word: str, *, as_json: bool) -> None:
    if as_json:
        reasons = [
            {"reason": reason, "rows": rows.number, "first_lines": rows.lines} for reason, rows in found.reasons.items()
        ]
        counts = {"rows": found.rows, "chosen": found.chosen, "problems": found.problems}
        click.echo(codec.encode({"file": str(file), **counts, "reasons": reasons}))
        return
    click.echo(f"{printable(str(file))}: {format_rows(found.rows)}, a product chosen for {found.chosen:,}.")
    if found.problems:
        click.echo(f"{format_rows(found.problems)} without a product to choose from:")
        for reason, rows in found.reasons.items():
            word = f"{position_word}{'s' if rows.number > 1 else ''}"
            more = f" and {rows.number - len(rows.lines):,} more" if rows.number > len(rows.lines) else ""
            click.echo(f"  {word} {', '.join(map(str, rows.lines))}{more}: {printable(reason)}")
        if others := found.problems - sum(rows.number for rows in found.reasons.values()):
            click.echo(f"  {format_rows(others)} for other reasons, see lookup_reason in the file.")
