"""RunMetrics of a start for Prometheus, as its node exporter collects them from text files; writes the file.

The text is written here and not by a library, because that one makes a float of every amount.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

from bulk_topup.__version__ import __version__
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.states import RowState
from bulk_topup.system.files import atomic_write

#: Others read the file: whoever collects has a user of its own. It holds no person and no secret.
MODE: Final = 0o644


@dataclass(frozen=True, kw_only=True, slots=True)
class RunMetrics:
    """What is known of a start at one moment."""

    job: str
    #: The run's key; empty while that is not known.
    run: str
    environment: str
    #: When the start began, in seconds since 1970.
    started_at: Decimal
    #: How long it has taken so far, in seconds.
    seconds: Decimal
    #: None while it is on.
    exit_code: int | None = None
    #: Rows in each state; empty while the run is not known.
    counts: Mapping[RowState, int] = field(default_factory=dict)
    #: Requests of this start, and answers with 429 among them.
    requests: int = 0
    throttled: int = 0
    #: What the wallet has paid for completed rows, and what it has set aside for open ones, by currency.
    charged: Mapping[str, Decimal] = field(default_factory=dict)
    on_hold: Mapping[str, Decimal] = field(default_factory=dict)


_Sample = tuple[Mapping[str, str], Decimal | int]


def exposition(figures: RunMetrics) -> str:
    """Give the figures in Prometheus' text format."""
    return "".join(_lines(figures))


def write_metrics(path: Path, figures: RunMetrics) -> None:
    """Write the figures into a file, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    with atomic_write(path) as temporary:
        temporary.write_text(exposition(figures), encoding="utf-8")
        temporary.chmod(MODE)


def _lines(figures: RunMetrics) -> Iterator[str]:
    is_running = figures.exit_code is None
    yield from _family(
        figures,
        "info",
        "gauge",
        "The version that made the last start, and where it pays.",
        [({"version": __version__, "environment": figures.environment}, 1)],
    )
    yield from _family(figures, "running", "gauge", "Whether the start is on.", [({}, int(is_running))])
    began = "When the last start began, in seconds since 1970."
    yield from _family(figures, "start_timestamp_seconds", "gauge", began, [({}, figures.started_at)])
    yield from _family(
        figures, "duration_seconds", "gauge", "How long the last start took, so far.", [({}, figures.seconds)]
    )
    if figures.exit_code is not None:
        ended = "When the last start ended, in seconds since 1970."
        yield from _family(
            figures, "end_timestamp_seconds", "gauge", ended, [({}, figures.started_at + figures.seconds)]
        )
        meaning = "The exit code of the last start; 0 when all rows completed."
        yield from _family(figures, "exit_code", "gauge", meaning, [({}, figures.exit_code)])
    rows: list[_Sample] = [({"state": state.value}, count) for state, count in figures.counts.items()]
    yield from _family(figures, "rows", "gauge", "Rows of the run in each state.", rows)
    money: list[_Sample] = [
        ({"kind": kind, "currency": currency}, amount)
        for kind, sums in (("charged", figures.charged), ("held", figures.on_hold))
        for currency, amount in sums.items()
    ]
    meaning = "What the wallet has paid for the run's completed rows, and holds for its open ones, by currency."
    yield from _family(figures, "money", "gauge", meaning, money)
    yield from _family(
        figures, "requests_total", "counter", "Requests of the last start to the provider.", [({}, figures.requests)]
    )
    yield from _family(
        figures,
        "throttled_requests_total",
        "counter",
        "Requests of the last start that the provider answered with 429.",
        [({}, figures.throttled)],
    )


def _family(figures: RunMetrics, name: str, kind: str, meaning: str, samples: list[_Sample]) -> Iterator[str]:
    if not samples:
        return
    full = f"bulk_topup_{name}"
    yield f"# HELP {full} {meaning}\n# TYPE {full} {kind}\n"
    for labels, value in samples:
        all_labels = {"job": figures.job, "run": figures.run, **labels}
        text = ",".join(f'{label}="{_escaped(content)}"' for label, content in all_labels.items())
        yield f"{full}{{{text}}} {format_plain(Decimal(value))}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
