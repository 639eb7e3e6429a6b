"""Metrics of a run in the text format of Prometheus, for the textfile collector of node exporter; writes the file.

The official client library is not used, because it converts amounts to floats.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Final

from bulk_topup.__version__ import __version__
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.states import RowState
from bulk_topup.system.files import atomic_write

#: Readable for all users, because the collector runs as another user; the file has no personal data and no secrets.
MODE: Final = 0o644


@dataclass(frozen=True, kw_only=True, slots=True)
class RunMetrics:
    """Metrics of one invocation at one time."""

    job: str
    #: Run key; empty until it is known.
    run: str
    environment: str
    #: The account that pays, as the ledger names it; empty if it is not known yet.
    account: str = ""
    #: Start time, in seconds since 1970.
    started_at: Decimal
    #: Duration so far, in seconds.
    seconds: Decimal
    #: None while it is running.
    exit_code: int | None = None
    #: Rows by state; empty until the run is known.
    counts: Mapping[RowState, int] = field(default_factory=dict)
    #: Requests to DVS, and how many of them were throttled (HTTP 429).
    requests: int = 0
    throttled: int = 0
    #: Cost of completed rows, and amount on hold for accepted rows, by wallet currency.
    charged: Mapping[str, Decimal] = field(default_factory=dict)
    on_hold: Mapping[str, Decimal] = field(default_factory=dict)


class MetricsFile:
    """The metrics file of an invocation, written in threads, so that a disk that hangs keeps nobody.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        #: Why it could not be written the last time; None if it was.
        self.error: str | None = None
        # None of an event loop's threads, which the process waits for when it ends.
        self._thread = Thread()

    def update(self, metrics: RunMetrics) -> None:
        """Write metrics, and return at once; do nothing while earlier ones are still being written."""
        if not self._thread.is_alive():
            self._thread = Thread(target=self._write, args=(metrics,), daemon=True)
            self._thread.start()

    def finish(self, metrics: RunMetrics) -> None:
        """Write the last metrics once earlier ones are written."""
        if self._thread.is_alive():
            self._thread.join()
        self._write(metrics)

    def _write(self, metrics: RunMetrics) -> None:
        try:
            write_metrics(self.path, metrics)
            self.error = None
        except OSError as error:
            self.error = error.strerror


_Sample = tuple[Mapping[str, str], Decimal | int]


def exposition(metrics: RunMetrics) -> str:
    """Return metrics in the text format of Prometheus."""
    return "".join(_lines(metrics))


def write_metrics(path: Path, metrics: RunMetrics) -> None:
    """Write metrics to a file, completely or not at all.

    Raises:
        OSError: it cannot be written.
    """
    with atomic_write(path) as temporary:
        temporary.write_text(exposition(metrics), encoding="utf-8")
        temporary.chmod(MODE)


def _lines(metrics: RunMetrics) -> Iterator[str]:
    is_running = metrics.exit_code is None
    yield from _family(
        metrics,
        "info",
        "gauge",
        "Version and account of the last invocation.",
        [({"version": __version__, "account": metrics.account}, 1)],
    )
    yield from _family(metrics, "running", "gauge", "Whether the job is running.", [({}, int(is_running))])
    started = "Start time of the last invocation, in seconds since 1970."
    yield from _family(metrics, "start_timestamp_seconds", "gauge", started, [({}, metrics.started_at)])
    yield from _family(
        metrics, "duration_seconds", "gauge", "Duration of the last invocation so far.", [({}, metrics.seconds)]
    )
    if metrics.exit_code is not None:
        ended = "End time of the last invocation, in seconds since 1970."
        yield from _family(
            metrics, "end_timestamp_seconds", "gauge", ended, [({}, metrics.started_at + metrics.seconds)]
        )
        meaning = "Exit code of the last invocation; 0 if all rows completed."
        yield from _family(metrics, "exit_code", "gauge", meaning, [({}, metrics.exit_code)])
    rows: list[_Sample] = [({"state": state.value}, count) for state, count in metrics.counts.items()]
    yield from _family(metrics, "rows", "gauge", "Rows of the run by state.", rows)
    money: list[_Sample] = [
        ({"kind": kind, "currency": currency}, amount)
        for kind, sums in (("charged", metrics.charged), ("held", metrics.on_hold))
        for currency, amount in sums.items()
    ]
    meaning = "Cost of completed rows (charged), and amount on hold for accepted rows (held), by currency."
    yield from _family(metrics, "money", "gauge", meaning, money)
    yield from _family(
        metrics, "requests_total", "counter", "Requests of the last invocation to DVS.", [({}, metrics.requests)]
    )
    yield from _family(
        metrics,
        "throttled_requests_total",
        "counter",
        "Requests of the last invocation that DVS throttled (HTTP 429).",
        [({}, metrics.throttled)],
    )


def _family(metrics: RunMetrics, name: str, kind: str, meaning: str, samples: list[_Sample]) -> Iterator[str]:
    if not samples:
        return
    full = f"bulk_topup_{name}"
    yield f"# HELP {full} {meaning}\n# TYPE {full} {kind}\n"
    for labels, value in samples:
        all_labels = {"job": metrics.job, "run": metrics.run, "environment": metrics.environment, **labels}
        text = ",".join(f'{label}="{_escaped(content)}"' for label, content in all_labels.items())
        yield f"{full}{{{text}}} {format_plain(Decimal(value))}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
