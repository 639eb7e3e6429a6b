"""Runs work in a thread with an event loop of its own while the caller waits; touches no signals and no other loop.

So the caller may be in any thread, and in a running event loop, as in a notebook. An exception that is raised in the
caller while it waits, by Ctrl-C or a signal handler, stops the work safely.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from contextlib import suppress
from threading import Event, Thread
from typing import Any, Generic, TypeVar

import uvloop

T = TypeVar("T")


class Work(Generic[T]):
    """Work in a thread of its own.

    Args:
        main: the work, in the event loop of the thread; it is called with this object.
    """

    def __init__(self, main: Callable[["Work[T]"], Coroutine[Any, Any, T]]) -> None:
        self._main = main
        self._outcome: Future[T] = Future()
        self._outcome.set_running_or_notify_cancel()
        self._loop: asyncio.AbstractEventLoop | None = None
        #: Set once the loop is running, or can never be.
        self._is_started = Event()
        #: Whether the caller gave up, possibly before the thread was running; then the work does not start.
        self._is_given_up = False
        #: Stops the work at its present stage; called and replaced only in the thread of the work.
        self.stop: Callable[[], object] = lambda: None

    def result(self, *, on_wait: Callable[[], object], interval: float) -> T:
        """Run the work, wait for it, and return its result.

        Args:
            on_wait: called in this thread while it waits; an exception that it raises stops the work.
            interval: seconds between two such calls.
        """
        # No daemon: after the caller gave up, rows in flight get their outcome before the process ends.
        thread = Thread(target=self._run, name="bulk-topup")
        try:
            thread.start()
            while not wait([self._outcome], interval).done:
                on_wait()
        except BaseException:
            self._is_given_up = True
            if thread.ident is not None:
                self._stop_from_outside()
                wait([self._outcome])
            raise
        return self._outcome.result()

    def _stop_from_outside(self) -> None:
        self._is_started.wait()
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has just closed
                self._loop.call_soon_threadsafe(lambda: self.stop())

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                result = runner.run(self._start())
        except BaseException as error:  # noqa: BLE001 - it is raised in the waiting thread
            self._outcome.set_exception(error)
        else:
            self._outcome.set_result(result)
        finally:
            self._is_started.set()

    async def _start(self) -> T:
        if self._is_given_up:
            raise asyncio.CancelledError
        task = asyncio.ensure_future(self._main(self))
        self.stop = task.cancel
        self._loop = asyncio.get_running_loop()
        self._is_started.set()
        return await task
