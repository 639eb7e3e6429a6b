"""The command that receives callbacks for any run."""

import asyncio
import secrets
import signal
from datetime import UTC
from pathlib import Path
from typing import Any

import click

from bulk_topup.app.callbacks import follow_forever, receive_callbacks
from bulk_topup.app.open_ledger import open_existing_ledger
from bulk_topup.app.provider import open_client
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.event_loop import run_async
from bulk_topup.cli.options.provider import provider_from, provider_options
from bulk_topup.system.asgi_server import Address
from bulk_topup.system.clock import SystemClock

_FILE = click.Path(dir_okay=False, exists=True, path_type=Path)


@click.command("listen")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8443, show_default=True, help="Port; 0 takes a free one."
)
@click.option("--cert", "certificate", type=_FILE, help="Certificate for HTTPS (PEM).  [default: HTTP]")
@click.option("--key", type=_FILE, help="The certificate's key (PEM).")
@click.option(
    "--path-token", metavar="TOKEN", help="The only path that is served; keep it secret.  [default: a random one]"
)
@provider_options
def listen_command(
    host: str, port: int, certificate: Path | None, key: Path | None, path_token: str | None, **values: Any
) -> None:
    """Receive callbacks for the ledger's runs, also when none is on; it ends on Ctrl-C.

    A callback is a hint: it is kept, and then the transaction is fetched from the API before the ledger moves. A
    reversal that comes days later lands in the ledger, and in the next report.

    \b
    Example:
      bulk-topup listen --port 8443 --path-token q7Xw2
    """
    with exit_on_error():
        provider = provider_from(values)
        address = Address(host=host, port=port, certificate=certificate, key=key)

        async def serve() -> None:
            stopped, woken = asyncio.Event(), asyncio.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stopped.set)
            clock = SystemClock()

            def tell(sentence: str) -> None:
                click.echo(f"{clock.now().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} {sentence}", err=True)

            with open_existing_ledger(provider) as ledger:
                async with open_client(provider) as dvs:
                    with receive_callbacks(ledger, address, path_token or secrets.token_urlsafe(24), woken.set) as url:
                        click.echo(f"Callbacks are received at {url} (Ctrl-C ends it).")
                        following = asyncio.create_task(follow_forever(dvs, ledger, clock, woken, tell))
                        ended = asyncio.create_task(stopped.wait())
                        await asyncio.wait({following, ended}, return_when=asyncio.FIRST_COMPLETED)
                        ended.cancel()
                        if following.done():
                            following.result()
                        following.cancel()
                        await asyncio.wait({following})

        run_async(serve())
