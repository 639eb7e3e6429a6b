"""Receives callbacks during a run, where the options ask for it."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final
from urllib.parse import unquote, urlsplit

from bulk_topup.app.callbacks import receive_callbacks
from bulk_topup.app.credentials import MIN_TOKEN_LENGTH, load_callback_token
from bulk_topup.cli.console_watcher import ConsoleWatcher
from bulk_topup.cli.options.pace import CallbackOptions
from bulk_topup.domain.callback_address import approved_address, is_safe_address, with_token
from bulk_topup.engine import RunOptions
from bulk_topup.errors import ConfigurationError
from bulk_topup.ledger import LedgerStore
from bulk_topup.security.redaction import register_secret

#: Seconds between two polls when callbacks are received: only rows without callback are polled.
POLL_INTERVAL_WITH_CALLBACKS: Final = 30.0


class Callbacks:
    """Receives callbacks during a run, where the options ask for it."""

    def __init__(self, options: CallbackOptions) -> None:
        self._options = options
        self._token = ""
        if options.listen_at is not None or options.callback_url is not None:
            self._token = load_callback_token(options.token_file)
        address, url = options.listen_at, options.callback_url
        if url is None and address is not None and not is_safe_address(address.url):
            raise ConfigurationError(
                f"Callbacks to {address.url} would not be encrypted. Add --callback-url with the HTTPS URL of a server "
                "that passes them on, or listen on 127.0.0.1."
            )
        password = unquote(urlsplit(url or "").password or "")
        register_secret(password)

    @property
    def poll_interval(self) -> float | None:
        """Seconds between two polls; None for the default."""
        return None if self._options.listen_at is None else POLL_INTERVAL_WITH_CALLBACKS

    @contextmanager
    def received(self, ledger: LedgerStore, options: RunOptions, watcher: ConsoleWatcher) -> Iterator[RunOptions]:
        """Receive callbacks during the block, and yield the run's options with the callback URL."""
        url, token = self._options.callback_url, self._token
        options = replace(options, callback_address=approved_address(url))
        if self._options.listen_at is None:
            yield replace(options, callback_url=with_token(url, token) if url and token else url)
            return
        token = token or secrets.token_urlsafe(MIN_TOKEN_LENGTH)
        with receive_callbacks(ledger, self._options.listen_at, token, watcher.wake) as address:
            yield replace(options, callback_url=with_token(url or address, token))
