"""Settings of a job that the ledger keeps: what existing ledgers have is what is written and read today."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bulk_topup.domain.auto_product import AutoProduct
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.snapshot import job_from_run, reading_snapshot, report_snapshot
from tests.helpers.sample_run import RUN

JOB = Job.model_validate(
    {
        "name": "payroll",
        "run_key": "2026-11",
        "list": "inbox/pay.xlsx",
        "sheet": "November",
        "encoding": "latin-1",
        "delimiter": ";",
        "columns": {"amount": "Betrag", "reference": "ID"},
        "constants": {"sender.first_name": "Ada"},
        "filters": [
            {"column": "site", "equals": "Berlin"},
            {"column": "status", "not_equals": ["closed", "Löschen"]},
            {"column": "notes", "blank": False},
        ],
        "auto_product": {"service_id": 1, "subservice_id": 11},
        "default_country": "SG",
        "decimal_mark": ",",
        "reports": ["xlsx", "csv"],
        "report_folder": "/srv/reports/2026-11",
        "rate": 5,
        "environment": "preprod",
    }
)
#: What ledgers have for this job, byte for byte, as written before the jobs had a base of their own.
READING = (
    '{"sheet": "November", "encoding": "latin-1", "delimiter": ";", '
    '"columns": {"amount": "Betrag", "reference": "ID"}, "constants": {"sender.first_name": "Ada"}, '
    '"filters": [{"column": "site", "equals": "Berlin", "not_equals": null, "blank": null}, '
    '{"column": "status", "equals": null, "not_equals": ["closed", "L\\u00f6schen"], "blank": null}, '
    '{"column": "notes", "equals": null, "not_equals": null, "blank": false}], "product": null, '
    '"auto_product": {"service_id": 1, "subservice_id": 11, "type": null, "benefit_types": []}, '
    '"default_country": "SG", "decimal_mark": ","}'
)
READING_OF_A_SMALL_JOB = (
    '{"sheet": null, "encoding": null, "delimiter": null, "columns": {}, "constants": {}, "filters": [], '
    '"product": 6418, "auto_product": null, "default_country": null, "decimal_mark": "."}'
)


def test_the_ledger_gets_the_same_bytes_as_ever() -> None:
    small = Job(list="pay.csv", product=6418)
    assert reading_snapshot(JOB) == READING
    assert report_snapshot(JOB) == '{"folder": "/srv/reports/2026-11", "formats": ["xlsx", "csv"]}'
    assert reading_snapshot(small) == READING_OF_A_SMALL_JOB
    assert report_snapshot(small) == '{"folder": null, "formats": ["csv", "xlsx", "jsonl"]}'


def test_what_amounts_and_equal_rows_mean_is_kept_where_it_is_not_the_default() -> None:
    settings = {"calculation_mode": CalculationMode.SOURCE_AMOUNT, "allow_duplicates": True}
    kept = reading_snapshot(JOB.model_copy(update=settings))
    assert kept == READING.removesuffix("}") + ', "calculation_mode": "SOURCE_AMOUNT", "allow_duplicates": true}'
    job = job_from_run(replace(RUN, reading=kept))
    assert job is not None
    assert (job.calculation_mode, job.allow_duplicates) == (CalculationMode.SOURCE_AMOUNT, True)


def test_how_products_are_chosen_is_kept_where_it_is_not_the_default() -> None:
    choosing: dict[str, object] = {
        "subservices": ["data"],
        "prefer": ["EUR"],
        "amounts": "at_or_below",
        "products": {"1310": 6418},
    }
    policy = AutoProduct.model_validate(choosing)
    kept = reading_snapshot(JOB.model_copy(update={"auto_product": policy}))
    default: dict[str, object] = {"service_id": 1, "subservice_id": None, "type": None, "benefit_types": []}
    assert json.loads(kept)["auto_product"] == default | choosing
    job = job_from_run(replace(RUN, reading=kept))
    assert job is not None
    assert job.auto_product == policy


def test_a_report_folder_is_kept_as_an_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    job = Job(list="pay.csv", report_folder="out")
    assert report_snapshot(job) == f'{{"folder": "{tmp_path}/out", "formats": ["csv", "xlsx", "jsonl"]}}'


def test_a_run_of_an_existing_ledger_is_read_as_its_job_read_it() -> None:
    job = job_from_run(replace(RUN, reading=READING, list_path="in{box}/pay*.xlsx"))
    assert job is not None
    assert (job.name, job.run_key, job.list) == (RUN.job, RUN.run_key, "in{box}/pay*.xlsx")
    settings = ("sheet", "encoding", "delimiter", "columns", "constants", "filters", "auto_product", "decimal_mark")
    assert [getattr(job, name) for name in settings] == [getattr(JOB, name) for name in settings]


@pytest.mark.parametrize("reading", [None, '{"tabs": true}'])
def test_a_run_without_settings_that_this_version_knows_has_no_job(reading: str | None) -> None:
    assert job_from_run(replace(RUN, reading=reading)) is None
