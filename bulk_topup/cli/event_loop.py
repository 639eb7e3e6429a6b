"""Runs a command's work in an event loop, which SIGINT and SIGTERM end."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

from bulk_topup.cli.stop_signals import call_on_stop
from bulk_topup.errors import InterruptedRunError

T = TypeVar("T")


def run_async(
    main: Coroutine[Any, Any, T], *, interrupted: str = "Interrupted; nothing was sent. Run the command again."
) -> T:
    """Return the result of a command's work, run in a new event loop; SIGINT and SIGTERM cancel it.

    Work that must stop in another way handles the signals itself (`stop_signals.stopped_by_signals`).

    Args:
        main: the work.
        interrupted: the error's sentence when a signal cancels it.

    Raises:
        InterruptedRunError: a signal cancelled it.
    """

    async def guarded() -> T:
        task = asyncio.ensure_future(main)
        call_on_stop(task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            raise InterruptedRunError(interrupted) from None

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(guarded())
