"""`bulk-topup annotate`: the sample payroll, with what became of it beside it."""

import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook


@pytest.fixture
def paid(here: Callable[..., Any], options: tuple[str, ...], root: Path, tmp_path: Path) -> Path:
    """A workbook that was paid, some of its rows declined."""
    path = tmp_path / "payroll.xlsx"
    shutil.copy(root / "sample_files/payroll.xlsx", path)
    here("run", path, "--sheet", "Payroll", *options, code=1)
    return path


def test_outcomes_stand_beside_the_rows_as_the_report_has_them(
    here: Callable[..., Any], options: tuple[str, ...], paid: Path, results: Callable[[str], list[dict[str, str]]]
) -> None:
    answer = here("annotate", "list/payroll", paid, *options)
    assert '250 rows of payroll.xlsx, sheet "Payroll", annotated.' in answer.stdout
    written = paid.with_name("payroll-results.xlsx")
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    header, *rows = load_workbook(written)["Payroll"].iter_rows(values_only=True)
    place = {name: header.index(name) for name in ("result_state", "result_external_id", "result_reason")}
    told = [{name: row[at] or "" for name, at in place.items()} for row in rows]
    assert told == [{name: row[name] for name in place} for row in results("list-payroll")]
    assert {row["result_state"] for row in told} == {"completed", "failed"}


def test_a_workbook_that_was_edited_since_names_the_lines_and_ends_with_1(
    here: Callable[..., Any], options: tuple[str, ...], paid: Path
) -> None:
    book = load_workbook(paid)
    book["Payroll"]["F5"].value = 99
    book.save(paid)
    answer = here("annotate", "list/payroll", paid, "--json", *options, code=1)
    told = json.loads(answer.stdout)
    assert (told["rows"], told["differing"], told["missing"], told["unknown"]) == (249, [5], [], [])
    again = here("annotate", "list/payroll", paid, "--force", *options, code=1)
    assert "1 row changed since the run; no outcome written: row 5." in again.stdout


def test_in_place_the_list_can_be_paid_and_annotated_again(
    here: Callable[..., Any], options: tuple[str, ...], paid: Path
) -> None:
    here("annotate", "list/payroll", paid, "--in-place", *options)
    again = here("run", paid, "--sheet", "Payroll", *options, code=1)
    assert "230 completed" in " ".join(again.stdout.split())
    here("annotate", "list/payroll", paid, "--in-place", *options)
    header = next(load_workbook(paid)["Payroll"].iter_rows(values_only=True))
    assert header.count("result_state") == 1
    assert "result_state_2" not in header


def test_options_that_contradict_each_other_and_other_runs_are_refused(
    here: Callable[..., Any], options: tuple[str, ...], paid: Path
) -> None:
    before = paid.read_bytes()
    assert "--in-place" in here("annotate", "x", paid, "--in-place", "--output", "y.xlsx", *options, code=2).stderr
    assert "state --in-place" in here("annotate", "x", paid, "--output", paid, *options, code=2).stderr
    assert "holds no run" in here("annotate", "nobody", paid, *options, code=3).stderr
    here("annotate", "list/payroll", paid, *options)
    assert "add --force" in here("annotate", "list/payroll", paid, *options, code=3).stderr
    assert paid.read_bytes() == before
