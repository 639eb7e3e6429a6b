"""The keys that PINs are encrypted with: make one, and encrypt a ledger's PINs anew."""

from pathlib import Path
from typing import Any

import click

from bulk_topup.cli.errors import exit_on_error
from bulk_topup.domain.environment import Environment, default_ledger
from bulk_topup.dvs import codec
from bulk_topup.errors import LedgerError
from bulk_topup.ledger import rotate_pins
from bulk_topup.ledger.pin_keys import add_pin_key


@click.group("pin-key")
def pin_key_group() -> None:
    """Manage the keys that purchased PINs are encrypted with in the ledger.

    The first start makes a key by itself. No key is ever shown.

    \b
    Example:
      bulk-topup pin-key new
    """


@pin_key_group.command("new")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def new_command(as_json: bool) -> None:
    """Put a new key first in the key file; earlier keys stay there, to read what they encrypted.

    \b
    Example:
      bulk-topup pin-key new
    """
    with exit_on_error():
        keys = add_pin_key()
    if as_json:
        click.echo(codec.encode({"key": keys.newest, "earlier": keys.ids[1:], "where": keys.where}))
        return
    click.echo(f"PINs are encrypted with the key {keys.newest} from now on; it is in {keys.where}. Keep a copy of it.")
    if keys.ids[1:]:
        click.echo("Earlier keys stay there; `bulk-topup pin-key rotate` encrypts anew what they encrypted.")


@pin_key_group.command("rotate")
@click.option(
    "--ledger",
    "ledgers",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="BULK_TOPUP_LEDGER",
    multiple=True,
    help="A ledger; repeatable.  [default: those in the user's data folder]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rotate_command(ledgers: tuple[Path, ...], as_json: bool) -> None:
    """Encrypt the PINs of ledgers with the newest key, so that earlier keys are needed no more.

    PINs whose key is lost stay as they are, and hinder no further start.

    \b
    Example:
      bulk-topup pin-key rotate --ledger payroll.db
    """
    with exit_on_error():
        described: list[dict[str, Any]] = []
        for ledger in ledgers or _usual_ledgers():
            if not ledger.exists():
                raise LedgerError(f"There is no ledger at {ledger}; name one with --ledger.")
            rotated = rotate_pins(ledger)
            described.append({"ledger": str(ledger), "sealed": rotated.encrypted, "unreadable": rotated.unreadable})
            if not as_json:
                click.echo(f"{ledger}: PINs of {rotated.encrypted} rows are encrypted anew.")
                if rotated.unreadable:
                    click.echo(f"{ledger}: PINs of {rotated.unreadable} rows stay as they are; their key is missing.")
    if as_json:
        click.echo(codec.encode(described))
    elif described:
        click.echo("Once no run is on that began before, earlier keys can be taken out of the key file.")
    else:
        click.echo("There is no ledger yet; name one with --ledger.")


def _usual_ledgers() -> list[Path]:
    return [ledger for environment in Environment if (ledger := default_ledger(environment)).exists()]
