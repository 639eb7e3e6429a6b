"""Job files: their settings, dates, lists and diagnostics."""

import shlex
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from bulk_topup.domain.environment import Environment
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.errors import JobError, ListError
from bulk_topup.jobs.job import Job, NoListError
from bulk_topup.jobs.list_pattern import escape_pattern
from bulk_topup.jobs.load import load_any_job, load_job, load_retry_job, make_job
from bulk_topup.jobs.retry_job import RetryJob
from bulk_topup.report import ReportFormat

NOW = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)


def _file(folder: Path, text: str) -> Path:
    path = folder / "weekly.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_job_file_has_the_settings_of_a_command_line(tmp_path: Path) -> None:
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


def test_without_a_run_key_the_file_name_of_the_list_is_the_key() -> None:
    assert Job(list="lists/bonus.csv").at(NOW, Path()).run_key == "bonus"


def test_an_absolute_list_stays_where_it_is(tmp_path: Path) -> None:
    assert Job(list="/lists/bonus.csv").at(NOW, tmp_path).list == "/lists/bonus.csv"


def test_dates_are_those_of_the_given_time() -> None:
    job = Job(list="x.csv", run_key="{today:%G-W%V}")
    assert job.at(NOW, Path()).run_key == "2026-W49"
    assert job.at(datetime(2027, 1, 1, tzinfo=UTC), Path()).run_key == "2026-W53"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'list = "x.csv"\nprodukt = 1',
            r"produkt: Unknown key in a job\. Did you mean product\? Known keys: .*, product, ",
        ),
        ("product = 1", "list: Field required. Add it."),
        ('list = "x.csv"\nproduct = 0', "product: Input should be greater than or equal to 1"),
        ('list = "{yesterday}.csv"', r"list: Unknown text in braces\. Use only \{today\} and \{today:FORMAT\}"),
        ('list = "x.csv"\nenvironment = "live"', "environment: .*'sandbox', 'preprod' or 'production'"),
        ('list = "x.csv"\nname = "a/b"', "name: "),
        ('list = "x.csv"\nrate = 0', "rate: "),
        ('list = "x.csv"\nreports = ["pdf"]', "reports.0: "),
        ("list = x", "is not valid TOML: .*line 1"),
        ("list = 7", "list: "),
    ],
)
def test_a_diagnostic_has_its_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(JobError, match=message) as caught:
        load_job(path)
    assert str(path) in str(caught.value)


def test_all_problems_are_reported_together(tmp_path: Path) -> None:
    with pytest.raises(JobError) as caught:
        load_job(_file(tmp_path, "product = 0\nrate = -1\nconcurrency = 0"))
    assert [line.split(":")[0].strip() for line in str(caught.value).splitlines()[1:]] == [
        "list",
        "line 1, product",
        "line 2, rate",
        "line 3, concurrency",
    ]


def test_a_missing_job_file_is_reported_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"^Can't read the job file .*none\.toml: No such file or directory\.$"):
        load_job(tmp_path / "none.toml")


@pytest.mark.parametrize(
    "line", ['list = "a\\u0000.csv"', 'list = "a.csv"\narchive = "b\\u0000"', 'list = "a.csv"\nlogs = "b\\u0000"']
)
def test_a_character_that_no_path_can_have_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(JobError, match=rf"line {line.count(chr(10)) + 1}, .*: The character U\+0000"):
        load_job(_file(tmp_path, line))


def test_the_other_command_for_a_job_file_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "it's pay"
    folder.mkdir()
    for text, load, command in (
        ('retry_of = "a/b"', load_job, "retry"),
        ('list = "a.csv"', load_retry_job, "run"),
    ):
        file = _file(folder, text)
        with pytest.raises(JobError) as error:
            load(file)
        assert f"`{shlex.join(['bulk-topup', command, str(file)])}`" in str(error.value)


def test_invalid_options_are_reported_under_the_name_of_their_origin() -> None:
    with pytest.raises(JobError, match=r"^The command line is invalid:\n  list: Field required"):
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


