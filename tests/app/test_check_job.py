"""The check of a job file before it runs: every error with its line and its fix."""

import json
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest

from bulk_topup.app.check_job import check_job
from bulk_topup.domain.environment import Environment
from bulk_topup.intake import ListSource
from bulk_topup.jobs.diagnostics import Diagnostic
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.json_schema import job_schema
from bulk_topup.jobs.load import load_job
from bulk_topup.jobs.scaffold import Answers, Frequency, job_text

NOW = datetime(2026, 11, 28, 17, tzinfo=UTC)
LIST = "reference,phone,amount,Country\nA-1,+6595123001,5,SG\n"


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox/pay-2026-11.csv").write_text(LIST)
    return tmp_path / "pay.toml"


def _mistakes(job: Path, text: str) -> tuple[Diagnostic, ...]:
    job.write_text(text)
    return check_job(job, NOW).errors


@pytest.mark.parametrize(
    ("text", "line", "key", "told"),
    [
        (
            'list = "inbox/pay-2026-11.csv"\n\n[caps]\nrow = 1',
            4,
            "caps.row",
            r"^Unknown key in table caps\. Did you mean rows\? Known keys: amounts, ",
        ),
        ('# c\nlist = "inbox/none.csv"', 2, "list", "Can't read "),
        ('# c\nlist = "inbox/x*.csv"\nrun_key = "1"', 2, "list", "No file matches"),
        ('# c\nlist = "inbox/*.csv"', None, "", "needs a run_key"),
        ('list = "inbox/pay-2026-11.csv"\nsheet = "Pay"', 2, "sheet", "is a CSV file without sheets"),
        ('list = "inbox/pay-2026-11.csv"\nencoding = "latin-99"', 2, "encoding", "latin-99"),
        ('list = "inbox/pay-2026-11.csv"\ndefault_country = "XX"', 2, "default_country", "is not a country"),
        ('list = "inbox/pay-2026-11.csv"\n[columns]\namount = "Amt"', 3, "columns.amount", 'no column "Amt"'),
        ('list = "inbox/pay-2026-11.csv"\n[columns]\n\namuont = "amount"', 4, "columns.amuont", "Did you mean amount"),
        ('list = "inbox/pay-2026-11.csv"\n[constants]\ncurrency = ""', 3, "constants.currency", "is empty"),
        (
            'list = "inbox/pay-2026-11.csv"\n[[filters]]\ncolumn = "Land"\nblank = false',
            3,
            "filters.0.column",
            'no column "Land"',
        ),
        (
            'list = "inbox/pay-2026-11.csv"\n[[filters]]\ncolumn = "Country"',
            2,
            "filters.0",
            "needs exactly one of equals",
        ),
        ('list = "inbox/pay-2026-11.csv"\nreport_folder = "pay.toml/x"', 2, "report_folder", "is not a folder"),
        ('list = "inbox/pay-2026-11.csv"\narchive = "pay.toml"', 2, "archive", "is not a folder"),
        ('list = "inbox/pay-2026-11.csv"\n[schedule]\nat = "0 17 31"', 3, "schedule.at", "five fields"),
        ('list = "inbox/pay-2026-11.csv"\nname = [', 2, "", "Invalid value"),
        ('# c\nlist = "inbox/pay-2026-11.csv', 2, "", "starts and ends with a quote"),
        ('list = "inbox/pay-2026-11.csv\nproduct = 6418', 1, "", "starts and ends with a quote"),
        ('list = "inbox/pay-2026-11.csv"\nproduct = 6418x', 2, "", "numbers have only digits"),
        ('list = "inbox/pay-2026-11.csv"\nlist = "b.csv"', 2, "", "Use each key once"),
        ('list = "inbox/pay-2026-11.csv"\nmode = "holdd"', 2, "mode", r"Did you mean hold\?"),
        ('list = "inbox/pay-2026-11.csv"\nrate = "fast"', 2, "rate", "Write a number"),
        (
            'retry_of = "pay"\nstatuses = ["DECLINED-INVALID-CREDIT-PARTY"]',
            2,
            "statuses.0",
            "never retried automatically",
        ),
    ],
)
def test_an_error_has_its_line_its_key_and_its_fix(job: Path, text: str, line: int | None, key: str, told: str) -> None:
    (mistake,) = _mistakes(job, text)
    assert (mistake.line, mistake.key) == (line, key)
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(mistake.message)


def test_a_valid_job_is_returned_with_its_dates_rendered(job: Path) -> None:
    text = 'run_key = "{today:%Y-%m}"\nlist = "inbox/pay-{today:%Y-%m}*.csv"\nreport_folder = "out/{today}"'
    assert _mistakes(job, text) == ()
    found = check_job(job, NOW).job
    assert isinstance(found, Job)
    assert (found.list, found.run_key) == (str(job.parent / "inbox/pay-2026-11.csv"), "2026-11")
    assert found.report_folder == str(job.parent / "out/2026-11-28")


