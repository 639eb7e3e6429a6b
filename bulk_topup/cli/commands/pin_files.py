"""The command that writes the PINs and eSIMs of a run as one file a beneficiary."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import click
import cloup

from bulk_topup.app.open_ledger import open_existing_ledger
from bulk_topup.app.pin_files import completed_products, write_pin_files
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.options.ages import max_age_option
from bulk_topup.cli.options.provider import ProviderArguments, provider_options
from bulk_topup.cli.options.run_name import run_argument
from bulk_topup.cli.query import ask_catalogue, fetch_or_exit
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.verdict import format_rows
from bulk_topup.dvs import AsyncDVS, codec
from bulk_topup.dvs.models.product import Product
from bulk_topup.report.pin_folder import INDEX, PinFolder, check_is_new
from bulk_topup.security.terminal_text import printable


@cloup.command("pin-files")
@run_argument()
@cloup.option(
    "--output-dir",
    "folder",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    required=True,
    help="Folder to create; one that exists is not changed.",
)
@cloup.option("--json", "as_json", is_flag=True, help="Print JSON.")
@max_age_option
@provider_options
def pin_files_command(
    run_name: str, folder: Path, as_json: bool, max_age: timedelta | None, provider: ProviderArguments
) -> None:
    """Write the PINs and eSIMs of a run, unmasked, as one file for each beneficiary.

    Each text file has the product, its PIN or eSIM, and how to use it; an eSIM has a QR code too. `index.csv` has every
    row of the list with the names of its files, or why it has none, and no PIN. Only you can read the folder.

    \b
    Example:
      bulk-topup pin-files list/gift_cards --output-dir /tmp/gift-cards
    """
    with exit_on_error():
        check_is_new(folder)
        options = provider.resolve()
        with open_existing_ledger(options, read_only=True) as ledger:
            run = ledger.runs.named(run_name)
            ids = completed_products(run, ledger, options.environment)

    async def fetch(dvs: AsyncDVS) -> Mapping[int, Product | None]:
        return await ask_catalogue(provider, dvs, max_age, lambda catalogue: catalogue.products(ids))

    products = fetch_or_exit(provider, fetch) if ids else {}
    with exit_on_error(), open_existing_ledger(options, read_only=True) as ledger:
        found = write_pin_files(ledger.runs.named(run_name), ledger=ledger, products=products, folder=folder)
    _print(found, as_json=as_json)
    if found.missing:
        raise click.exceptions.Exit(ExitCode.INCOMPLETE)


def _print(found: PinFolder, *, as_json: bool) -> None:
    if as_json:
        missing = [{"line": line, "problem": problem} for line, problem in found.missing_lines]
        counts = {"written": found.written, "without": found.without, "missing": found.missing}
        click.echo(codec.encode({"folder": str(found.folder), **counts, "missing_lines": missing}))
        return
    click.echo(
        f"{printable(str(found.folder))}: PINs of {format_rows(found.written)}, unmasked. Delete them after use."
    )
    if found.without:
        click.echo(f"{format_rows(found.without)} without a PIN: see {INDEX} there.")
    if found.missing:
        click.echo(f"{format_rows(found.missing)} whose PIN is missing:")
        for line, problem in found.missing_lines:
            click.echo(f"  line {line}: {printable(problem)}")
        if found.missing > len(found.missing_lines):
            click.echo(f"  and {found.missing - len(found.missing_lines):,} more, see {INDEX} there.")
