"""What is done beside a run and may take its time, on threads that die with the process; touches signals too."""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread, current_thread, main_thread
from types import FrameType
from typing import Final

#: Seconds between looks at whether somebody is in a hurry, and those that errands still get then.
_STEP: Final = 0.1
HURRIED: Final = 2.0


class BackgroundTasks:
    """Runs errands side by side; what goes wrong with one is told in the end, and never raised."""

    def __init__(self) -> None:
        self._begun: list[_Errand] = []
        #: Until when anything is waited for, by the monotonic clock; soon, once somebody asked the process to end.
        self._latest = math.inf

    def start(self, what: str, errand: Callable[[], str | None]) -> None:
        """Begin an errand and return at once.

        Args:
            what: what is to be done, as the subject of a sentence.
            errand: gives why it could not be done; None when it is.
        """
        begun = _Errand(what, errand)
        self._begun.append(begun)
        try:
            begun.start()
        except RuntimeError as error:  # there are too many threads
            begun.why_not = str(error)

    def wait(self, seconds: float) -> list[str]:
        """Wait for all errands, no longer than so many seconds, and give what went wrong.

        SIGINT and SIGTERM meanwhile shorten the wait and change nothing else: how the process ends is settled by now.
        """
        end = min(time.monotonic() + seconds, self._latest)
        with self._signals_heard():
            for errand in self._begun:
                while errand.is_alive() and time.monotonic() < end:
                    errand.join(_STEP)
                    end = min(end, self._latest)
        told = [text for errand in self._begun if (text := errand.told())]
        self._begun.clear()
        return told

    @contextmanager
    def _signals_heard(self) -> Iterator[None]:
        if current_thread() is not main_thread():  # which alone may ask for signals
            yield
            return
        before = {number: signal.signal(number, self._hurry) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler or signal.SIG_DFL)

    def _hurry(self, _number: int, _frame: FrameType | None) -> None:
        self._latest = min(self._latest, time.monotonic() + HURRIED)


class _Errand(Thread):
    def __init__(self, what: str, errand: Callable[[], str | None]) -> None:
        super().__init__(daemon=True)
        self._what = what
        self._errand = errand
        self.why_not: str | None = None

    def run(self) -> None:
        try:
            self.why_not = self._errand()
        except Exception as error:  # noqa: BLE001 - whatever it is, the run goes on
            self.why_not = type(error).__name__  # its text may hold an address

    def told(self) -> str | None:
        why_not = "it takes too long" if self.is_alive() else self.why_not
        return why_not and f"{self._what} did not get through: {why_not}."
