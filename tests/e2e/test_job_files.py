"""Job files run against the sandbox: those of the project, and what their settings do."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulk_topup import Ledger
from bulk_topup.errors import LedgerError
from bulk_topup.sandbox.catalogue.catalogue import Catalogue

JOBS = {
    "payroll": ("payroll-20", 1),
    "rewards": ("rewards-20", 1),
    "gift-cards": ("gift-cards-spring", 0),
    "bills": ("bills-20", 1),
    "bonuses": ("bonuses-20", 1),
}


@pytest.fixture
def folder(tmp_path: Path, root: Path) -> Path:
    for name in ("jobs", "sample_files"):
        (tmp_path / name).symlink_to(root / name)
    return tmp_path


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a list and a job file for it."""

    def write(*lines: str, rows: str = "A-1,+6595123001,5,SG\nA-2,+6595123002,5,GB\n", more: str = "") -> Path:
        (tmp_path / "inbox").mkdir(exist_ok=True)
        (tmp_path / "inbox/pay.csv").write_text("reference,phone,amount,Country\n" + rows)
        text = ['list = "inbox/pay.csv"', 'run_key = "1"', "product = 6418", *lines]
        (tmp_path / "pay.toml").write_text("\n".join(text) + "\n" + more)
        return tmp_path / "pay.toml"

    return write


