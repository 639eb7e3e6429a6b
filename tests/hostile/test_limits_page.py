"""The page of limits: each bound on it is that of the code."""

import importlib
import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[2] / "docs" / "limits.md").read_text(encoding="utf-8")
UNITS = {"KiB": 1024, "MiB": 1024**2}
ROWS = [
    (names, bounds)
    for bounds, names in re.findall(r"^\| .* \| (.*?) \| (.*?) \|$", TEXT, flags=re.MULTILINE)
    if "MAX" in names or re.search(r"[A-Z]{4}", names)
]


def _numbers(text: str) -> list[int]:
    found = re.findall(r"([0-9][0-9,]*)(?: (KiB|MiB))?", text)
    return [int(number.replace(",", "")) * UNITS.get(unit, 1) for number, unit in found]


@pytest.mark.parametrize(("names", "bounds"), ROWS)
def test_each_bound_of_the_page_is_that_of_the_code(names: str, bounds: str) -> None:
    numbers = _numbers(bounds.replace("64 bits", str(2**63 - 1)))
    for number, name in zip(numbers, re.findall(r"`([\w.]+)`", names), strict=True):
        module, _, constant = name.rpartition(".")
        assert getattr(importlib.import_module(f"bulk_topup.{module}"), constant) == number


def test_the_page_names_most_bounds() -> None:
    assert len(ROWS) > 20
