"""Paid lists: samples, jobs, resumes and retries, each checked against the provider's own books."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from bulk_topup.domain.retry_rules import WORTH_A_RETRY

Pay = Callable[..., Any]


def test_the_payroll_is_paid_reported_and_agrees_with_the_provider(
    pay: Pay, books: Pay, results: Pay, agree: Pay, root: Path, tmp_path: Path
) -> None:
    list_ = root / "sample_files" / "payroll.xlsx"
    result = pay("run", list_, "--sheet", "Payroll", "--rate", 1000, "--poll-interval", 0.1, code=1)
    rows = results("list-payroll")
    agree(rows, books())
    assert [row["Employee ID"] for row in rows] == [f"E-{1001 + index}" for index in range(250)]
    states = {row["result_state"] for row in rows}
    assert states == {"completed", "failed"}
    for row in rows:
        declined = row["result_credit_party"][-3:] in {"102", "103", "104", "106", "107", "202", "204", "206", "303"}
        assert row["result_state"] == ("failed" if declined else "completed")
    assert {row["result_status"] for row in rows if row["result_credit_party"].endswith("104")} == {
        "DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE"
    }
    summary = json.loads((tmp_path / "reports/list-payroll/summary.json").read_text())
    wallets = books()["wallets"]
    assert {unit: Decimal(text) for unit, text in summary["charged"].items()} == {
        unit: Decimal(wallet["spent"]) for unit, wallet in wallets.items()
    }
    assert summary["held"] == {}
    assert all(Decimal(wallet["holding"]) == 0 for wallet in wallets.values())
    workbook = load_workbook(tmp_path / "reports/list-payroll/results.xlsx", read_only=True)
    assert workbook.sheetnames == ["Results", "Summary", "Refused"]
    assert "reports/list-payroll/results.csv" in result.stdout
    failed = sum(row["result_state"] == "failed" for row in rows)
    assert (
        len((tmp_path / "reports/list-payroll/list-payroll-not-completed.csv").read_text().splitlines()) == failed + 1
    )


def test_running_a_finished_list_again_sends_nothing_and_shows_that(pay: Pay, books: Pay, root: Path) -> None:
    list_ = root / "sample_files" / "rewards.csv"
    pay("run", list_, "--product", 6418, "--rate", 1000, "--poll-interval", 0.1, code=1)
    before = books()
    result = pay("run", list_, "--product", 6418, code=1)
    assert books() == before
    assert "Resuming run list/rewards; started" in result.stdout
    assert "0 to send" in result.stdout
    assert "--run-key" in result.stdout


def test_a_new_run_key_and_a_reason_pay_again(pay: Pay, books: Pay, root: Path) -> None:
    list_ = root / "sample_files" / "gift_cards.csv"
    pay("run", list_, "--rate", 1000, "--poll-interval", 0.1)
    pay("run", list_, "--run-key", "second", code=3)
    assert len(books()["transactions"]) == 15
    pay("run", list_, "--run-key", "second", "--pay-again", "a second card for each")
    assert len(books()["transactions"]) == 30


@pytest.mark.parametrize(
    ("job", "folder", "code"),
    [
        ("payroll", "payroll-*", 1),
        ("rewards", "rewards-*", 1),
        ("bills", "bills-*", 1),
        ("gift-cards", "gift-cards-*", 0),
    ],
)
def test_each_job_file_of_the_project_works(
    pay: Pay, books: Pay, agree: Pay, results: Pay, root: Path, tmp_path: Path, job: str, folder: str, code: int
) -> None:
    pay("run", root / "jobs" / f"{job}.toml", "--format", "csv", "--rate", 1000, "--poll-interval", 0.1, code=code)
    [report] = (tmp_path / "reports").glob(folder)
    agree(results(report.name), books())


def test_pins_are_bought_and_shown_only_on_request(pay: Pay, results: Pay, root: Path, tmp_path: Path) -> None:
    pay("run", root / "sample_files/gift_cards.csv", "--rate", 1000, "--poll-interval", 0.1)
    assert {row["result_pin_code"] for row in results("list-gift_cards")} == {"••••"}
    pay("report", "list/gift_cards", "--reveal-pins", "--report-dir", "secret")
    lines = (tmp_path / "secret/results.jsonl").read_text().splitlines()
    pins = [json.loads(line)["pin_code"] for line in lines]
    assert len(set(pins)) == 15
    shown = "".join(path.read_text() for path in (tmp_path / "reports/list-gift_cards").glob("*.csv"))
    assert not [pin for pin in pins if pin in shown]


def test_only_declined_rows_are_retried_with_a_new_attempt(
    pay: Pay, books: Pay, results: Pay, agree: Pay, root: Path
) -> None:
    pay("run", root / "sample_files/rewards.csv", "--product", 6418, "--rate", 1000, "--poll-interval", 0.1, code=1)
    declined = [row for row in results("list-rewards") if row["result_state"] == "failed"]
    assert len(declined) == 3
    pay("retry", "list/rewards", "--all-failed", "--rate", 1000, "--poll-interval", 0.1, code=1)
    rows = results("list-rewards")
    agree(rows, books())
    again = [row for row in rows if row["result_attempt"] == "2"]
    assert [row["reference"] for row in again] == [row["reference"] for row in declined]
    assert [row["result_external_id"] for row in again] == [
        f"{row['result_external_id'].removesuffix('-1')}-2" for row in declined
    ]
    assert len(books()["transactions"]) == 40 + 3


def test_only_the_requested_rows_are_retried(pay: Pay, results: Pay, root: Path) -> None:
    pay("run", root / "sample_files/rewards.csv", "--product", 6418, "--rate", 1000, "--poll-interval", 0.1, code=1)
    failed = [row for row in results("list-rewards") if row["result_state"] == "failed"]
    unavailable = [row for row in failed if row["result_status"].endswith("UNAVAILABLE")]
    pay("retry", "list/rewards", "--status", unavailable[0]["result_status"], "--rate", 1000, code=1)
    assert _second_attempts(results) == [row["result_line"] for row in unavailable]
    other = next(row for row in failed if row not in unavailable)
    pay("retry", "list/rewards", "--rows", other["result_line"], "--rate", 1000, code=1)
    assert sorted(_second_attempts(results)) == sorted(row["result_line"] for row in (*unavailable, other))


def test_without_options_only_rows_that_may_succeed_are_retried(pay: Pay, results: Pay, root: Path) -> None:
    pay("run", root / "sample_files/rewards.csv", "--product", 6418, "--rate", 1000, "--poll-interval", 0.1, code=1)
    failed = {
        row["result_line"]: row["result_status"] for row in results("list-rewards") if row["result_attempt"] == "1"
    }
    pay("retry", "list/rewards", "--not-before", "0s", "--rate", 1000, "--poll-interval", 0.1, code=1)
    again = _second_attempts(results)
    assert again == [line for line, status in failed.items() if status in WORTH_A_RETRY]
    assert 0 < len(again) < sum(status != "COMPLETED" for status in failed.values())
    assert pay("retry", "list/rewards", "--all-failed", "--rows", "2", code=2).stderr.count(
        "--all-failed can't be combined with --status and --rows"
    )


def test_a_status_that_no_failed_row_has_is_named_with_those_that_there_are(
    pay: Pay, books: Pay, tmp_path: Path
) -> None:
    (tmp_path / "barred.csv").write_text("phone,amount\n+6595123103,5\n+6595123104,5\n")
    ended = pay("run", tmp_path / "barred.csv", "--product", 6418, code=1).stdout
    assert "The number is barred by its operator; ask for another number (DECLINED-BARRED-CREDIT-PARTY)." in ended
    assert "Retry 1 row that may succeed (2 failed):" in ended
    warning = pay("retry", "list/barred", "--status", "DECLINED-BARRED", code=1).stderr
    assert "No failed row of run list/barred has the status DECLINED-BARRED. Failed: 1 row DECLINED-BARRED-C" in warning
    assert len(books()["transactions"]) == 2
    assert "No failed row" not in pay("retry", "list/barred", "--status", "DECLINED", code=1).stderr
    assert len(books()["transactions"]) == 4


def _second_attempts(results: Pay) -> list[str]:
    return [row["result_line"] for row in results("list-rewards") if row["result_attempt"] == "2"]


def test_a_failed_row_that_is_corrected_in_the_list_is_paid_by_a_retry(
    pay: Pay, books: Pay, results: Pay, agree: Pay, tmp_path: Path
) -> None:
    list_ = tmp_path / "bonus.csv"
    list_.write_text("reference,phone,amount\nA,+6595123102,5\nB,+6595123500,5\n")
    paying = ("--product", 6418, "--rate", 1000, "--poll-interval", 0.1)
    pay("run", list_, *paying, code=1)
    list_.write_text("reference,phone,amount\nA,+6595123501,5\nB,+6595123500,5\n")
    pay("run", list_, *paying, code=1)
    assert len(books()["transactions"]) == 2
    pay("retry", "list/bonus", "--rate", 1000, "--poll-interval", 0.1)
    rows = results("list-bonus")
    agree(rows, books())
    assert [(row["result_state"], row["result_attempt"]) for row in rows] == [("completed", "2"), ("completed", "1")]


def test_a_changed_amount_of_a_paid_row_is_reported_and_not_paid(
    pay: Pay, books: Pay, results: Pay, tmp_path: Path
) -> None:
    list_ = tmp_path / "bonus.csv"
    list_.write_text("reference,phone,amount\nA,+6595123500,5\n")
    pay("run", list_, "--product", 6418, "--rate", 1000, "--poll-interval", 0.1)
    before = books()
    list_.write_text("reference,phone,amount\nA,+6595123500,50\n")
    result = pay("run", list_, "--product", 6418, code=1)
    assert books() == before
    assert "1 row changed in the list after sending" in result.stdout
    [row] = results("list-bonus")
    assert (row["result_state"], row["result_amount"]) == ("completed", "5")
    assert "sent was 5 SGD to +6595123500, the list now says 50 SGD to +6595123500" in row["result_note"]


def test_a_lost_ledger_pays_nobody_twice(
    pay: Pay, books: Pay, results: Pay, agree: Pay, root: Path, tmp_path: Path
) -> None:
    list_ = root / "sample_files" / "rewards.csv"
    pay("run", list_, "--product", 6418, "--rate", 1000, "--poll-interval", 0.1, code=1)
    before = books()
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    pay("run", list_, "--product", 6418, "--rate", 1000, "--poll-interval", 0.1, code=1)
    assert books() == before
    agree(results("list-rewards"), before)


def test_an_external_id_of_another_transaction_is_a_conflict_and_not_paid(
    pay: Pay, books: Pay, results: Pay, tmp_path: Path
) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder, amount in ((theirs, "7"), (ours, "5")):
        folder.mkdir()
        (folder / "bonus.csv").write_text(f"reference,phone,amount\nA,+6595123500,{amount}\n")
    pay("run", theirs / "bonus.csv", "--product", 6418, "--rate", 1000, "--poll-interval", 0.1)
    (tmp_path / "ledger.db").rename(tmp_path / "their-ledger.db")
    pay("run", ours / "bonus.csv", "--product", 6418, "--rate", 1000, "--poll-interval", 0.1, code=1)
    [row] = results("list-bonus")
    assert row["result_state"] == "conflict"
    assert "destination amount 7 SGD instead of 5 SGD" in row["result_reason"]
    assert len(books()["transactions"]) == 1


def test_a_possible_duplicate_is_refused_and_named_before_anything_is_sent(
    pay: Pay, books: Pay, tmp_path: Path
) -> None:
    list_ = tmp_path / "bonus.csv"
    list_.write_text("reference,phone,amount\n1,+6595123500,5\n")
    pay("run", list_, "--product", 6418, "--rate", 1000, "--poll-interval", 0.1)
    list_.write_text("reference,phone,amount\n9,+6595123500,5\n3,+6595123501,5\n")
    plan = json.loads(pay("plan", list_, "--product", 6418, "--json", code=3).stdout)
    assert (plan["accepted"], plan["refused"], plan["held"]) == (1, 1, 1)
    assert [row["line"] for row in plan["refused_rows"]] == [2]
    assert "1 of 2 rows refused. Nothing was sent." in pay("run", list_, "--product", 6418, "--add", code=3).stderr
    assert len(books()["transactions"]) == 1
    pay("run", list_, "--product", 6418, "--add", "--skip-refused", "--rate", 1000, "--poll-interval", 0.1, code=1)
    assert [entry["credit_party"] for entry in books()["transactions"]] == ["+6595123500", "+6595123501"]
    [rest] = tmp_path.glob("reports/list-bonus/*not-completed.csv")
    pay("run", rest, "--product", 6418, code=3)
    assert len(books()["transactions"]) == 2


def test_only_corrected_rows_are_sent_in_the_same_run(pay: Pay, books: Pay, results: Pay, tmp_path: Path) -> None:
    list_ = tmp_path / "bonus.csv"
    list_.write_text("phone,amount\n+6595123500,5\n+6595123102,5\n0659,5\n+6595123104,5\n")
    paying = ("--product", 6418, "--rate", 1000, "--poll-interval", 0.1)
    pay("run", list_, *paying, "--skip-refused", code=1)
    assert len(books()["transactions"]) == 3
    rest = next((tmp_path / "reports/list-bonus").glob("*not-completed*.csv"))
    corrected = tmp_path / "corrected.csv"
    corrected.write_text(rest.read_text().replace("0659", "+6595123501", 1).replace("+6595123102", "+6595123502"))
    pay("run", list_, *paying, "--corrections", corrected, code=1)
    assert len(books()["transactions"]) == 5
    rows = results("list-bonus")
    completed = sorted(row["result_credit_party"].lstrip("'") for row in rows if row["result_state"] == "completed")
    assert completed == ["+6595123500", "+6595123501", "+6595123502"]
    pay("run", list_, *paying, "--corrections", corrected, code=1)
    assert len(books()["transactions"]) == 5


def test_a_correction_of_the_amount_sends_the_failed_row_again(
    pay: Pay, books: Pay, results: Pay, agree: Pay, tmp_path: Path
) -> None:
    list_ = tmp_path / "bonus.csv"
    list_.write_text("reference,phone,amount\nA,+6595123104,5\nB,+6595123104,6\nC,+6595123500,5\n")
    paying = ("--product", 6418, "--allow-duplicates", "--rate", 1000, "--poll-interval", 0.1)
    pay("run", list_, *paying, code=1)
    corrected = tmp_path / "corrected.csv"
    [rest] = tmp_path.glob("reports/list-bonus/*not-completed*.csv")
    corrected.write_text(rest.read_text().replace("A,'+6595123104,5", "A,+6595123503,7"))
    pay("run", list_, *paying, "--corrections", corrected, code=1)
    rows = results("list-bonus")
    agree(rows, books())
    assert [(row["result_state"], row["result_attempt"], row["result_amount"]) for row in rows] == [
        ("completed", "2", "7"),
        ("failed", "1", "6"),
        ("completed", "1", "5"),
    ]


def test_corrections_of_an_unknown_run_are_refused(pay: Pay, books: Pay, tmp_path: Path) -> None:
    list_ = tmp_path / "bonus.csv"
    list_.write_text("phone,amount\n+6595123500,5\n")
    errors = pay("run", list_, "--product", 6418, "--corrections", list_, code=3).stderr
    assert "no run list/bonus to correct" in errors
    assert books()["transactions"] == []


def test_an_older_correction_does_not_send_a_retried_row_to_another_number(
    pay: Pay, books: Pay, tmp_path: Path
) -> None:
    list_ = tmp_path / "bonus.csv"
    list_.write_text("phone,amount\n+6595123304,5\n")
    paying = ("--product", 6418, "--poll-interval", 0.1)
    pay("run", list_, *paying, code=1)
    rest = next((tmp_path / "reports/list-bonus").glob("*not-completed*.csv"))
    corrected = tmp_path / "corrected.csv"
    corrected.write_text(rest.read_text().replace("+6595123304", "+6595123500"))
    pay("retry", "list/bonus", "--all-failed", "--tracking-timeout", 0, "--poll-interval", 0.1, code=75)
    errors = pay("run", list_, *paying, "--corrections", corrected, code=3).stderr
    assert "which was sent since and may be paid" in errors
    assert len(books()["transactions"]) == 2


def test_resuming_a_finished_run_rewrites_its_report_only_if_a_file_changed(
    pay: Pay, root: Path, tmp_path: Path
) -> None:
    pay("run", root / "sample_files" / "rewards.csv", "--product", 6418, "--rate", 1000, "--poll-interval", 0.1, code=1)
    folder = tmp_path / "reports/list-rewards"
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    written = {file.name: file.stat().st_ino for file in folder.iterdir()}

    def resume(*words: str) -> set[str]:
        """Resume the run, and return the names of the files that were written again."""
        result = pay("resume", "list/rewards", *words, code=1)
        rewritten = {file.name for file in folder.iterdir() if file.stat().st_ino != written.get(file.name)}
        assert ("Unchanged since this report was written" in result.stdout) is (not rewritten)
        assert "reports/list-rewards/results.csv" in result.stdout
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
        written.update({file.name: file.stat().st_ino for file in folder.iterdir()})
        return rewritten

    assert resume() == set()
    with (folder / "results.csv").open("ab") as file:
        file.write(b"an added line\r\n")
    assert resume() == set(before)
    rest = {"list-rewards-not-completed.csv", "list-rewards-not-completed.xlsx"}
    for name in rest:
        (folder / name).unlink()
        del written[name]  # the next file may get its number
        assert resume("--format", "csv") == {"results.csv", "summary.json", *rest}
    assert resume("--format", "csv") == set()
