"""Runs a command's work in an event loop, which SIGINT and SIGTERM end."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

from bulk_topup.errors import InterruptedRunError

T = TypeVar("T")

#: What asks a command to end.
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_async(
    main: Coroutine[Any, Any, T], *, interrupted: str = "Interrupted before anything was sent; start again."
) -> T:
    """Run a command's work in an event loop of its own; SIGINT and SIGTERM end it, unless it handles them itself.

    Args:
        main: the work.
        interrupted: what is true of it when a signal ends it.

    Raises:
        InterruptedRunError: a signal ended it.
    """

    async def guarded() -> T:
        task = asyncio.ensure_future(main)
        for number in STOP_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            raise InterruptedRunError(interrupted) from None

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(guarded())
