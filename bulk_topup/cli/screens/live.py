"""Refreshes a display until it is final: in place on a terminal, elsewhere only what has changed.

Real time because a person reads it: the display is refreshed while they look at it.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

from rich.console import Console, RenderableType
from rich.live import Live

from bulk_topup.cli.screens.style import is_live
from bulk_topup.cli.stop_signals import stop_event

#: Returns what is shown now, and whether it is final.
Snapshot = Callable[[], tuple[RenderableType, bool]]

#: Most of the time that taking snapshots may use.
_SHARE_OF_TIME: Final = 0.1


def watch(snapshot: Snapshot, seconds: float, console: Console) -> None:
    """Show snapshots until one is final, or until a signal, e.g. by Ctrl-C.

    Args:
        snapshot: takes one.
        seconds: between two snapshots, at least; slow snapshots are taken less often.
        console: where they are shown.
    """
    stop = stop_event()  # an exception instead may be raised, and lost, where Python ignores them
    if not is_live(console):
        _refresh(snapshot, seconds, _Printer(console).show, stop)
        return
    with Live(console=console, auto_refresh=False) as live:
        _refresh(snapshot, seconds, lambda shown: live.update(shown, refresh=True), stop)


def _refresh(snapshot: Snapshot, seconds: float, show: Callable[[RenderableType], None], stop: threading.Event) -> None:
    while not stop.is_set():
        started = time.monotonic()
        shown, is_final = snapshot()
        show(shown)
        if is_final:
            return
        stop.wait(max(seconds, (time.monotonic() - started) / _SHARE_OF_TIME))


class _Printer:
    """Prints what differs from the last print."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = ""

    def show(self, shown: RenderableType) -> None:
        """Print it if it changed."""
        with self._console.capture() as printed:
            self._console.print(shown, crop=False)
        if printed.get() != self._last:
            self._last = printed.get()
            self._console.print(shown, crop=False)
            self._console.file.flush()
