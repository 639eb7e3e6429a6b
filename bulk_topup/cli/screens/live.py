"""Shows something again and again until it is over: in place on a terminal, elsewhere only what has changed."""

import time
from collections.abc import Callable
from typing import Final

from rich.console import Console, RenderableType
from rich.live import Live

from bulk_topup.cli.screens.style import is_live

#: Gives what is seen at a moment, and whether it stays so.
Look = Callable[[], tuple[RenderableType, bool]]

#: To look never takes more than this share of the time.
_SHARE_OF_TIME: Final = 0.1


def watch(look: Look, seconds: float, console: Console) -> None:
    """Show what is looked at until it is over, or until Ctrl-C.

    Args:
        look: gives what is seen, and whether it stays so.
        seconds: between two looks, at least; what takes long to look at is looked at less often.
        console: where it is shown.
    """
    try:
        if not is_live(console):
            _follow(look, seconds, _Printer(console).show)
            return
        with Live(console=console, auto_refresh=False) as live:
            _follow(look, seconds, lambda shown: live.update(shown, refresh=True))
    except KeyboardInterrupt:
        return


def _follow(look: Look, seconds: float, show: Callable[[RenderableType], None]) -> None:
    while True:
        began = time.monotonic()
        shown, is_over = look()
        show(shown)
        if is_over:
            return
        time.sleep(max(seconds, (time.monotonic() - began) / _SHARE_OF_TIME))


class _Printer:
    """Prints what differs from what it printed last."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = ""

    def show(self, shown: RenderableType) -> None:
        """Print it, unless nothing has changed."""
        with self._console.capture() as printed:
            self._console.print(shown, crop=False)
        if printed.get() != self._last:
            self._last = printed.get()
            self._console.print(shown, crop=False)
            self._console.file.flush()
