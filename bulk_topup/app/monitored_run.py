"""Connects a run to its monitor: the watcher beside the user's, and how every invocation's end is reported."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from bulk_topup.app.execute import FinishedRun, Watcher
from bulk_topup.app.monitor import RunMonitor
from bulk_topup.app.prepare import Prepared
from bulk_topup.app.run_ending import InvocationEnd
from bulk_topup.domain.run import Run
from bulk_topup.engine import Runner
from bulk_topup.jobs.job import Job


class MonitoredWatcher:
    """Follows a run for its monitor, beside the watcher that follows it for its user.

    Args:
        monitor: the invocation's monitor.
        watcher: the user's watcher.
    """

    def __init__(self, monitor: RunMonitor, watcher: Watcher) -> None:
        self._monitor = monitor
        self._watcher = watcher

    def prepared(self, job: Job, run: Run | None, prepared: Prepared) -> None:
        """Pass the plan to both."""
        self._watcher.prepared(job, run, prepared)
        self._monitor.record_plan(prepared)

    def confirm(self, run_name: str, rows: int) -> None:
        """Return if the user's watcher confirms, else raise."""
        self._watcher.confirm(run_name, rows)

    @contextmanager
    def running(self, run: Run, runner: Runner) -> Iterator[None]:
        """Follow the run for both while the block lasts."""
        with self._watcher.running(run, runner), self._monitor.running(run, runner):
            yield


@contextmanager
def monitored_run(
    monitor: RunMonitor,
    end_of: Callable[[BaseException | None, FinishedRun | None], InvocationEnd],
    warn: Callable[[Sequence[str]], object],
) -> Iterator[RunMonitor]:
    """Report the end of the block, however it ends; what it raises stays the same.

    Args:
        monitor: reports the invocation.
        end_of: returns what the end means, of what the block raised and of the run's end, either of them None for
            nothing.
        warn: called with a sentence for everything that could not be reported.
    """
    error: BaseException | None = None
    try:
        yield monitor
    except BaseException as raised:
        error = raised
        raise
    finally:
        warn(monitor.end(end_of(error, monitor.finished)))
