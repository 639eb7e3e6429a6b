"""Job files at work against the sandbox: those of the project, and what a job does with its list."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.sandbox.catalogue import catalogue

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
    """Give a function that writes a list and a job file for it."""

    def write(*lines: str, rows: str = "A-1,+6595123001,5,SG\nA-2,+6595123002,5,GB\n", more: str = "") -> Path:
        (tmp_path / "inbox").mkdir(exist_ok=True)
        (tmp_path / "inbox/pay.csv").write_text("reference,phone,amount,Country\n" + rows)
        text = ['list = "inbox/pay.csv"', 'run_key = "1"', "product = 6418", *lines]
        (tmp_path / "pay.toml").write_text("\n".join(text) + "\n" + more)
        return tmp_path / "pay.toml"

    return write


@pytest.mark.parametrize(("name", "report", "code"), [(name, *ended) for name, ended in JOBS.items()])
def test_each_job_of_the_project_pays_its_list_and_a_second_start_sends_nothing(
    name: str, report: str, code: int, here: Any, folder: Path, options: tuple[str, ...], books: Any, agree: Any
) -> None:
    here("run", f"jobs/{name}.toml", *options, "--rate", 1000, code=code)
    (found,) = [each for each in (folder / "reports").iterdir() if each.name.startswith(report)]
    with (found / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    agree(rows, books())
    before = len(books()["transactions"])
    here("run", f"jobs/{name}.toml", *options, code=code)
    assert len(books()["transactions"]) == before


def test_the_nightly_job_retries_what_failed_of_the_latest_run_until_its_attempts_are_used_up(
    here: Any, folder: Path, options: tuple[str, ...], books: Any
) -> None:
    nightly = (folder / "jobs/retry-payroll.toml").read_text().replace('"payroll"', '"rewards"')
    (folder / "nightly.toml").write_text(nightly.replace("attempts = 5", "attempts = 2"))
    here("retry", "nightly.toml", *options, code=3)  # there is no ledger yet
    here("run", "jobs/rewards.toml", *options, "--today", "2026-11-20", code=1)
    here("run", "jobs/rewards.toml", *options, "--today", "2026-11-27", code=1)
    before = books()["transactions"]
    here("retry", "nightly.toml", *options, code=1)
    after = [entry for entry in books()["transactions"] if entry not in before]
    failed = {entry["external_id"][:-2] for entry in before[40:] if entry["status_class"] != "COMPLETED"}
    assert {entry["external_id"][-2:] for entry in after} == {"-2"}
    assert {entry["external_id"][:-2] for entry in after} <= failed
    assert after
    told = here("retry", "nightly.toml", *options).stdout
    assert "No failed row of run rewards/2026-W48 may succeed" in told
    assert here("retry", "nightly.toml", "--quiet", *options).stdout == ""
    assert json.loads(here("retry", "nightly.toml", "--json", *options).stdout)["run"] == "rewards/2026-W48"
    here("resume", "rewards", *options, code=3)  # only a job file means the latest run
    here("resume", "", *options, code=3)
    assert len(books()["transactions"]) == len(before) + len(after)


@pytest.mark.usefixtures("folder")
def test_a_retry_job_is_told_apart_from_a_run(here: Any, options: tuple[str, ...]) -> None:
    assert "Start it with `bulk-topup retry" in here("run", "jobs/retry-payroll.toml", *options, code=3).stderr
    assert "Remove --status" in here("retry", "jobs/retry-payroll.toml", "--all-failed", *options, code=2).stderr
    assert "--scheduled needs a job file" in here("retry", "rewards/1", "--scheduled", *options, code=2).stderr


def test_rows_that_a_filter_leaves_out_are_not_paid_and_not_forgotten(
    here: Any, job: Any, options: tuple[str, ...], books: Any, tmp_path: Path, results: Any
) -> None:
    file = job(more='[[filters]]\ncolumn = "Country"\nequals = "SG"\n')
    plan = json.loads(here("plan", file, "--json", *options).stdout)
    assert (plan["rows"], plan["left_out"]) == (1, {'"Country" is "SG"': 1})
    told = here("run", file, *options).stdout
    assert '1 row left out by filter "Country" is "SG"' in told
    assert [entry["credit_party"] for entry in books()["transactions"]] == ["+6595123001"]
    with (tmp_path / "reports/pay-1/left-out.csv").open(encoding="utf-8-sig", newline="") as read:
        (left_out,) = csv.DictReader(read)
    assert (left_out["list_line"], left_out["reference"]) == ("3", "A-2")
    assert left_out["not_paid_unless"] == '"Country" is "SG"'
    assert [row["result_line"] for row in results("pay-1")] == ["2"]


def test_a_row_whose_filtered_cell_is_in_doubt_is_refused_with_its_place_and_nobody_is_paid(
    here: Any, job: Any, options: tuple[str, ...], books: Any, results: Any
) -> None:
    file = job(
        rows="A-1,+6595123001,5,SG\nA-2,+6595123002,5,#N/A\nA-3,+6595123003,5,gb\nA-4,+6595123004,5,GB\n",
        more='[[filters]]\ncolumn = "Country"\nnot_equals = "GB"\n',
    )
    told = here("run", file, "--json", *options, code=3)
    rows = {row["line"]: row["problems"] for row in json.loads(told.stdout)["refused_rows"]}
    assert {line: problem["column"] for line, (problem,) in rows.items()} == {3: "Country", 4: "Country"}
    assert '"gb" resembles filter value "GB"' in rows[4][0]["message"]
    assert "or write the value" in rows[3][0]["message"]
    assert books()["transactions"] == []
    here("run", file, "--skip-refused", *options, code=1)
    assert [row["result_state"] for row in results("pay-1")] == ["completed", "refused", "refused"]
    assert len(books()["transactions"]) == 1


@pytest.mark.parametrize("columns", ["reference,phone,amount,Country", "note,phone,amount,Country"])
def test_nobody_is_paid_twice_when_a_filter_changes_between_two_starts(
    here: Any, job: Any, options: tuple[str, ...], books: Any, columns: str
) -> None:
    rows = "A-1,+6595123001,5,GB\nA-2,+6595123002,5,SG\nA-3,+6595123001,5,SG\n"
    filters = '[[filters]]\ncolumn = "Country"\nequals = "SG"\n'
    file = job("skip_refused = true", rows=rows, more=filters)
    path = file.parent / "inbox/pay.csv"
    path.write_text(path.read_text().replace("reference,phone,amount,Country", columns))
    here("run", file, *options)
    file.write_text(file.read_text().removesuffix(filters))
    here("run", file, *options, code=1)  # the row that was left out credits somebody who is paid
    file.write_text(file.read_text() + filters.replace("SG", "GB"))
    here("run", file, *options, code=1)
    credited = [entry["credit_party"] for entry in books()["transactions"]]
    assert sorted(credited) == ["+6595123001", "+6595123002"]


def test_a_list_that_is_paid_is_archived_and_a_later_start_says_so(
    here: Any, job: Any, options: tuple[str, ...], books: Any, tmp_path: Path
) -> None:
    file = job('archive = "done/{today:%Y}"')
    here("plan", file, *options)
    assert (tmp_path / "inbox/pay.csv").exists()
    told = here("run", file, "--today", "2026-11-28", *options).stdout
    assert "Archived list:" in told
    assert (tmp_path / "done/2026/pay.csv").exists()
    assert not (tmp_path / "inbox/pay.csv").exists()
    again = here("run", file, "--today", "2026-11-29", *options).stdout
    assert "Run pay/1 has ended (2 completed), and its list is in the archive" in again
    assert here("run", file, "--quiet", "--today", "2026-11-29", *options).stdout == ""
    assert len(books()["transactions"]) == 2
    here("run", file, "--run-key", "2", *options, code=3)


def test_a_list_with_rows_that_wait_is_not_archived(here: Any, job: Any, options: tuple[str, ...]) -> None:
    file = job('archive = "done"')
    here("run", file, "--deadline", "0s", *options, code=75)
    assert (file.parent / "inbox/pay.csv").exists()
    here("run", file, *options)
    assert (file.parent / "done/pay.csv").exists()


def test_an_archive_that_cannot_be_made_is_told_before_anybody_is_paid(
    here: Any, job: Any, options: tuple[str, ...], books: Any
) -> None:
    file = job('archive = "pay.toml/x"')
    assert re.search(r"Can't move .* to the archive", here("run", file, *options, code=3).stderr)
    assert books()["transactions"] == []


def test_the_report_goes_where_the_job_says(here: Any, job: Any, options: tuple[str, ...], tmp_path: Path) -> None:
    file = job('report_folder = "out/{today:%Y-%m}"')
    here("run", file, "--today", "2026-11-28", *options)
    assert (tmp_path / "out/2026-11/summary.json").exists()
    assert not (tmp_path / "reports").exists()


def test_mistakes_of_job_files_are_told_with_their_lines_and_as_json(here: Any, job: Any) -> None:
    file = job("rate = 0", "[columns]", 'amount = "Amt"')
    assert f"{file} line 4, rate: " in here("job", "check", file, code=3).stdout
    file = job("[columns]", 'amount = "Amt"')
    (told,) = json.loads(here("job", "check", "--json", file, code=3).stdout)
    assert (told["valid"], [each["line"] for each in told["mistakes"]]) == (False, [5])
    assert "is valid: pays" in here("job", "check", job()).stdout


def test_a_product_that_the_account_has_not_is_found_online(here: Any, job: Any, options: tuple[str, ...]) -> None:
    assert "is valid" in here("job", "check", "--online", job(), *options).stdout
    file = job()
    file.write_text(file.read_text().replace("6418", "999999"))
    told = here("job", "check", "--online", file, *options, code=3).stdout
    assert f"{file} line 3, product: product 999999 is not available" in told


def test_a_new_job_is_asked_for_written_once_and_runs(
    here: Any, job: Any, options: tuple[str, ...], tmp_path: Path
) -> None:
    job()
    words = ("--list", "inbox/pay.csv", "--product", 6418, "--every", "once", "--env", "sandbox")
    assert "is valid" in here("job", "new", "mine.toml", *words).stdout
    assert "already exists" in here("job", "new", "mine.toml", *words, code=3).stderr
    here("run", "mine.toml", *options)
    assert (tmp_path / "reports/mine-1/summary.json").exists()


AUTO = ("[auto_product]", "[columns]", 'reference = "reference"')


def _auto(file: Path) -> Path:
    file.write_text(file.read_text().replace("product = 6418\n", ""))
    return file


def test_a_product_is_chosen_by_the_numbers_operator_and_the_amount(
    here: Any, job: Any, options: tuple[str, ...], results: Any
) -> None:
    rows = "A-1,+6595123402,5,SG\nA-2,+6595123403,8,SG\nA-3,+6595123405,5,SG\nA-4,+6595123406,,SG\n"
    file = _auto(job("skip_refused = true", *AUTO, rows=rows))
    here("run", file, *options, code=1)
    found = results("pay-1")
    assert [row["result_product_id"] for row in found] == ["6418", "6430", "", ""]
    assert [row["result_state"] for row in found] == ["completed", "completed", "refused", "refused"]
    assert "Straits Mobile has no product of 5. Correct the amount" in found[2]["result_reason"]
    assert "the row needs both" in found[3]["result_reason"]
    assert "No product." not in found[2]["result_reason"] + found[3]["result_reason"]


def test_a_choice_stays_when_the_look_up_comes_out_otherwise_and_nobody_is_paid_twice(
    here: Any, job: Any, options: tuple[str, ...], books: Any, results: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _auto(job("skip_refused = true", *AUTO, rows="A-1,+6595123402,8,SG\nA-2,+6595123404,8,SG\n"))
    here("run", file, "--deadline", "0s", *options, code=75)
    _port_numbers(monkeypatch)
    assert here("plan", file, "--json", *options).exit_code == 0
    here("run", file, *options)
    assert [row["result_product_id"] for row in results("pay-1")] == ["6418", "6418"]
    # A row that is new is looked up anew; one whose amount was edited too, and is still the row that was paid.
    (file.parent / "inbox/pay.csv").write_text(
        "reference,phone,amount,Country\nA-1,+6595123402,9,SG\nA-2,+6595123404,8,SG\nA-3,+6595123406,8,SG\n"
    )
    here("run", file, *options, code=1)
    assert [row["result_product_id"] for row in results("pay-1")] == ["6418", "6418", "6430"]
    assert [entry["credit_party"][-3:] for entry in books()["transactions"]] == ["402", "404", "406"]


def _port_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sandbox say of every number of Singapore that another operator has it now."""
    identify = catalogue.lookup_bodies

    def ported(mobile_number: str) -> list[bytes]:
        return identify(f"{mobile_number[:-1]}{(int(mobile_number[-1]) + 1) % 10}")

    monkeypatch.setattr(catalogue, "lookup_bodies", ported)


