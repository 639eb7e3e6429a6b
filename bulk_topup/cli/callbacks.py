"""Receives callbacks during a run, where the options ask for it."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from bulk_topup.app.callbacks import receive_callbacks
from bulk_topup.cli.console_watcher import ConsoleWatcher
from bulk_topup.cli.options.pace import CallbackOptions
from bulk_topup.engine import RunOptions
from bulk_topup.ledger import LedgerStore
from bulk_topup.security.redaction import register_secret

#: Seconds between two polls when callbacks are received: only rows without callback are polled.
POLL_INTERVAL_WITH_CALLBACKS: Final = 30.0


class Callbacks:
    """Receives callbacks during a run, where the options ask for it."""

    def __init__(self, options: CallbackOptions) -> None:
        self._options = options
        if options.token:
            register_secret(options.token)

    @property
    def poll_interval(self) -> float | None:
        """Seconds between two polls; None for the default."""
        return None if self._options.listen_at is None else POLL_INTERVAL_WITH_CALLBACKS

    @contextmanager
    def received(self, ledger: LedgerStore, options: RunOptions, watcher: ConsoleWatcher) -> Iterator[RunOptions]:
        """Receive callbacks during the block, and yield the run's options with the callback URL."""
        if self._options.listen_at is None:
            yield replace(options, callback_url=self._options.callback_url)
            return
        token = self._options.token if self._options.callback_url else secrets.token_urlsafe(24)
        with receive_callbacks(ledger, self._options.listen_at, token, watcher.wake) as url:
            yield replace(options, callback_url=self._options.callback_url or url)
