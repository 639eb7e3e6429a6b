"""The command that receives callbacks for all runs of a ledger."""

import asyncio
from datetime import UTC
from pathlib import Path

import click
import cloup

from bulk_topup.app.callbacks import follow_forever, receive_callbacks
from bulk_topup.app.credentials import require_callback_token
from bulk_topup.app.open_ledger import open_existing_ledger
from bulk_topup.app.provider import open_client
from bulk_topup.cli.clock import command_clock
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.event_loop import run_async
from bulk_topup.cli.notices import show_notices
from bulk_topup.cli.options.pace import token_file_option
from bulk_topup.cli.options.provider import ProviderArguments, provider_options
from bulk_topup.cli.standard_streams import limit_waiting, never_waiting
from bulk_topup.cli.stop_signals import stopped_by_signals
from bulk_topup.domain.environment import ProviderOptions
from bulk_topup.system.bounded_server import Address

_FILE = click.Path(dir_okay=False, path_type=Path)


@cloup.command("listen")
@cloup.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@cloup.option(
    "--port", type=click.IntRange(0, 65535), default=8443, show_default=True, help="Port; 0 chooses a free one."
)
@cloup.option("--cert", "certificate", type=_FILE, help="Certificate for HTTPS (PEM).  [default: HTTP]")
@cloup.option("--key", type=_FILE, help="Key of the certificate (PEM).")
@token_file_option
@provider_options
def listen_command(
    host: str,
    port: int,
    certificate: Path | None,
    key: Path | None,
    token_file: Path | None,
    provider: ProviderArguments,
) -> None:
    """Receive callbacks for the ledger's runs, also when none is running; Ctrl-C ends it.

    A callback is a hint: it is saved, then the transaction is fetched from DVS before the ledger changes. A reversal
    days later is in the ledger, and in the next report. The only path that is served is a token of 32 characters or
    more, which every `run --callback-url` needs as well.

    \b
    Example:
      bulk-topup listen --port 8443 --callback-token-file callback-token
    """
    with exit_on_error():
        address = Address(host=host, port=port, certificate=certificate, key=key)
        run_async(_serve(provider.resolve(), address, require_callback_token(token_file)))


async def _serve(provider: ProviderOptions, address: Address, token: str) -> None:
    stopped, woken = asyncio.Event(), asyncio.Event()
    clock = command_clock()

    def log(sentence: str) -> None:
        click.echo(f"{clock.now().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} {sentence}", err=True)

    limit_waiting()
    with never_waiting(), stopped_by_signals(stopped.set), open_existing_ledger(provider, clock=clock) as ledger:
        async with open_client(provider, clock=clock) as dvs:
            show_notices(dvs, clock)
            with receive_callbacks(ledger, address, token, woken.set) as url:
                click.echo(f"Receiving callbacks at {url} with the token as path (Ctrl-C ends it).")
                following = asyncio.create_task(follow_forever(dvs, ledger, clock, woken, log))
                stop = asyncio.create_task(stopped.wait())
                await asyncio.wait({following, stop}, return_when=asyncio.FIRST_COMPLETED)
                stop.cancel()
                if following.done():
                    following.result()
                following.cancel()
                await asyncio.wait({following})
