"""The simulator as a command: starts it, says how to reach it, and waits for a signal."""

import re
import secrets
import shlex
import signal
import threading
from decimal import Decimal
from pathlib import Path

import click
from pydantic import SecretStr

from bulk_topup.cli.errors import exit_on_error
from bulk_topup.domain.money import format_plain, parse_plain_amount
from bulk_topup.errors import ConfigurationError
from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig
from bulk_topup.sandbox.config import DEFAULT_BALANCES, DEFAULT_RATE_LIMIT, DEFAULT_TIME_SCALE
from bulk_topup.sandbox.fault_parser import EXAMPLE as FAULT_EXAMPLE
from bulk_topup.sandbox.fault_parser import load_faults, parse_fault
from bulk_topup.sandbox.faults import KINDS, AnyFault

_UNIT = re.compile(r"[A-Z]{3}")


def _balances(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, Decimal]:
    del context, parameter
    balances = {}
    for value in values:
        unit, _, text = value.partition("=")
        amount = parse_plain_amount(text)
        if not _UNIT.fullmatch(unit) or amount is None:
            raise click.BadParameter(f'"{value}" is not a balance; write it like USD=10000.')
        if unit in balances:
            raise click.BadParameter(f"{unit} is given twice; give each currency once.")
        balances[unit] = amount
    return balances or dict(DEFAULT_BALANCES)


def _faults(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> list[AnyFault]:
    del context, parameter
    try:
        return [parse_fault(value) for value in values]
    except ConfigurationError as error:
        raise click.BadParameter(str(error)) from None


@click.command("sandbox")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="Port; 0 takes a free one."
)
@click.option(
    "--time-scale",
    type=click.FloatRange(min=0, min_open=True),
    default=DEFAULT_TIME_SCALE,
    show_default=True,
    help="What the documented delays (3 s, 20 s, 5 min, 1 h) are multiplied by.",
)
@click.option(
    "--rate-limit",
    type=click.IntRange(min=0),
    default=DEFAULT_RATE_LIMIT,
    show_default=True,
    help="Requests a second; 0 is no limit.",
)
@click.option(
    "--balance",
    "balances",
    metavar="CCC=AMOUNT",
    multiple=True,
    callback=_balances,
    help="What a wallet holds when new books are opened; repeatable.  [default: "
    + " and ".join(f"{unit}={format_plain(amount)}" for unit, amount in DEFAULT_BALANCES.items())
    + "]",
)
@click.option("--api-key", help="The key that it lets in.  [default: a random one, which is printed]")
@click.option("--api-secret", help="The secret of that key.  [default: a random one, which is printed]")
@click.option(
    "--books",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that keeps wallets and transactions; one that exists goes on.  [default: nothing is kept]",
)
@click.option(
    "--fault",
    "faults",
    metavar="FAULT",
    multiple=True,
    callback=_faults,
    help=f'Something that goes wrong, like "{FAULT_EXAMPLE}"; repeatable. Kinds: {", ".join(KINDS)}.',
)
@click.option(
    "--faults",
    "faults_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="TOML file with a [[fault]] table for each; they come after those of --fault.",
)
def sandbox_command(
    host: str,
    port: int,
    time_scale: float,
    rate_limit: int,
    balances: dict[str, Decimal],
    api_key: str | None,
    api_secret: str | None,
    books: Path | None,
    faults: list[AnyFault],
    faults_file: Path | None,
) -> None:
    """Start a simulator of the DVS API on this machine; it ends on Ctrl-C. No money moves.

    The last three digits of a mobile or account number say how its transaction ends: 100 to 107, 200 to 207 and 300
    to 307 as in the DVS sandbox, 108 and 109 are rejected at once, any other completes.

    \b
    Example:
      bulk-topup sandbox --balance USD=5000 --books books.jsonl
      bulk-topup sandbox --fault "drop POST /async/transactions probability=0.1"
    """
    key = api_key or f"key-{secrets.token_hex(8)}"
    secret = api_secret or secrets.token_urlsafe(24)
    with exit_on_error():
        more_faults = load_faults(faults_file) if faults_file else []
    config = SandboxConfig(
        host=host,
        port=port,
        time_scale=time_scale,
        rate_limit=rate_limit,
        balances=balances,
        api_key=key,
        api_secret=SecretStr(secret),
        books=books,
        faults=(*faults, *more_faults),
    )
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with exit_on_error(), EmbeddedSandbox(config) as sandbox:
        click.echo(f"The sandbox listens on {sandbox.base_url} (Ctrl-C ends it).")
        click.echo(f"What it knows: {sandbox.books_url}")
        click.echo("In another terminal:")
        click.echo(f"  export DVS_API_KEY={shlex.quote(key)}")
        # A secret that somebody chose may be used elsewhere, so it is not shown.
        click.echo(f"  export DVS_API_SECRET={'…' if api_secret else shlex.quote(secret)}")
        click.echo(f"  bulk-topup products --base-url {sandbox.base_url}\n")
        stop.wait()