def test_a_number_is_paid_once_in_a_list_whatever_products_its_amounts_would_get(
    here: Any, job: Any, options: tuple[str, ...], books: Any, results: Any
) -> None:
    file = _auto(job("skip_refused = true", *AUTO, rows="A-1,+6595123402,8,SG\nA-2,+6595123402,5,SG\n"))
    here("run", file, *options, code=1)
    assert len(books()["transactions"]) == 1
    assert "Duplicate of line 2." in results("pay-1")[1]["result_reason"]


@pytest.mark.parametrize(
    ("lines", "told"),
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
    here: Any, job: Any, lines: tuple[str, ...], told: str
) -> None:
    assert told in here("job", "check", _auto(job(*lines)), code=3).stdout


def test_a_list_that_states_products_is_not_chosen_for(here: Any, job: Any, options: tuple[str, ...]) -> None:
    file = _auto(job(*AUTO))
    (file.parent / "inbox/pay.csv").write_text("reference,phone,amount,product\nA-1,+6595123402,8,6418\n")
    assert "names products" in here("run", file, *options, code=3).stderr


def test_a_run_that_is_named_is_compared_with_its_list_as_its_job_reads_it(
    here: Any, job: Any, options: tuple[str, ...], tmp_path: Path
) -> None:
    filters = '[columns]\nreference = "reference"\namount = "Gross"\n[[filters]]\ncolumn = "Country"\nequals = "SG"\n'
    file = job(more=filters)
    listed = tmp_path / "inbox/pay.csv"
    listed.write_text(listed.read_text().replace("amount", "Gross"))
    here("run", file, *options)
    compared = json.loads(here("reconcile", "pay/1", "--json", *options).stdout)
    assert (compared["agrees"], compared["list"]["rows_in_file"], compared["list"]["rows"]) == (True, 1, 1)
    listed.write_text(listed.read_text() + "A-3,+6595123003,5,SG\n")
    differing = json.loads(here("reconcile", "pay/1", "--json", *options, code=1).stdout)
    assert differing["counts"] == {"list_new": 1}


