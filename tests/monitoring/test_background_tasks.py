"""Errands beside a run: they end with their reasons, in bounded time, whatever they do."""

import os
import signal
import threading

from bulk_topup.monitoring.background_tasks import BackgroundTasks


def test_what_goes_wrong_is_told_in_the_end_and_never_raised() -> None:
    tasks = BackgroundTasks()

    def fails() -> str | None:
        raise RuntimeError("https://hooks.example/secret")

    tasks.start("The first", fails)
    tasks.start("The second", lambda: "nobody is there")
    tasks.start("The third", lambda: None)
    assert tasks.wait(60) == [
        "The first did not get through: RuntimeError.",
        "The second did not get through: nobody is there.",
    ]
    assert tasks.wait(60) == []


def test_an_errand_without_end_is_waited_for_no_longer_than_was_said() -> None:
    tasks, released = BackgroundTasks(), threading.Event()
    tasks.start("The hook", lambda: None if released.wait() else "")
    assert tasks.wait(0) == ["The hook did not get through: it takes too long."]
    released.set()


def test_a_signal_shortens_the_wait_and_does_nothing_else() -> None:
    tasks, released = BackgroundTasks(), threading.Event()
    before = signal.getsignal(signal.SIGTERM)

    def stops_the_process() -> str | None:
        while signal.getsignal(signal.SIGTERM) is before:
            released.wait(0.001)
        os.kill(os.getpid(), signal.SIGTERM)
        released.wait()
        return None

    tasks.start("The hook", stops_the_process)
    # Without the signal this would wait for a day, which the test's own time limit would end.
    assert tasks.wait(86_400) == ["The hook did not get through: it takes too long."]
    assert signal.getsignal(signal.SIGTERM) is before
    released.set()
