"""`bulk-topup annotate`: the sample payroll with its outcomes beside its rows."""

import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook


@pytest.fixture
def paid(invoke: Callable[..., Any], options: tuple[str, ...], root: Path, tmp_path: Path) -> Path:
    """A workbook that was paid, some of its rows declined."""
    path = tmp_path / "payroll.xlsx"
    shutil.copy(root / "sample_files/payroll.xlsx", path)
    invoke("run", path, "--sheet", "Payroll", *options, code=1)
    return path


def test_outcomes_are_written_beside_the_rows_as_in_the_report(
    invoke: Callable[..., Any], options: tuple[str, ...], paid: Path, results: Callable[[str], list[dict[str, str]]]
) -> None:
    result = invoke("annotate", "list/payroll", paid, *options)
    assert '250 rows of payroll.xlsx, sheet "Payroll", annotated.' in result.stdout
    written = paid.with_name("payroll-results.xlsx")
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    header, *rows = load_workbook(written)["Payroll"].iter_rows(values_only=True)
    columns = {name: header.index(name) for name in ("result_state", "result_external_id", "result_reason")}
    annotated = [{name: row[at] or "" for name, at in columns.items()} for row in rows]
    assert annotated == [{name: row[name] for name in columns} for row in results("list-payroll")]
    assert {row["result_state"] for row in annotated} == {"completed", "failed"}


def test_rows_that_were_edited_since_the_run_are_named_and_exit_with_1(
    invoke: Callable[..., Any], options: tuple[str, ...], paid: Path
) -> None:
    book = load_workbook(paid)
    book["Payroll"]["F5"].value = 99
    book.save(paid)
    result = invoke("annotate", "list/payroll", paid, "--json", *options, code=1)
    output = json.loads(result.stdout)
    assert (output["rows"], output["differing"], output["missing"], output["unknown"]) == (249, [5], [], [])
    again = invoke("annotate", "list/payroll", paid, "--force", *options, code=1)
    assert "1 row changed since the run; no outcome written: row 5." in again.stdout


def test_a_list_annotated_in_place_can_be_paid_and_annotated_again(
    invoke: Callable[..., Any], options: tuple[str, ...], paid: Path
) -> None:
    invoke("annotate", "list/payroll", paid, "--in-place", *options)
    again = invoke("run", paid, "--sheet", "Payroll", *options, code=1)
    assert "230 completed" in " ".join(again.stdout.split())
    invoke("annotate", "list/payroll", paid, "--in-place", *options)
    header = next(load_workbook(paid)["Payroll"].iter_rows(values_only=True))
    assert header.count("result_state") == 1
    assert "result_state_2" not in header


def test_contradicting_options_unknown_runs_and_existing_files_are_refused(
    invoke: Callable[..., Any], options: tuple[str, ...], paid: Path
) -> None:
    before = paid.read_bytes()
    assert "--in-place" in invoke("annotate", "x", paid, "--in-place", "--output", "y.xlsx", *options, code=2).stderr
    assert "Add --in-place" in invoke("annotate", "x", paid, "--output", paid, *options, code=2).stderr
    assert 'No run "nobody" in the ledger' in invoke("annotate", "nobody", paid, *options, code=3).stderr
    invoke("annotate", "list/payroll", paid, *options)
    assert "add --force" in invoke("annotate", "list/payroll", paid, *options, code=3).stderr
    assert paid.read_bytes() == before


def test_rows_that_the_job_filters_out_and_another_sheet_of_the_same_columns_are_no_discrepancies(
    pay: Callable[..., Any], tmp_path: Path
) -> None:
    book = Workbook()
    for title in ("November", "December"):
        sheet = book.create_sheet(title)
        for row in (("phone", "amount", "status"), ("+6595123100", "5", "paid"), ("+6595123101", "5", "rejected")):
            sheet.append(row)
    del book["Sheet"]
    book.save(tmp_path / "pay.xlsx")
    (tmp_path / "pay.toml").write_text(
        'list = "pay.xlsx"\nrun_key = "1"\nsheet = "December"\nproduct = 6418\n'
        '[[filters]]\ncolumn = "status"\nequals = ["paid"]\n'
    )
    pay("run", "pay.toml")
    result = pay("annotate", "pay/1", "pay.xlsx")
    assert '1 row of pay.xlsx, sheet "December", annotated.' in result.stdout
    assert "not in the run" not in result.stdout