def test_the_report_of_a_run_that_goes_on_lies_where_its_job_says_and_is_written_as_it_says(
    here: Any, job: Any, options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = job('report_folder = "told/pay"', 'reports = ["jsonl"]', rows="A-1,+6595123104,5,SG\n")
    here("run", file, *options, code=1)
    told = tmp_path / "told/pay"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    where = (*options[:-1], tmp_path / "ledger.db")
    for words in (("resume", "pay/1"), ("retry", "pay/1", "--all-failed"), ("report", "pay/1")):
        (told / "results.jsonl").unlink()
        here(*words, *where, code=0 if words[0] == "report" else 1)
        assert (told / "results.jsonl").exists()
        assert not (told / "results.csv").exists()
    here("report", "pay/1", "--report-dir", "here", "--format", "csv", *where)
    assert [each.name for each in (tmp_path / "elsewhere").iterdir()] == ["here"]


def test_a_job_that_retries_a_run_reports_where_the_runs_own_job_does_unless_it_says_where(
    here: Any, job: Any, options: tuple[str, ...], tmp_path: Path
) -> None:
    here("run", job('report_folder = "told/pay"', rows="A-1,+6595123104,5,SG\n"), *options, code=1)
    nightly = tmp_path / "nightly.toml"
    statuses = 'retry_of = "pay"\nstatuses = ["DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE"]\n'
    nightly.write_text(statuses)
    (tmp_path / "told/pay/results.csv").unlink()
    here("retry", nightly, *options, code=1)
    assert (tmp_path / "told/pay/results.csv").exists()
    nightly.write_text(statuses + 'report_folder = "nightly"\n')
    here("retry", nightly, *options, code=1)
    assert (tmp_path / "nightly/results.csv").exists()


def test_a_second_start_of_a_run_in_the_embedded_sandbox_is_told_of_the_run(
    start: Callable[..., Any], here: Any, job: Any, until: Any, tmp_path: Path
) -> None:
    rows = "".join(f"A-{row},+65951230{row:02},5,SG\n" for row in range(60))
    file = job(rows=rows)
    other = tmp_path / "other.toml"
    other.write_text(file.read_text())
    ledger = ("--ledger", "ledger.db")
    first = start("run", file, "--rate", 1, *ledger)
    until(lambda: (tmp_path / "ledger.db.sandbox-books.jsonl").exists() and "A-" in _known(tmp_path / "ledger.db"))
    told = here("run", file, "--quiet", *ledger, code=5)
    assert (told.stdout, told.stderr) == ("", "")
    assert "Another process is working on run pay/1" in here("run", file, *ledger, code=5).stderr
    assert "Another process is working on run pay/1" in here("resume", "pay/1", *ledger, code=5).stderr
    assert "wait until it ends, or start `bulk-topup sandbox`" in here("run", other, *ledger, code=5).stderr
    first.kill()


def _known(ledger: Path) -> str:
    """Give the bytes of a ledger and its log as text."""
    return "".join(
        each.read_bytes().decode(errors="replace")
        for each in (ledger, ledger.with_name(f"{ledger.name}-wal"))
        if each.exists()
    )


def test_the_choice_of_products_is_tried_for_the_first_rows_when_the_provider_is_asked(
    here: Any, job: Any, options: tuple[str, ...]
) -> None:
    rows = "".join(f"A-{row},+65951230{2 * row:02},10,SG\n" for row in range(9))
    choosing = '[auto_product]\n[columns]\nreference = "reference"\n'
    file = job(rows=rows, more=choosing)
    file.write_text(file.read_text().replace("product = 6418\n", ""))
    assert "To try the first rows, up to 5, add --online." in here("job", "check", file, *options).stdout
    assert "The first rows, up to 5, have one." in here("job", "check", file, "--online", *options).stdout
    listed = file.parent / "inbox/pay.csv"
    listed.write_text(listed.read_text().replace("A-3,+6595123006,10", "A-3,+6595123006,10.3"))
    told = here("job", "check", file, "--online", *options, code=3).stdout
    assert "line 5 of the list: Lionwave has no product of 10.3" in told
    assert told.startswith(f"{file} line 3, auto_product: ")
    # Those behind the first rows are looked at by the plan.
    listed.write_text(listed.read_text().replace("10.3", "10").replace("A-8,+6595123016,10", "A-8,+6595123016,10.3"))
    here("job", "check", file, "--online", *options)
