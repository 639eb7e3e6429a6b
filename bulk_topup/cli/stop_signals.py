"""Handles SIGINT and SIGTERM: the only place that does, for event loops and for plain threads."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def call_on_stop(stop: Callable[[], object]) -> None:
    """Call `stop` on each signal from now on, instead of what was called before.

    Args:
        stop: called in the running event loop.
    """
    for number in _STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop)


@contextmanager
def stopped_by_signals(stop: Callable[[], object]) -> Iterator[None]:
    """Call `stop` on a signal during the block; afterwards ignore signals, as only closing and writing is left.

    Args:
        stop: called in the running event loop.
    """
    call_on_stop(stop)
    try:
        yield
    finally:
        call_on_stop(lambda: None)


def stop_event() -> threading.Event:
    """Return an event that a signal sets, for a main thread without event loop."""
    event = threading.Event()
    for number in _STOP_SIGNALS:
        signal.signal(number, lambda *_: event.set())
    return event
