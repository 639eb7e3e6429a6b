"""The list's own columns in a report's results: those that the job chooses, or all that the workbook shows; pure."""

import json
from collections.abc import Callable
from dataclasses import replace

from bulk_topup.domain.run import Run
from bulk_topup.report.formats.interface import Sink


def shown_columns(run: Run) -> tuple[int, ...] | None:
    """Return the indexes of the list's columns that the results have, in their order; None for all."""
    settings = json.loads(run.reporting or "{}")
    if (chosen := settings.get("columns")) is not None:
        return tuple(run.columns.index(name) for name in chosen if name in run.columns)
    hidden = set(settings.get("hidden_columns", ()))
    shown = tuple(index for index, name in enumerate(run.columns) if name not in hidden)
    return None if len(shown) == len(run.columns) else shown


def narrowed(run: Run) -> tuple[Run, Callable[[Sink], Sink]]:
    """Return the run with the columns that its results have, and a function that gives a sink their cells alone."""
    shown = shown_columns(run)
    if shown is None:
        return run, lambda sink: sink

    def narrow(cells: list[str]) -> list[str]:
        return [cells[index] if index < len(cells) else "" for index in shown]

    def narrowed_sink(sink: Sink) -> Sink:
        return lambda page: sink(replace(page, cells=[narrow(list(cells)) for cells in page.cells]))

    return replace(run, columns=tuple(run.columns[index] for index in shown)), narrowed_sink
