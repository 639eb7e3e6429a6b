"""The commands of the keys that encrypt PINs: create one, and encrypt a ledger's PINs with it."""

from pathlib import Path
from typing import Any

import click

from bulk_topup.cli.errors import exit_on_error
from bulk_topup.domain.environment import Environment, default_ledger
from bulk_topup.domain.verdict import format_rows
from bulk_topup.dvs import codec
from bulk_topup.errors import LedgerError
from bulk_topup.ledger import rotate_pins
from bulk_topup.ledger.pin_keys import add_pin_key


@click.group("pin-key")
def pin_key_group() -> None:
    """Manage the keys that encrypt purchased PINs in the ledger.

    The first run creates a key automatically. No key is ever shown.

    \b
    Example:
      bulk-topup pin-key new
    """


@pin_key_group.command("new")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def new_command(as_json: bool) -> None:
    """Add a new key to the key file; earlier keys stay, to decrypt what they encrypted.

    \b
    Example:
      bulk-topup pin-key new
    """
    with exit_on_error():
        keys = add_pin_key()
    if as_json:
        click.echo(codec.encode({"key": keys.newest, "earlier": keys.ids[1:], "where": keys.where}))
        return
    click.echo(f"PINs are encrypted with the key {keys.newest} from now on, in {keys.where}. Back it up.")
    if keys.ids[1:]:
        click.echo("Earlier keys stay. To encrypt all PINs with the new key, run `bulk-topup pin-key rotate`.")


@pin_key_group.command("rotate")
@click.option(
    "--ledger",
    "ledgers",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="BULK_TOPUP_LEDGER",
    multiple=True,
    help="Ledger file; repeatable.  [default: those in the user's data folder]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rotate_command(ledgers: tuple[Path, ...], as_json: bool) -> None:
    """Encrypt the PINs of ledgers with the newest key, so that earlier keys are no longer needed.

    PINs whose key is lost stay as they are; they do not stop a run.

    \b
    Example:
      bulk-topup pin-key rotate --ledger payroll.db
    """
    with exit_on_error():
        results: list[dict[str, Any]] = []
        for ledger in ledgers or _default_ledgers():
            if not ledger.exists():
                raise LedgerError(f"No ledger at {ledger}. Check --ledger.")
            rotated = rotate_pins(ledger)
            results.append({"ledger": str(ledger), "sealed": rotated.encrypted, "unreadable": rotated.unreadable})
            if not as_json:
                click.echo(f"{ledger}: PINs of {format_rows(rotated.encrypted)} encrypted with the newest key.")
                if rotated.unreadable:
                    click.echo(f"{ledger}: PINs of {format_rows(rotated.unreadable)} unchanged; their key is missing.")
    if as_json:
        click.echo(codec.encode(results))
    elif results:
        click.echo("Once all runs that started before have ended, you can remove earlier keys from the key file.")
    else:
        click.echo("No ledger found. Check --ledger.")


def _default_ledgers() -> list[Path]:
    return [ledger for environment in Environment if (ledger := default_ledger(environment)).exists()]
