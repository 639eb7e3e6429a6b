"""A plugin of pytest that tells coverage.py which test runs, and notes durations, failures and libraries.

Use it with `coverage run -m pytest -p mutants.line_contexts`. `MUTANTS_NOTES` names the file for the notes, in JSON.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

_durations: dict[str, float] = {}
_failed: set[str] = set()


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
    """Note how long a phase of a test took, and whether it failed."""
    _durations[report.nodeid] = _durations.get(report.nodeid, 0.0) + report.duration
    if report.failed:
        _failed.add(report.nodeid)


def pytest_sessionfinish() -> None:
    """Write the notes."""
    notes = {
        "durations": _durations,
        "failed": sorted(_failed),
        "libraries": [
            name for name, module in sys.modules.items() if "site-packages" in (getattr(module, "__file__", None) or "")
        ],
    }
    Path(os.environ["MUTANTS_NOTES"]).write_text(json.dumps(notes), encoding="utf-8")
