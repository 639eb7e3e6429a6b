"""A plugin of pytest that tells coverage.py which test runs, and notes how long each takes.

Use it with `coverage run -m pytest -p mutants.line_contexts`. `MUTANTS_DURATIONS` names the file for the durations.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

_durations: dict[str, float] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Name the test while it runs."""
    current = coverage.Coverage.current()
    if current is not None:
        current.switch_context(item.nodeid)
    result = yield
    if current is not None:
        current.switch_context("")
    return result


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note how long a phase of a test took."""
    _durations[report.nodeid] = _durations.get(report.nodeid, 0.0) + report.duration


def pytest_sessionfinish() -> None:
    """Write the durations."""
    Path(os.environ["MUTANTS_DURATIONS"]).write_text(json.dumps(_durations), encoding="utf-8")
