"""The page of limits: each bound on it is that of the code."""

import importlib
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[2] / "docs" / "limits.md").read_text(encoding="utf-8")
#: What a number before a unit stands for.
UNITS: dict[str, Callable[[int], object]] = {
    "KiB": lambda number: number * 1024,
    "MiB": lambda number: number * 1024**2,
    "min": lambda number: timedelta(minutes=number),
    "%": lambda number: number / 100,
}
ROWS = [
    (names, bounds)
    for bounds, names in re.findall(r"^\| .* \| (.*?) \| (.*?) \|$", TEXT, flags=re.MULTILINE)
    if "MAX" in names or re.search(r"[A-Z]{4}", names)
]


def _bounds(text: str) -> list[object]:
    found = re.findall(r"([0-9][0-9,]*)(?: (KiB|MiB|min|%))?", text)
    return [UNITS.get(unit, int)(int(number.replace(",", ""))) for number, unit in found]


@pytest.mark.parametrize(("names", "bounds"), ROWS)
def test_each_bound_of_the_page_is_that_of_the_code(names: str, bounds: str) -> None:
    values = _bounds(bounds.replace("64 bits", str(2**63 - 1)))
    for value, name in zip(values, re.findall(r"`([\w.]+)`", names), strict=True):
        module, _, constant = name.rpartition(".")
        assert getattr(importlib.import_module(f"bulk_topup.{module}"), constant) == value


def test_the_page_names_most_bounds() -> None:
    assert len(ROWS) > 20
