"""Callbacks beside a run or on their own: hints are kept as they come, and followed by whoever holds their run."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bulk_topup.dvs import AsyncDVS, DVSError
from bulk_topup.dvs.callbacks import CallbackReceiver
from bulk_topup.engine import follow_hints
from bulk_topup.errors import RunLockedError
from bulk_topup.ledger import LedgerStore, run_lock
from bulk_topup.security.redaction import register_secret
from bulk_topup.system.asgi_server import Address, Serving
from bulk_topup.system.clock import Clock
from bulk_topup.system.waits import sleep_until

#: Seconds after which hints are looked at again although no callback came: their run was held, or DVS did not answer.
LOOK_AGAIN = 30.0


@contextmanager
def receive_callbacks(
    ledger: LedgerStore, address: Address, path_token: str, wake: Callable[[], None]
) -> Iterator[str]:
    """Receive callbacks while the block lasts, and give the address that they are received at.

    Args:
        ledger: names the file; callbacks are kept through a connection of their own.
        address: where to listen.
        path_token: the path that is served.
        wake: is called, in the event loop that this is called in, whenever a hint was kept.

    Raises:
        ConfigurationError: the address or the certificate cannot be used.
    """
    register_secret(path_token)
    loop = asyncio.get_running_loop()
    with LedgerStore(ledger.path) as own:

        def keep(external_id: str) -> bool:
            kept = own.hints.save(external_id)
            if kept:
                loop.call_soon_threadsafe(wake)
            return kept

        with Serving(CallbackReceiver(path_token, keep), address) as serving:
            yield f"{serving.url}/{path_token}"


async def follow_all(dvs: AsyncDVS, ledger: LedgerStore, clock: Clock) -> int:
    """Follow the hints about every run that no other process holds, and give how many rows moved.

    Raises:
        DVSError: the API did not answer; the hints stay.
    """
    moved = 0
    for run in ledger.hints.runs():
        try:
            with run_lock(ledger.path, run.job, run.run_key):
                found = ledger.runs.find(run.job, run.run_key) or run  # it may have been purged by now
                moved += await follow_hints(found, dvs=dvs, ledger=ledger, clock=clock)
        except RunLockedError:
            continue  # whoever holds it follows them
    return moved


async def follow_forever(
    dvs: AsyncDVS, ledger: LedgerStore, clock: Clock, woken: asyncio.Event, tell: Callable[[str], None]
) -> None:
    """Follow hints as they come, until this is cancelled; while DVS does not answer they wait.

    Args:
        dvs: an open client.
        ledger: an open ledger.
        clock: where time comes from.
        woken: is set when a hint was kept.
        tell: is told in a sentence what was done, or why it could not be.
    """
    while True:
        woken.clear()
        try:
            moved = await follow_all(dvs, ledger, clock)
        except DVSError as error:
            tell(f"Callbacks are kept and wait: {error}")
        else:
            if moved:
                tell(f"{moved} rows moved.")
        await sleep_until(clock, LOOK_AGAIN, [woken])