@pytest.mark.parametrize(("name", "report", "code"), [(name, *expected) for name, expected in JOBS.items()])
def test_each_job_of_the_project_pays_its_list_and_a_second_invocation_sends_nothing(
    name: str, report: str, code: int, invoke: Any, folder: Path, options: tuple[str, ...], books: Any, agree: Any
) -> None:
    invoke("run", f"jobs/{name}.toml", *options, "--rate", 1000, code=code)
    (found,) = [each for each in (folder / "reports").iterdir() if each.name.startswith(report)]
    with (found / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    agree(rows, books())
    before = len(books()["transactions"])
    invoke("run", f"jobs/{name}.toml", *options, code=code)
    assert len(books()["transactions"]) == before


def test_the_nightly_job_retries_what_failed_of_the_latest_run_until_its_attempts_are_used_up(
    invoke: Any, folder: Path, options: tuple[str, ...], books: Any
) -> None:
    nightly = (folder / "jobs/retry-payroll.toml").read_text().replace('"payroll"', '"rewards"')
    (folder / "nightly.toml").write_text(nightly.replace("attempts = 5", "attempts = 2"))
    invoke("retry", "nightly.toml", *options, code=3)  # there is no ledger yet
    invoke("run", "jobs/rewards.toml", *options, "--today", "2026-11-20", code=1)
    invoke("run", "jobs/rewards.toml", *options, "--today", "2026-11-27", "--pay-again", "next week", code=1)
    before = books()["transactions"]
    invoke("retry", "nightly.toml", *options, code=1)
    after = [entry for entry in books()["transactions"] if entry not in before]
    failed = {entry["external_id"][:-2] for entry in before[40:] if entry["status_class"] != "COMPLETED"}
    assert {entry["external_id"][-2:] for entry in after} == {"-2"}
    assert {entry["external_id"][:-2] for entry in after} <= failed
    assert after
    output = invoke("retry", "nightly.toml", *options).stdout
    assert "No failed row of run rewards/2026-W48 may succeed" in output
    assert invoke("retry", "nightly.toml", "--quiet", *options).stdout == ""
    assert json.loads(invoke("retry", "nightly.toml", "--json", *options).stdout)["run"] == "rewards/2026-W48"
    invoke("resume", "rewards", *options, code=3)  # only a job file means the latest run
    invoke("resume", "", *options, code=3)
    assert len(books()["transactions"]) == len(before) + len(after)


@pytest.mark.usefixtures("folder")
def test_a_retry_job_is_refused_where_a_job_or_a_run_is_needed(invoke: Any, options: tuple[str, ...]) -> None:
    assert "Start it with `bulk-topup retry" in invoke("run", "jobs/retry-payroll.toml", *options, code=3).stderr
    assert "Remove --status" in invoke("retry", "jobs/retry-payroll.toml", "--all-failed", *options, code=2).stderr
    assert "--scheduled needs a job file" in invoke("retry", "rewards/1", "--scheduled", *options, code=2).stderr


def test_rows_that_a_filter_leaves_out_are_not_paid_and_are_listed(
    invoke: Any, job: Any, options: tuple[str, ...], books: Any, tmp_path: Path, results: Any
) -> None:
    file = job(more='[[filters]]\ncolumn = "Country"\nequals = "SG"\n')
    plan = json.loads(invoke("plan", file, "--json", *options).stdout)
    assert (plan["rows"], plan["left_out"]) == (1, {'"Country" is "SG"': 1})
    output = invoke("run", file, *options).stdout
    assert '1 row left out by filter "Country" is "SG"' in output
    assert [entry["credit_party"] for entry in books()["transactions"]] == ["+6595123001"]
    with (tmp_path / "reports/pay-1/left-out.csv").open(encoding="utf-8-sig", newline="") as read:
        (left_out,) = csv.DictReader(read)
    assert (left_out["list_line"], left_out["reference"]) == ("3", "A-2")
    assert left_out["not_paid_unless"] == '"Country" is "SG"'
    assert [row["result_line"] for row in results("pay-1")] == ["2"]


def test_a_row_whose_filtered_cell_is_unclear_is_refused_with_its_column_and_nothing_is_paid(
    invoke: Any, job: Any, options: tuple[str, ...], books: Any, results: Any
) -> None:
    file = job(
        rows="A-1,+6595123001,5,SG\nA-2,+6595123002,5,#N/A\nA-3,+6595123003,5,gb\nA-4,+6595123004,5,GB\n",
        more='[[filters]]\ncolumn = "Country"\nnot_equals = "GB"\n',
    )
    output = invoke("run", file, "--json", *options, code=3)
    rows = {row["line"]: row["problems"] for row in json.loads(output.stdout)["refused_rows"]}
    assert {line: problem["column"] for line, (problem,) in rows.items()} == {3: "Country", 4: "Country"}
    assert '"gb" resembles filter value "GB"' in rows[4][0]["message"]
    assert "or write the value" in rows[3][0]["message"]
    assert books()["transactions"] == []
    invoke("run", file, "--skip-refused", *options, code=1)
    assert [row["result_state"] for row in results("pay-1")] == ["completed", "refused", "refused"]
    assert len(books()["transactions"]) == 1


@pytest.mark.parametrize("columns", ["reference,phone,amount,Country", "note,phone,amount,Country"])
def test_nobody_is_paid_twice_when_a_filter_changes_between_two_invocations(
    invoke: Any, job: Any, options: tuple[str, ...], books: Any, columns: str
) -> None:
    rows = "A-1,+6595123001,5,GB\nA-2,+6595123002,5,SG\nA-3,+6595123001,5,SG\n"
    filters = '[[filters]]\ncolumn = "Country"\nequals = "SG"\n'
    file = job("skip_refused = true", rows=rows, more=filters)
    path = file.parent / "inbox/pay.csv"
    path.write_text(path.read_text().replace("reference,phone,amount,Country", columns))
    invoke("run", file, *options)
    file.write_text(file.read_text().removesuffix(filters))
    invoke("run", file, *options, code=1)  # the row that was left out is a possible duplicate
    file.write_text(file.read_text() + filters.replace("SG", "GB"))
    invoke("run", file, *options, code=1)
    credited = [entry["credit_party"] for entry in books()["transactions"]]
    assert sorted(credited) == ["+6595123001", "+6595123002"]


def test_a_paid_list_is_archived_and_a_later_invocation_reports_that(
    invoke: Any, job: Any, options: tuple[str, ...], books: Any, tmp_path: Path
) -> None:
    file = job('archive = "done/{today:%Y}"')
    invoke("plan", file, *options)
    assert (tmp_path / "inbox/pay.csv").exists()
    output = invoke("run", file, "--today", "2026-11-28", *options).stdout
    assert "Archived list:" in output
    assert (tmp_path / "done/2026/pay.csv").exists()
    assert not (tmp_path / "inbox/pay.csv").exists()
    again = invoke("run", file, "--today", "2026-11-29", *options).stdout
    assert "Run pay/1 has ended (2 completed), and its list is in the archive" in again
    assert invoke("run", file, "--quiet", "--today", "2026-11-29", *options).stdout == ""
    assert len(books()["transactions"]) == 2
    invoke("run", file, "--run-key", "2", *options, code=3)


def test_a_list_with_pending_rows_is_not_archived(invoke: Any, job: Any, options: tuple[str, ...]) -> None:
    file = job('archive = "done"')
    invoke("run", file, "--deadline", "0s", *options, code=75)
    assert (file.parent / "inbox/pay.csv").exists()
    invoke("run", file, *options)
    assert (file.parent / "done/pay.csv").exists()


def test_an_unusable_archive_folder_is_reported_before_anything_is_paid(
    invoke: Any, job: Any, options: tuple[str, ...], books: Any
) -> None:
    file = job('archive = "pay.toml/x"')
    assert re.search(r"Can't move .* to the archive", invoke("run", file, *options, code=3).stderr)
    assert books()["transactions"] == []


def test_the_report_is_written_to_the_report_folder_of_the_job(
    invoke: Any, job: Any, options: tuple[str, ...], tmp_path: Path
) -> None:
    file = job('report_folder = "out/{today:%Y-%m}"')
    invoke("run", file, "--today", "2026-11-28", *options)
    assert (tmp_path / "out/2026-11/summary.json").exists()
    assert not (tmp_path / "reports").exists()


def test_errors_of_job_files_are_reported_with_their_lines_and_as_json(invoke: Any, job: Any) -> None:
    file = job("rate = 0", "[columns]", 'amount = "Amt"')
    assert f"{file} line 4, rate: " in invoke("job", "check", file, code=3).stdout
    file = job("[columns]", 'amount = "Amt"')
    (found,) = json.loads(invoke("job", "check", "--json", file, code=3).stdout)
    assert (found["valid"], [each["line"] for each in found["mistakes"]]) == (False, [5])
    assert "is valid: pays" in invoke("job", "check", job()).stdout


def test_an_unavailable_product_is_found_by_the_online_check(invoke: Any, job: Any, options: tuple[str, ...]) -> None:
    assert "is valid" in invoke("job", "check", "--online", job(), *options).stdout
    file = job()
    file.write_text(file.read_text().replace("6418", "999999"))
    output = invoke("job", "check", "--online", file, *options, code=3).stdout
    assert f"{file} line 3, product: product 999999 is not available" in output


def test_a_new_job_is_written_once_and_runs(invoke: Any, job: Any, options: tuple[str, ...], tmp_path: Path) -> None:
    job()
    words = ("--list", "inbox/pay.csv", "--product", 6418, "--every", "once", "--env", "sandbox")
    assert "is valid" in invoke("job", "new", "mine.toml", *words).stdout
    assert "already exists" in invoke("job", "new", "mine.toml", *words, code=3).stderr
    invoke("run", "mine.toml", *options)
    assert (tmp_path / "reports/mine-1/summary.json").exists()


AUTO = ("[auto_product]", 'subservices = ["airtime", "bundle"]', "[columns]", 'reference = "reference"')


def _auto(file: Path) -> Path:
    file.write_text(file.read_text().replace("product = 6418\n", ""))
    return file


def test_a_product_is_chosen_by_the_numbers_operator_and_the_amount(
    invoke: Any, job: Any, options: tuple[str, ...], results: Any
) -> None:
    rows = "A-1,+6595123402,5,SG\nA-2,+6595123403,8,SG\nA-3,+6595123405,5,SG\nA-4,+6595123406,,SG\n"
    file = _auto(job("skip_refused = true", *AUTO, rows=rows))
    invoke("run", file, *options, code=1)
    found = results("pay-1")
    assert [row["result_product_id"] for row in found] == ["6418", "6430", "", ""]
    assert [row["result_state"] for row in found] == ["completed", "completed", "refused", "refused"]
    assert (
        "Straits Mobile has no airtime or bundle product of 5. Nearest: 8.00 SGD for 5.85 USD"
        in found[2]["result_reason"]
    )
    assert "Number and amount required to choose a product." in found[3]["result_reason"]
    assert "No product." not in found[2]["result_reason"] + found[3]["result_reason"]


def test_a_chosen_product_stays_when_the_lookup_changes_and_nobody_is_paid_twice(
    invoke: Any, job: Any, options: tuple[str, ...], books: Any, results: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _auto(job("skip_refused = true", *AUTO, rows="A-1,+6595123402,8,SG\nA-2,+6595123404,8,SG\n"))
    invoke("run", file, "--deadline", "0s", *options, code=75)
    _port_numbers(monkeypatch)
    assert invoke("plan", file, "--json", *options).exit_code == 0
    invoke("run", file, *options)
    assert [row["result_product_id"] for row in results("pay-1")] == ["6418", "6418"]
    # A new row is looked up, and so is one with an edited amount, which is still the row that was paid.
    (file.parent / "inbox/pay.csv").write_text(
        "reference,phone,amount,Country\nA-1,+6595123402,9,SG\nA-2,+6595123404,8,SG\nA-3,+6595123406,8,SG\n"
    )
    invoke("run", file, *options, code=1)
    assert [row["result_product_id"] for row in results("pay-1")] == ["6418", "6418", "6430"]
    assert [entry["credit_party"][-3:] for entry in books()["transactions"]] == ["402", "404", "406"]


def _port_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the sandbox return another operator for every number of Singapore."""
    identify = Catalogue.lookup_bodies

    def ported(self: Catalogue, mobile_number: str) -> list[bytes]:
        return identify(self, f"{mobile_number[:-1]}{(int(mobile_number[-1]) + 1) % 10}")

    monkeypatch.setattr(Catalogue, "lookup_bodies", ported)


def test_a_number_is_paid_once_in_a_list_even_if_its_amounts_lead_to_different_products(
    invoke: Any, job: Any, options: tuple[str, ...], books: Any, results: Any
) -> None:
    file = _auto(job("skip_refused = true", *AUTO, rows="A-1,+6595123402,8,SG\nA-2,+6595123402,5,SG\n"))
    invoke("run", file, *options, code=1)
    assert len(books()["transactions"]) == 1
    assert "Duplicate of line 2." in results("pay-1")[1]["result_reason"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("[auto_product]",), "A job with auto_product needs a reference"),
        (("[auto_product]", "[columns]", 'reference = "reference"', 'product_id = "amount"'), "not both"),
        (
            ("[auto_product]", "service = 1", "[columns]", 'reference = "reference"'),
            "Unknown key in table auto_product. Did you mean service_id?",
        ),
    ],
)
def test_a_choice_of_products_that_could_pay_twice_is_refused(
    invoke: Any, job: Any, lines: tuple[str, ...], message: str
) -> None:
    assert message in invoke("job", "check", _auto(job(*lines)), code=3).stdout


def test_auto_product_refuses_a_list_that_names_products(invoke: Any, job: Any, options: tuple[str, ...]) -> None:
    file = _auto(job(*AUTO))
    (file.parent / "inbox/pay.csv").write_text("reference,phone,amount,product\nA-1,+6595123402,8,6418\n")
    assert "names products" in invoke("run", file, *options, code=3).stderr


def test_reconcile_reads_the_list_of_a_named_run_as_its_job_does(
    invoke: Any, job: Any, options: tuple[str, ...], tmp_path: Path
) -> None:
    filters = '[columns]\nreference = "reference"\namount = "Gross"\n[[filters]]\ncolumn = "Country"\nequals = "SG"\n'
    file = job(more=filters)
    listed = tmp_path / "inbox/pay.csv"
    listed.write_text(listed.read_text().replace("amount", "Gross"))
    invoke("run", file, *options)
    compared = json.loads(invoke("reconcile", "pay/1", "--json", *options).stdout)
    assert (compared["agrees"], compared["list"]["rows_in_file"], compared["list"]["rows"]) == (True, 1, 1)
    listed.write_text(listed.read_text() + "A-3,+6595123003,5,SG\n")
    differing = json.loads(invoke("reconcile", "pay/1", "--json", *options, code=1).stdout)
    assert differing["counts"] == {"list_new": 1}


def test_later_reports_of_a_run_have_the_folder_and_the_formats_of_its_job(
    invoke: Any, job: Any, options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = job('report_folder = "out/pay"', 'reports = ["jsonl"]', rows="A-1,+6595123104,5,SG\n")
    invoke("run", file, *options, code=1)
    report = tmp_path / "out/pay"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    where = (*options[:-1], tmp_path / "ledger.db")
    for words in (("resume", "pay/1"), ("retry", "pay/1", "--all-failed"), ("report", "pay/1")):
        (report / "results.jsonl").unlink()
        invoke(*words, *where, code=0 if words[0] == "report" else 1)
        assert (report / "results.jsonl").exists()
        assert not (report / "results.csv").exists()
    invoke("report", "pay/1", "--report-dir", "here", "--format", "csv", *where)
    assert [each.name for each in (tmp_path / "elsewhere").iterdir()] == ["here"]


def test_a_retry_job_reports_to_the_folder_of_the_runs_job_unless_it_sets_its_own(
    invoke: Any, job: Any, options: tuple[str, ...], tmp_path: Path
) -> None:
    invoke("run", job('report_folder = "out/pay"', rows="A-1,+6595123104,5,SG\n"), *options, code=1)
    nightly = tmp_path / "nightly.toml"
    statuses = 'retry_of = "pay"\nstatuses = ["DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE"]\n'
    nightly.write_text(statuses)
    (tmp_path / "out/pay/results.csv").unlink()
    invoke("retry", nightly, *options, code=1)
    assert (tmp_path / "out/pay/results.csv").exists()
    nightly.write_text(statuses + 'report_folder = "nightly"\n')
    invoke("retry", nightly, *options, code=1)
    assert (tmp_path / "nightly/results.csv").exists()


def test_a_second_invocation_in_the_embedded_sandbox_reports_the_locked_run(
    start: Callable[..., Any], invoke: Any, job: Any, wait_until: Any, tmp_path: Path
) -> None:
    rows = "".join(f"A-{row},+65951230{row:02},5,SG\n" for row in range(60))
    file = job(rows=rows)
    other = tmp_path / "other.toml"
    other.write_text(file.read_text())
    ledger = ("--ledger", "ledger.db")
    first = start("run", file, "--rate", 1, *ledger)
    wait_until(lambda: _has_run(tmp_path / "ledger.db"))
    output = invoke("run", file, "--quiet", *ledger, code=5)
    assert (output.stdout, output.stderr) == ("", "")
    assert "Another process is working on run pay/1" in invoke("run", file, *ledger, code=5).stderr
    assert "Another process is working on run pay/1" in invoke("resume", "pay/1", *ledger, code=5).stderr
    assert "Wait until it ends, or start `bulk-topup sandbox`" in invoke("run", other, *ledger, code=5).stderr
    first.kill()


def test_an_online_check_chooses_the_products_of_the_first_rows(
    invoke: Any, job: Any, options: tuple[str, ...]
) -> None:
    rows = "".join(f"A-{row},+65951230{2 * row:02},10,SG\n" for row in range(9))
    choosing = '[auto_product]\n[columns]\nreference = "reference"\n'
    file = job(rows=rows, more=choosing)
    file.write_text(file.read_text().replace("product = 6418\n", ""))
    assert "To try the first rows, up to 5, add --online." in invoke("job", "check", file, *options).stdout
    assert "The first rows, up to 5, have one." in invoke("job", "check", file, "--online", *options).stdout
    listed = file.parent / "inbox/pay.csv"
    listed.write_text(listed.read_text().replace("A-3,+6595123006,10", "A-3,+6595123006,10.3"))
    output = invoke("job", "check", file, "--online", *options, code=3).stdout
    assert "line 5 of the list: Lionwave has no airtime product of 10.3. Nearest: 10.50 SGD" in output
    assert output.startswith(f"{file} line 3, auto_product: ")
    # The plan checks the later rows.
    listed.write_text(listed.read_text().replace("10.3", "10").replace("A-8,+6595123016,10", "A-8,+6595123016,10.3"))
    invoke("job", "check", file, "--online", *options)


def _has_run(ledger: Path) -> bool:
    """Return True if a ledger exists and has a run, whatever another process does with it."""
    try:
        return bool(Ledger(ledger).runs())
    except LedgerError:
        return False
