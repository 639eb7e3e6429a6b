"""Handles SIGINT, SIGTERM and SIGHUP: the only place that does, for event loops, prompts and plain threads."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from bulk_topup.errors import InterruptedRunError

#: A terminal that is closed sends SIGHUP, which `nohup` ignores.
_STOP_SIGNALS: Final = (
    signal.SIGINT,
    signal.SIGTERM,
    *((signal.SIGHUP,) if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN else ()),
)
#: Set by the first signal of a command.
_received: Final = threading.Event()


def forget_signals() -> None:
    """Forget the signals of an earlier command in this process."""
    _received.clear()


def was_stopped() -> bool:
    """Return True if a signal told the command to stop."""
    return _received.is_set()


def call_on_stop(stop: Callable[[], object]) -> None:
    """Call `stop` on each signal from now on, instead of what was called before.

    Args:
        stop: called in the running event loop.
    """

    def receive() -> None:
        _received.set()
        stop()

    for number in _STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, receive)


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


@contextmanager
def prompting() -> Iterator[None]:
    """End the block at once on a signal, also where an event loop handles signals: it can't run during a prompt.

    Raises:
        KeyboardInterrupt: SIGINT.
        InterruptedRunError: SIGTERM.
    """
    # Without its file, the loop does not learn of the signal: it would cancel the task that tells of it.
    loop_file = signal.set_wakeup_fd(-1)
    handlers = {number: signal.getsignal(number) for number in _STOP_SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _raise_interrupted)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(loop_file)


def _raise_interrupted(_number: int, _frame: FrameType | None) -> None:
    _received.set()
    raise InterruptedRunError("Interrupted; nothing was sent. Run the command again.")


def stop_event() -> threading.Event:
    """Return an event that a signal sets, for a main thread without event loop."""
    event = threading.Event()
    for number in _STOP_SIGNALS:
        signal.signal(number, lambda *_: event.set())
    return event
