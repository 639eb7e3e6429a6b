"""Job files: what they may say, how dates are filled in, and what is told about mistakes."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from bulk_topup.dvs.models import CalculationMode
from bulk_topup.environments import Environment
from bulk_topup.errors import JobError
from bulk_topup.jobs import Job, load_job, make_job
from bulk_topup.report import ReportFormat

NOW = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)


def _file(folder: Path, text: str) -> Path:
    path = folder / "weekly.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_job_file_says_everything_that_a_command_line_can(tmp_path: Path) -> None:
    job = load_job(
        _file(
            tmp_path,
            """
            run_key = "{today:%Y-%m}"
            list = "inbox/{today}.csv"
            delimiter = ";"
            decimal_mark = ","
            default_country = "SG"
            product = 6418
            calculation_mode = "SOURCE_AMOUNT"
            allow_duplicates = true
            skip_refused = true
            environment = "preprod"
            rate = 12.5
            concurrency = 8
            reports = ["csv"]
            [columns]
            amount = "Betrag"
            [constants]
            "sender.first_name" = "Ada"
            """,
        )
    ).at(NOW, tmp_path)
    assert (job.name, job.run_key, job.list) == ("weekly", "2026-11", str(tmp_path / "inbox/2026-11-30.csv"))
    assert (job.source.path, job.source.delimiter) == (tmp_path / "inbox/2026-11-30.csv", ";")
    assert (job.formats.decimal_mark, job.formats.default_country) == (",", "SG")
    assert job.all_constants == {"sender.first_name": "Ada", "product_id": "6418"}
    assert job.plan_options.calculation_mode is CalculationMode.SOURCE_AMOUNT
    assert job.plan_options.allow_duplicates
    assert (job.environment, job.concurrency, job.reports) == (Environment.PREPROD, 8, (ReportFormat.CSV,))
    assert Decimal(str(job.rate)) == Decimal("12.5")


def test_without_a_run_key_the_lists_name_is_the_key() -> None:
    assert Job(list="lists/bonus.csv").at(NOW, Path()).run_key == "bonus"


def test_an_absolute_list_stays_where_it_is(tmp_path: Path) -> None:
    assert Job(list="/lists/bonus.csv").at(NOW, tmp_path).list == "/lists/bonus.csv"


def test_dates_are_those_of_the_moment_that_is_passed_in() -> None:
    job = Job(list="x.csv", run_key="{today:%G-W%V}")
    assert job.at(NOW, Path()).run_key == "2026-W49"
    assert job.at(datetime(2027, 1, 1, tzinfo=UTC), Path()).run_key == "2026-W53"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('list = "x.csv"\nprodukt = 1', r"produkt: a job has no such key; it has .*product"),
        ("product = 1", "list: Field required"),
        ('list = "x.csv"\nproduct = 0', "product: Input should be greater than or equal to 1"),
        ('list = "{yesterday}.csv"', r"list: .*only \{today\} and \{today:FORMAT\}"),
        ('list = "x.csv"\nenvironment = "live"', "environment: .*'sandbox', 'preprod' or 'production'"),
        ('list = "x.csv"\nname = "a/b"', "name: "),
        ('list = "x.csv"\nrate = 0', "rate: "),
        ('list = "x.csv"\nreports = ["pdf"]', "reports.0: "),
        ("list = x", "is not valid TOML: .*line 1"),
        ("list = 7", "list: "),
    ],
)
def test_a_mistake_is_told_with_its_file_and_its_key(tmp_path: Path, text: str, told: str) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(JobError, match=told) as caught:
        load_job(path)
    assert str(path) in str(caught.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(JobError) as caught:
        load_job(_file(tmp_path, "product = 0\nrate = -1\nconcurrency = 0"))
    assert [line.split(":")[0].strip() for line in str(caught.value).splitlines()[1:]] == [
        "list",
        "product",
        "rate",
        "concurrency",
    ]


def test_a_missing_job_file_is_told_as_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"cannot be read: No such file or directory\."):
        load_job(tmp_path / "none.toml")


def test_values_from_elsewhere_are_told_under_their_own_name() -> None:
    with pytest.raises(JobError, match=r"^The command line is not acceptable:\n  list: Field required"):
        make_job({}, "The command line")


def test_a_velocity_limit_that_limits_nothing_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pay.toml"
    file.write_text('list = "pay.csv"\n[velocity]\ndays = 20\n')
    with pytest.raises(JobError, match="needs payments or amounts"):
        load_job(file)


def test_a_cap_in_a_misspelt_currency_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pay.toml"
    file.write_text('list = "pay.csv"\n[caps]\namounts = { sgd = 5 }\n')
    with pytest.raises(JobError, match=r"caps\.amounts\.sgd"):
        load_job(file)


def test_amounts_of_a_job_file_keep_every_digit(tmp_path: Path) -> None:
    file = tmp_path / "pay.toml"
    file.write_text('list = "pay.csv"\nrate = 2.5\n[caps]\namounts = { SGD = 123456789012345678.123456789 }\n')
    job = load_job(file)
    assert job.caps.amounts == {"SGD": Decimal("123456789012345678.123456789")}
    assert job.rate == 2.5
