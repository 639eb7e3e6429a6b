"""Work in a thread with an event loop of its own, for a caller that waits; touches no signals and no other loop.

So it makes no difference whether the caller is in the main thread, or in an event loop that is on, as a notebook's is.
Whatever is raised in the caller while it waits, by Ctrl-C or by somebody's handler of a signal, stops the work safely.
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
    """Something that is done in a thread of its own.

    Args:
        main: what is done, in the thread's event loop; it is given this.
    """

    def __init__(self, main: Callable[["Work[T]"], Coroutine[Any, Any, T]]) -> None:
        self._main = main
        self._ended: Future[T] = Future()
        self._ended.set_running_or_notify_cancel()
        self._loop: asyncio.AbstractEventLoop | None = None
        #: Set once there is a loop, or will never be one.
        self._is_decided = Event()
        #: The caller gave up, maybe before the thread was seen to be on; then nothing is done.
        self._is_given_up = False
        #: What ends the work at present; only its own thread uses it.
        self.stop: Callable[[], object] = lambda: None

    def result(self, *, look: Callable[[], object], seconds: float) -> T:
        """Do it, wait, and give what comes of it.

        Args:
            look: called in this thread while it waits; where it raises, the work is stopped.
            seconds: between two calls of it.
        """
        # No daemon: what a caller that gave up left on its way still lands before the process ends.
        thread = Thread(target=self._run, name="bulk-topup")
        try:
            thread.start()
            while not wait([self._ended], seconds).done:
                look()
        except BaseException:
            self._is_given_up = True
            if thread.ident is not None:
                self._stop_from_outside()
                wait([self._ended])
            raise
        return self._ended.result()

    def _stop_from_outside(self) -> None:
        self._is_decided.wait()
        if self._loop is not None:
            with suppress(RuntimeError):  # it ended just now
                self._loop.call_soon_threadsafe(lambda: self.stop())

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                result = runner.run(self._begin())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            self._ended.set_exception(error)
        else:
            self._ended.set_result(result)
        finally:
            self._is_decided.set()

    async def _begin(self) -> T:
        if self._is_given_up:
            raise asyncio.CancelledError
        task = asyncio.ensure_future(self._main(self))
        self.stop = task.cancel
        self._loop = asyncio.get_running_loop()
        self._is_decided.set()
        return await task
