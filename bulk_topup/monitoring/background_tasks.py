"""Tasks in the background of a run, on threads that end with the process; handles signals while it waits.

Real time because it waits for threads, and those for servers.
"""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread, current_thread, main_thread
from types import FrameType
from typing import Final

#: Seconds between checks whether a signal shortened the wait.
_STEP: Final = 0.1
#: Seconds that tasks have after a signal while they are waited for.
SECONDS_AFTER_SIGNAL: Final = 2.0
#: Seconds that they have if the signal came before the end of the run.
HURRIED_SECONDS: Final = 10.0


class BackgroundTasks:
    """Runs tasks concurrently; a failure is reported at the end, and never raised."""

    def __init__(self) -> None:
        self._tasks: list[_Task] = []
        #: Monotonic time until which `wait` waits at most; a signal sets it.
        self._latest = math.inf

    def start(self, name: str, task: Callable[[], str | None], *, failed: str = "failed") -> None:
        """Start a task and return at once.

        Args:
            name: what the task does, as the subject of a sentence.
            task: returns why it failed, or None.
            failed: the verb of the sentence about its failure.
        """
        thread = _Task(f"{name} {failed}", task)
        self._tasks.append(thread)
        try:
            thread.start()
        except RuntimeError as error:  # there are too many threads
            thread.error = str(error)

    def hurry(self) -> None:
        """Wait `HURRIED_SECONDS` at most in all: a signal told the process to end before."""
        self._latest = min(self._latest, time.monotonic() + HURRIED_SECONDS)

    def wait(self, seconds: float) -> list[str]:
        """Wait for all tasks, and return a sentence for each that failed or timed out.

        SIGINT and SIGTERM only shorten the wait: the exit code of the command is already decided.

        Args:
            seconds: maximum wait.
        """
        end = min(time.monotonic() + seconds, self._latest)
        with self._shortened_by_signals():
            for task in self._tasks:
                while task.is_alive() and time.monotonic() < end:
                    task.join(_STEP)
                    end = min(end, self._latest)
        failures = [text for task in self._tasks if (text := task.failure())]
        self._tasks.clear()
        return failures

    @contextmanager
    def _shortened_by_signals(self) -> Iterator[None]:
        if current_thread() is not main_thread():  # only the main thread can handle signals
            yield
            return
        before = {number: signal.signal(number, self._shorten) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler or signal.SIG_DFL)

    def _shorten(self, _number: int, _frame: FrameType | None) -> None:
        self._latest = min(self._latest, time.monotonic() + SECONDS_AFTER_SIGNAL)


class _Task(Thread):
    def __init__(self, sentence: str, task: Callable[[], str | None]) -> None:
        super().__init__(daemon=True)
        self._sentence = sentence
        self._task = task
        self.error: str | None = None

    def run(self) -> None:
        try:
            self.error = self._task()
        except Exception as error:  # noqa: BLE001 - no failure may stop the run
            self.error = type(error).__name__  # its text may contain an address

    def failure(self) -> str | None:
        error = "timeout" if self.is_alive() else self.error
        return error and f"{self._sentence}: {error}."