def test_all_missing_columns_are_reported_at_once(job: Path) -> None:
    mistakes = _mistakes(job, 'list = "inbox/pay-2026-11.csv"\n[columns]\namount = "a"\nreference = "b"')
    assert [mistake.line for mistake in mistakes] == [3, 4]


def test_the_jobs_of_the_project_fit_the_schema_beside_them_which_is_the_one_that_is_printed(root: Path) -> None:
    import tomllib

    schema = json.loads((root / "jobs/job.schema.json").read_text())
    # Written again with: bulk-topup job schema > jobs/job.schema.json
    assert schema == json.loads(json.dumps(job_schema()))
    for file in (root / "jobs").glob("*.toml"):
        jsonschema.validate(tomllib.loads(file.read_text()), schema)
        assert file.read_text().startswith("#:schema ./job.schema.json\n")


def test_the_schema_refuses_an_unknown_key_and_explains_every_known_one() -> None:
    schema = job_schema()
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"list": "x.csv", "produkt": 1}, schema)
    jobs = [schema["$defs"][name]["properties"] for name in ("Job", "RetryJob")]
    assert [field for properties in jobs for field, shape in properties.items() if "description" not in shape] == []


def test_a_new_job_states_the_lists_columns_and_its_date_as_a_template(job: Path) -> None:
    answers = Answers(
        file=job,
        source=ListSource(path=job.parent / "inbox/pay-2026-11.csv"),
        product=6418,
        frequency=Frequency.MONTH,
        environment=Environment.SANDBOX,
    )
    assert _mistakes(job, job_text(answers, NOW)) == ()
    loaded = load_job(job)
    assert (loaded.list, loaded.run_key) == ("inbox/pay-{today:%Y-%m}.csv", "{today:%Y-%m}")
    assert loaded.columns == {
        "reference": "reference",
        "amount": "amount",
        "country": "Country",
        "credit_party_identifier.mobile_number": "phone",
    }


@pytest.mark.parametrize(
    ("text", "key", "told"),
    [
        (
            'list = "inbox/pay-{today}.csv"\nrun_key = "{today:%Y-%m}"',
            "list",
            "2026-11-29 have the run key .* in common",
        ),
        ('list = "in/{today:%G-W%V}/pay.csv"\nrun_key = "{today:%Y-%m}"', "list", "have the run key .* in common"),
        ('list = "{today:%Y-%m}/pay.csv"', "list", '"pay"'),
        ('list = "pay-{today:%Y-%m}*.csv"\nrun_key = "{today:%G-W%V}"', "list", "2026-11-30 .* 2026-12-01"),
        (
            'list = "inbox/pay.csv"\nrun_key = "{today:%m}"',
            "run_key",
            '"11".*is used again on 2027-11-01.*add the year',
        ),
        ('list = "inbox/pay.csv"\nrun_key = "{today:%Y-%V}"', "run_key", "is used again on"),
    ],
)
def test_days_that_share_a_run_are_a_warning(job: Path, text: str, key: str, told: str) -> None:
    job.write_text(text)
    checked = check_job(job, NOW)
    (warning,) = checked.warnings
    assert (warning.key, warning.line) == (key, 1 if key == "list" else 2)
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(warning.message)


@pytest.mark.parametrize(
    "text",
    [
        'list = "inbox/pay.csv"\nrun_key = "1"',
        'list = "inbox/pay-{today}.csv"',
        'list = "inbox/pay.csv"\nrun_key = "{today:%Y-%m}"',
        'list = "inbox/pay-{today}.csv"\nrun_key = "{today:%Y-%m}"\n[schedule]\nat = "0 17 28 * *"',
    ],
)
def test_days_with_runs_of_their_own_are_no_warning(job: Path, text: str) -> None:
    job.write_text(text)
    assert check_job(job, NOW).warnings == ()


def test_a_day_that_some_months_lack_is_warned_of_and_l_names_the_way(job: Path) -> None:
    text = (
        'list = "inbox/pay-2026-11.csv"\nrun_key = "{today:%Y-%m}"\nproduct = 6418\n[schedule]\nat = "0 17 DAY * *"\n'
    )
    job.write_text(text.replace("DAY", "31"))
    checked = check_job(job, NOW)
    assert checked.errors == ()
    assert [(each.line, each.key) for each in checked.warnings] == [(5, "schedule.at")]
    assert "some months lack day 31 (February, April, June, September and November)" in checked.warnings[0].message
    job.write_text(text.replace("DAY", "28"))
    assert check_job(job, NOW).warnings == ()
    for day in ("L", "l", "15,L"):
        [error] = _mistakes(job, text.replace("DAY", day))
        assert (error.line, error.key) == (5, "schedule.at")
        assert "cron has no last day of the month. Use 28, which every month has, or 1, the first" in error.message


def test_a_job_with_the_name_of_lists_without_a_job_file_is_warned_of(job: Path) -> None:
    job.write_text('name = "list"\nlist = "inbox/pay-2026-11.csv"\nproduct = 6418\n')
    assert [(each.line, each.key) for each in check_job(job, NOW).warnings] == [(1, "name")]