def _lists(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_text("a\n1\n")


def test_a_pattern_finds_the_one_file_that_matches(tmp_path: Path) -> None:
    _lists(tmp_path, "pay-2026-11-final.csv", "pay-2026-10-final.csv", "note.txt")
    (tmp_path / "pay-2026-11-folder.csv").mkdir()
    job = Job(list="pay-{today:%Y-%m}*.csv", run_key="{today:%Y-%m}").at(NOW, tmp_path)
    assert (job.list, job.run_key) == (str(tmp_path / "pay-2026-11-final.csv"), "2026-11")


def test_a_pattern_that_several_files_match_names_them_and_chooses_none(tmp_path: Path) -> None:
    _lists(tmp_path, "pay-1.csv", "pay-2.csv")
    with pytest.raises(
        ListError, match=r"2 files match .*: pay-1.csv, pay-2.csv\. A run has one list\. Move the other files away"
    ):
        Job(list="pay-?.csv", run_key="1").at(NOW, tmp_path)


def test_a_pattern_without_a_match_is_reported(tmp_path: Path) -> None:
    with pytest.raises(NoListError, match="No file matches") as caught:
        Job(list="pay*.csv", run_key="{today:%Y-%m}").at(NOW, tmp_path)
    assert caught.value.job.run_key == "2026-11"


def test_a_pattern_without_a_run_key_is_refused_because_each_further_file_would_be_a_new_run() -> None:
    with pytest.raises(JobError, match="needs a run_key"):
        make_job({"list": "inbox/*.csv"}, "The job")


@pytest.mark.parametrize("name", ["pay [final].csv", "pay[1-3].csv", "what?.csv", "a*b.csv", "[*].csv"])
def test_a_list_is_found_by_its_exact_name_whatever_characters_it_has(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in[*]box"
    folder.mkdir()
    _lists(folder, name, "whatx.csv", "axb.csv", "pay2.csv")
    job = Job(list=escape_pattern(name)).at(NOW, folder)
    assert job.list == str(folder / name)
    assert job.run_key == Path(name).stem


def test_brackets_in_a_pattern_are_literal(tmp_path: Path) -> None:
    _lists(tmp_path, "pay [final] 1.csv", "pay f 1.csv")
    job = Job(list="pay [final]*.csv", run_key="1").at(NOW, tmp_path)
    assert job.list == str(tmp_path / "pay [final] 1.csv")


def test_folders_have_dates_and_are_relative_to_the_job_file(tmp_path: Path) -> None:
    _lists(tmp_path, "pay.csv")
    job = Job(list="pay.csv", report_folder="out/{today}", archive="done/{today:%Y}").at(NOW, tmp_path)
    assert (job.report_folder, job.archive) == (str(tmp_path / "out/2026-11-30"), str(tmp_path / "done/2026"))


def test_filters_with_duplicates_need_a_reference_because_filters_change_their_order() -> None:
    settings = {"list": "x.csv", "allow_duplicates": True, "filters": [{"column": "a", "blank": False}]}
    with pytest.raises(JobError, match="A job with filters and allow_duplicates needs a reference"):
        make_job(settings, "The job")
    assert make_job({**settings, "columns": {"reference": "id"}}, "The job").filters


def test_a_retry_job_is_another_kind_of_file(tmp_path: Path) -> None:
    file = _file(tmp_path, 'retry_of = "pay/{today:%Y-%m}"\nstatuses = ["DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE"]')
    job = load_any_job(file)
    assert isinstance(job, RetryJob)
    assert (job.name, job.at(NOW, tmp_path).retry_of) == ("weekly", "pay/2026-11")
    assert load_retry_job(file) == job
    with pytest.raises(JobError, match="bulk-topup retry"):
        load_job(file)
    with pytest.raises(JobError, match="has no retry_of"):
        load_retry_job(_file(tmp_path, 'list = "x.csv"'))


def test_a_job_with_an_archive_has_no_pattern_in_its_folders() -> None:
    with pytest.raises(JobError, match=r"only the name of the list can have \* and \?"):
        make_job({"list": "in/*/pay*.csv", "run_key": "{today:%Y-%m}", "archive": "in/done"}, "The job")
    assert make_job({"list": "in/pay*.csv", "run_key": "{today:%Y-%m}", "archive": "in/done"}, "The job").archive
