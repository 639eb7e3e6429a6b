"""Receives callbacks, saves them as hints, and fetches the transactions that hints name; listens on a port."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bulk_topup.domain.verdict import format_rows
from bulk_topup.dvs import AsyncDVS, DVSError
from bulk_topup.dvs.callbacks import CallbackReceiver
from bulk_topup.engine import follow_hints
from bulk_topup.errors import RunLockedError, RunNotFoundError
from bulk_topup.ledger import LedgerStore, run_lock
from bulk_topup.security.redaction import register_secret
from bulk_topup.system.bounded_server import Address, Serving
from bulk_topup.system.clock import Clock
from bulk_topup.system.waits import sleep_until

#: Seconds until hints are followed again without a new callback: their run was locked, or DVS did not respond.
FOLLOW_INTERVAL = 30.0


@contextmanager
def receive_callbacks(
    ledger: LedgerStore, address: Address, path_token: str, wake: Callable[[], None]
) -> Iterator[str]:
    """Receive callbacks while the block lasts, and yield their URL without the token.

    Args:
        ledger: names the file; hints are saved through a connection of their own.
        address: host, port and certificate to listen with.
        path_token: the secret path of the URL.
        wake: called in the caller's event loop whenever a hint was saved.

    Raises:
        ConfigurationError: the address or the certificate cannot be used.
    """
    register_secret(path_token)
    loop = asyncio.get_running_loop()
    with LedgerStore(ledger.path, clock=ledger.file.clock) as own:

        def save(external_id: str) -> bool:
            is_new = own.hints.save(external_id)
            if is_new:
                loop.call_soon_threadsafe(wake)
            return is_new

        with Serving(CallbackReceiver(path_token, save), address) as serving:
            yield serving.url


async def follow_all(dvs: AsyncDVS, ledger: LedgerStore, clock: Clock) -> int:
    """Follow the hints of every run that no other process works on, and return the number of rows that moved.

    Args:
        dvs: an open client.
        ledger: an open ledger.
        clock: the source of time.

    Raises:
        DVSError: DVS did not respond; the hints stay.
    """
    moved = 0
    for run in ledger.hints.runs():
        try:
            with run_lock(ledger.path, run.job, run.run_key):
                found = ledger.runs.again(run)  # it may have been purged by now
                moved += await follow_hints(found, dvs=dvs, ledger=ledger, clock=clock)
        except (RunLockedError, RunNotFoundError):
            continue  # the process that works on the run follows them; a renamed run is read again the next time
    return moved


async def follow_forever(
    dvs: AsyncDVS, ledger: LedgerStore, clock: Clock, wake: asyncio.Event, report: Callable[[str], None]
) -> None:
    """Follow hints as they come, until this is cancelled; they stay while DVS does not respond.

    Args:
        dvs: an open client.
        ledger: an open ledger.
        clock: the source of time.
        wake: set when a hint was saved.
        report: called with a sentence about what was done, or why it could not be.
    """
    while True:
        wake.clear()
        try:
            moved = await follow_all(dvs, ledger, clock)
        except DVSError as error:
            report(f"Callbacks are saved until DVS responds. {error}")
        else:
            if moved:
                report(f"{format_rows(moved)} updated.")
        await sleep_until(clock, FOLLOW_INTERVAL, [wake])
