"""The command that starts the local simulator, prints how to reach it, and waits for a signal."""

import re
import secrets
import shlex
from decimal import Decimal
from pathlib import Path

import click
import cloup
from pydantic import SecretStr

from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.stop_signals import stop_event
from bulk_topup.domain.money import format_plain, parse_plain_amount
from bulk_topup.errors import ConfigurationError
from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig
from bulk_topup.sandbox.catalogue.catalogue_name import CATALOGUE_SIZES, CatalogueName, CatalogueSize
from bulk_topup.sandbox.config import DEFAULT_BALANCES, DEFAULT_RATE_LIMIT, DEFAULT_TIME_SCALE, default_balances
from bulk_topup.sandbox.fault_base import LONGEST_WAIT
from bulk_topup.sandbox.fault_parser import EXAMPLE as FAULT_EXAMPLE
from bulk_topup.sandbox.fault_parser import load_faults, parse_fault
from bulk_topup.sandbox.faults import KINDS, AnyFault

_UNIT = re.compile(r"[A-Z]{3}")


def _parse_balances(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, Decimal] | None:
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
    return balances or None


def _parse_faults(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> list[AnyFault]:
    del context, parameter
    try:
        return [parse_fault(value) for value in values]
    except ConfigurationError as error:
        raise click.BadParameter(str(error)) from None


@cloup.command("sandbox")
@cloup.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@cloup.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="Port; 0 chooses a free one."
)
@cloup.option(
    "--time-scale",
    type=click.FloatRange(min=0, min_open=True),
    default=DEFAULT_TIME_SCALE,
    show_default=True,
    help="Factor of the documented delays (3 s, 20 s, 5 min, 1 h).",
)
@cloup.option(
    "--rate-limit",
    type=click.IntRange(min=0),
    default=DEFAULT_RATE_LIMIT,
    show_default=True,
    help="Requests per second; 0 for no limit.",
)
@cloup.option(
    "--balance",
    "balances",
    metavar="CCC=AMOUNT",
    multiple=True,
    callback=_parse_balances,
    help="Balance of a wallet in new books; repeatable.  [default: "
    + " and ".join(f"{unit}={format_plain(amount)}" for unit, amount in DEFAULT_BALANCES.items())
    + ", and three wallets more with the catalogue of real size]",
)
@cloup.option("--api-key", help="The API key it accepts.  [default: a random one, which is printed]")
@cloup.option("--api-secret", help="The API secret it accepts.  [default: a random one, which is printed]")
@cloup.option(
    "--books",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of wallets and transactions; an existing one is continued.  [default: in memory only]",
)
@cloup.option(
    "--catalogue",
    type=click.Choice(CATALOGUE_SIZES),
    default="small",
    show_default=True,
    help="What the account can buy: a few products of each type, or 20,000 of 875 operators in 166 countries.",
)
@cloup.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Generate another catalogue of real size, the same for the same number.  [default: 0]",
)
@cloup.option(
    "--latency",
    type=click.FloatRange(min=0, max=LONGEST_WAIT),
    default=0,
    metavar="SECONDS",
    help="Delay each response of the API, as the distance to it does.  [default: none]",
)
@cloup.option(
    "--fault",
    "faults",
    metavar="FAULT",
    multiple=True,
    callback=_parse_faults,
    help=f'Inject a fault, e.g. "{FAULT_EXAMPLE}"; repeatable. Kinds: {", ".join(KINDS)}.',
)
@cloup.option(
    "--faults",
    "faults_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="TOML file with a [[fault]] table per fault; they come after those of --fault.",
)
def sandbox_command(
    host: str,
    port: int,
    time_scale: float,
    rate_limit: int,
    balances: dict[str, Decimal] | None,
    api_key: str | None,
    api_secret: str | None,
    books: Path | None,
    catalogue: CatalogueSize,
    seed: int | None,
    latency: float,
    faults: list[AnyFault],
    faults_file: Path | None,
) -> None:
    """Start a local simulator of the DVS API; no money moves. Ctrl-C ends it.

    The last three digits of a mobile or account number set the outcome of its transaction: 100 to 107, 200 to 207 and
    300 to 307 as in the DVS sandbox, 108 and 109 are rejected at once, any other completes.

    \b
    Example:
      bulk-topup sandbox --balance USD=5000 --books books.jsonl
      bulk-topup sandbox --catalogue real-size --latency 0.3 --rate-limit 20
      bulk-topup sandbox --fault "drop POST /async/transactions probability=0.1"
    """
    if seed is not None and catalogue == "small":
        raise click.UsageError("--seed generates a catalogue of real size. Add --catalogue real-size.")
    name = CatalogueName(size=catalogue, seed=seed or 0)
    key = api_key or f"key-{secrets.token_hex(8)}"
    secret = api_secret or secrets.token_urlsafe(24)
    with exit_on_error():
        more_faults = load_faults(faults_file) if faults_file else []
    config = SandboxConfig(
        host=host,
        port=port,
        time_scale=time_scale,
        rate_limit=rate_limit,
        balances=balances or default_balances(name),
        api_key=key,
        api_secret=SecretStr(secret),
        books=books,
        catalogue=name,
        latency=latency,
        faults=(*faults, *more_faults),
    )
    stop = stop_event()
    with exit_on_error(), EmbeddedSandbox(config) as sandbox:
        click.echo(f"Sandbox running at {sandbox.base_url} (Ctrl-C ends it).")
        click.echo(f"Its books: {sandbox.books_url}")
        click.echo("In another terminal:")
        click.echo(f"  export DVS_API_KEY={shlex.quote(key)}")
        # A chosen secret may be used elsewhere, so it is not shown.
        click.echo(f"  export DVS_API_SECRET={'…' if api_secret else shlex.quote(secret)}")
        click.echo(f"  bulk-topup products --base-url {sandbox.base_url}\n")
        stop.wait()
