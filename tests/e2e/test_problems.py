"""The problems of a list in a plan: one message for one cause, on the screen, in JSON and in the list itself."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook

Pay = Callable[..., Any]
Write = Callable[..., Path]


def _list(path: Path, header: str, rows: list[str]) -> str:
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return path.name


def test_one_cause_is_one_message_for_the_list(pay: Pay, tmp_path: Path) -> None:
    name = _list(tmp_path / "noprod.csv", "phone,Net pay,Dept", [f"+659512{row:04},5,A" for row in range(182)])
    result = pay("plan", name, code=3)
    assert result.stdout.count("No product.") == 1
    assert "every row (182 rows), No product. Add --product ID" in result.stdout
    plan = json.loads(pay("plan", name, "--json", code=3).stdout)
    [group] = plan["problem_groups"]
    assert (group["kind"], group["rows"], group["is_whole_list"]) == ("no_product", 182, True)
    assert group["lines"] == list(range(2, 184))


def test_advice_about_a_missing_column_has_the_names_of_the_list(pay: Pay, tmp_path: Path) -> None:
    name = _list(tmp_path / "pay.csv", "phone,Dept", ["+6595123100,A", "+6595123101,B"])
    result = pay("plan", name, "--product", 6418, code=3)
    assert "every row (2 rows), Amount required for product 6418." in result.stdout
    assert 'If column "Dept" has it, add --map amount=Dept' in result.stdout
    assert "COLUMN" not in result.stdout


def test_rows_of_one_kind_are_one_block_with_places_and_what_to_write(pay: Pay, tmp_path: Path) -> None:
    rows = [f"06595{row},5" for row in range(10, 70)] + ['+6595123100,"12,5"', "+6595123101,5"]
    name = _list(tmp_path / "pay.csv", "phone,amount", rows)
    result = pay("plan", name, "--product", 6418, code=3)
    assert '60 rows, column "phone": "…" is not an E.164 number.' in result.stdout
    assert 'lines 2 "0659510", 3 "0659511", 4 "0659512" and 57 more' in result.stdout
    assert "line 62 (write 12.5)" in result.stdout
    assert result.stdout.count("E.164") == 1
    plan = json.loads((tmp_path / "reports/list-pay/plan.json").read_text(encoding="utf-8"))
    [problem] = plan["refused_rows"][-1]["problems"]
    assert (problem["kind"], problem["instead"]) == ("amount", "12.5")


def _workbook(path: Path) -> str:
    workbook = Workbook()
    sheet = workbook.active
    assert sheet is not None
    for row in (["Emp. ID", "phone", "amount"], ["E-1", "+6595123100", 5], ["E-2", "06595123", 7], ["E-3", "", 9]):
        sheet.append(row)
    workbook.save(path)
    return path.name


def test_a_marked_workbook_is_the_same_list_and_is_paid_once_corrected(pay: Pay, tmp_path: Path, books: Any) -> None:
    name = _workbook(tmp_path / "pay.xlsx")
    product = ("--product", 6418)
    offered = pay("plan", name, *product, code=3).stdout
    assert "--marked pay-marked.xlsx" in offered
    first = pay("plan", name, *product, "--marked", "m.xlsx", "--output", "a.json", code=3)
    assert "Marked workbook written to m.xlsx: 2 cells." in first.stdout
    assert "bulk-topup plan m.xlsx --product 6418" in first.stdout
    assert first.stdout.rstrip().endswith("--run-key pay")
    pay("plan", "m.xlsx", *product, "--run-key", "pay", "--output", "b.json", code=3)
    plans = [json.loads((tmp_path / file).read_text(encoding="utf-8")) for file in ("a.json", "b.json")]
    requests = {plan["to_approve"]["requests_sha256"] for plan in plans}
    assert (len(requests), plans[0]["problem_groups"]) == (1, plans[1]["problem_groups"])

    pay("run", name, *product, "--skip-refused", code=1)
    workbook = load_workbook(tmp_path / "m.xlsx")
    sheet = workbook.worksheets[0]
    sheet["B3"].value, sheet["B4"].value = "+6595123101", "+6595133100"
    workbook.save(tmp_path / "m.xlsx")
    pay("run", "m.xlsx", *product, "--run-key", "pay")
    paid = sorted(entry["credit_party"] for entry in books()["transactions"])
    assert paid == ["+6595123100", "+6595123101", "+6595133100"]


def test_a_marked_workbook_replaces_nothing_unasked(pay: Pay, tmp_path: Path) -> None:
    name = _workbook(tmp_path / "pay.xlsx")
    before = (tmp_path / name).read_bytes()
    product = ("--product", 6418)
    assert "is the list itself" in pay("plan", name, *product, "--marked", name, "--force", code=3).stderr
    (tmp_path / "m.xlsx").write_bytes(b"mine")
    assert "add --force" in pay("plan", name, *product, "--marked", "m.xlsx", code=3).stderr
    assert ((tmp_path / name).read_bytes(), (tmp_path / "m.xlsx").read_bytes()) == (before, b"mine")
    pay("plan", name, *product, "--marked", "m.xlsx", "--force", code=3)
    assert load_workbook(tmp_path / "m.xlsx").sheetnames[-1] == "bulk-topup problems"
    assert "Add --marked FILE" in pay("plan", name, "--force", code=2).stderr


def test_without_refused_rows_nothing_is_marked(pay: Pay, tmp_path: Path) -> None:
    name = _list(tmp_path / "pay.csv", "phone,amount", ["+6595123100,5"])
    result = pay("plan", name, "--product", 6418, "--marked", "m.xlsx")
    assert "No row needs a fix, so m.xlsx was not written." in result.stdout
    assert not (tmp_path / "m.xlsx").exists()


def test_a_marked_csv_file_is_planned_without_the_options_of_csv_files(pay: Pay, tmp_path: Path) -> None:
    name = _list(tmp_path / "pay.csv", "id;phone;amount", ["007;+6595123100;12,5", "008;x;1,5"])
    options = ("--product", 6418, "--decimal-mark", ",")
    result = pay("plan", name, *options, "--delimiter", "semicolon", "--marked", "m.xlsx", code=3)
    assert "delimiter" not in result.stdout.rpartition("Correct it")[2]
    plan = json.loads(pay("plan", "m.xlsx", *options, "--run-key", "pay", "--json", code=3).stdout)
    assert (plan["accepted"], plan["refused"]) == (1, 1)
    assert load_workbook(tmp_path / "m.xlsx")["List"]["A2"].value == "007"


def test_rows_that_the_run_has_paid_are_not_offered_to_be_paid_with_skip_refused(pay: Pay, tmp_path: Path) -> None:
    rows = ["A,+6595123100,5", "B,+6595123101,5", "C,0659512,5"]
    name = _list(tmp_path / "pay.csv", "reference,phone,amount", rows)
    product = ("--product", 6418)
    headline = "1 of 3 rows refused. Fix it"
    assert f"{headline}, or add --skip-refused to pay the other 2." in pay("plan", name, *product, code=3).stdout
    pay("run", name, *product, "--skip-refused", code=1)
    assert f"{headline}." in pay("plan", name, *product, code=3).stdout
    assert "--skip-refused" not in pay("run", name, *product, code=3).stderr
    _list(tmp_path / "pay.csv", "reference,phone,amount", [*rows, "D,+6595133100,5"])
    shown = pay("plan", name, *product, "--add", code=3).stdout
    assert "1 of 4 rows refused. Fix it, or add --skip-refused to pay 1 row not sent so far." in shown
