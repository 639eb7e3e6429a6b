"""Background tasks: failures as texts, in bounded time, whatever the tasks do."""

import os
import signal
import threading

import pytest

from bulk_topup.monitoring.background_tasks import BackgroundTasks


def test_failures_are_returned_at_the_end_and_never_raised() -> None:
    tasks = BackgroundTasks()

    def fails() -> str | None:
        raise RuntimeError("https://hooks.example/secret")

    tasks.start("The first", fails)
    tasks.start("The second", lambda: "no connection")
    tasks.start("The third", lambda: None)
    assert tasks.wait(60) == [
        "The first failed: RuntimeError.",
        "The second failed: no connection.",
    ]
    assert tasks.wait(60) == []


def test_an_endless_task_is_waited_for_no_longer_than_the_timeout() -> None:
    tasks, released = BackgroundTasks(), threading.Event()
    tasks.start("The hook", lambda: None if released.wait() else "")
    assert tasks.wait(0) == ["The hook failed: timeout."]
    released.set()


def test_a_signal_only_shortens_the_wait() -> None:
    tasks, released = BackgroundTasks(), threading.Event()
    before = signal.getsignal(signal.SIGTERM)

    def stops_the_process() -> str | None:
        while signal.getsignal(signal.SIGTERM) is before:
            released.wait(0.001)
        os.kill(os.getpid(), signal.SIGTERM)
        released.wait()
        return None

    tasks.start("The hook", stops_the_process)
    # Without the signal, the test would reach its own time limit.
    assert tasks.wait(86_400) == ["The hook failed: timeout."]
    assert signal.getsignal(signal.SIGTERM) is before
    released.set()


def test_a_process_that_was_told_to_stop_waits_for_seconds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks, released = BackgroundTasks(), threading.Event()
    monkeypatch.setattr("bulk_topup.monitoring.background_tasks.HURRIED_SECONDS", 0)
    tasks.start("The hook", lambda: None if released.wait() else "")
    tasks.hurry()
    # Otherwise the test would reach its own time limit.
    assert tasks.wait(86_400) == ["The hook failed: timeout."]
    released.set()
