import json
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.summary import summarise
from bulk_topup.errors import ReportError
from bulk_topup.jobs.job import Job
from bulk_topup.report import DEFAULT_FORMATS, ReportFormat, write_report

#: Writes a report of many rows in a process that is killed or runs out of disk space before the end.
_INTERRUPTED = """
import os, resource, signal, sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.purchase_secrets import SECRET_FIELDS
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.errors import ReportError
from bulk_topup.report import ReportFormat, write_report
from bulk_topup.domain.states import RowState

folder, interruption = Path(sys.argv[1]), sys.argv[2]
now = datetime(2026, 11, 24, tzinfo=UTC)
run = Run(
    id=1, job="j", run_key="k", environment="sandbox", list_path="l.csv", columns=("a",), created_at=now,
)

def outcomes():
    for line in range(2, 3000):
        yield Outcomes.of([Outcome(
            line=line, state=RowState.FAILED, cells=("x" * 50,), problems=(), message="", note="", product_id=1,
            credit_party=None, amount=Decimal(1), unit="SGD", attempt=1, external_id="e", transaction_id=None,
            status_class=None, status_message=None, planned_cost=None, planned_unit=None, price=None, fee=None,
            price_unit=None, operator_reference=None, **dict.fromkeys(SECRET_FIELDS), creation_date=None, final_at=None,
            in_list=True,
        )])
    if interruption == "kill":
        os.kill(os.getpid(), signal.SIGKILL)

if interruption == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write_report(run, outcomes(), folder, formats=[ReportFormat(sys.argv[3])])
except ReportError as error:
    print(error)
    sys.exit(3)
"""


def _interrupted(folder: Path, interruption: str, kind: ReportFormat) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _INTERRUPTED, str(folder), interruption, kind.value]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "reports" / "payroll"


def _pages(*rows: Outcome) -> Iterator[Outcomes]:
    yield Outcomes.of(rows)


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_report_has_the_requested_formats_and_a_summary(
    run: Run, outcome: Callable[..., Outcome], folder: Path
) -> None:
    rows = [outcome(), outcome(line=3, state=RowState.FAILED)]
    report = write_report(run, _pages(*rows), folder, formats=[ReportFormat.JSONL, ReportFormat.CSV])
    assert [path.name for path in report.files] == ["results.csv", "results.jsonl", "summary.json"]
    assert report.not_completed == folder / "payroll-2026-11-not-completed.csv"
    assert set(_contents(folder)) == {
        "results.csv",
        "results.jsonl",
        "summary.json",
        "payroll-2026-11-not-completed.csv",
        "payroll-2026-11-not-completed.xlsx",
    }
    assert report.summary == summarise(run, [Outcomes.of(rows)])
    assert json.loads((folder / "summary.json").read_text()) == report.summary.as_json()


def test_only_the_owner_can_read_a_report(run: Run, outcome: Callable[..., Outcome], folder: Path) -> None:
    rows = [outcome(state=RowState.FAILED)]
    write_report(run, _pages(*rows), folder, formats=tuple(ReportFormat))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert len(list(folder.iterdir())) == 8


def test_a_file_that_others_could_read_is_private_once_it_is_replaced(
    run: Run, outcome: Callable[..., Outcome], folder: Path
) -> None:
    folder.mkdir(parents=True)
    (folder / "results.csv").write_text("old")
    (folder / "results.csv").chmod(0o644)
    write_report(run, _pages(outcome()), folder, formats=[ReportFormat.CSV])
    assert stat.S_IMODE((folder / "results.csv").stat().st_mode) == 0o600


def test_an_earlier_not_completed_file_is_removed_once_every_row_is_completed(
    run: Run, outcome: Callable[..., Outcome], folder: Path
) -> None:
    failed = outcome(state=RowState.FAILED)
    assert write_report(run, _pages(failed), folder, formats=[]).not_completed is not None
    report = write_report(run, _pages(outcome()), folder, formats=[])
    assert (report.not_completed, report.not_completed_workbook) == (None, None)
    assert set(_contents(folder)) == {"summary.json"}


def test_pins_are_in_no_file_unless_they_are_revealed(run: Run, outcome: Callable[..., Outcome], folder: Path) -> None:
    rows = [outcome(), outcome(line=3, state=RowState.REVERSED)]
    kinds = [ReportFormat.CSV, ReportFormat.JSONL, ReportFormat.PARQUET]
    write_report(run, _pages(*rows), folder, formats=kinds)
    assert not [name for name, content in _contents(folder).items() if b"1234-5678" in content or b"SERIAL" in content]
    write_report(run, _pages(*rows), folder, formats=kinds, reveal_pins=True)
    shown = {name for name, content in _contents(folder).items() if b"1234-5678" in content and b"SERIAL-9" in content}
    assert shown == {"results.csv", "results.jsonl", "results.parquet"}


def test_rows_that_cannot_be_read_leave_the_earlier_report_and_nothing_else(
    run: Run, outcome: Callable[..., Outcome], folder: Path
) -> None:
    write_report(run, _pages(outcome(state=RowState.FAILED)), folder, formats=tuple(ReportFormat))
    before = _contents(folder)

    def outcomes() -> Iterator[Outcomes]:
        page = Outcomes.of([outcome(line=line, state=RowState.REFUSED) for line in range(500)])
        yield from (page for _ in range(4))
        raise RuntimeError("the ledger went away")

    with pytest.raises(RuntimeError, match="the ledger went away"):
        write_report(run, outcomes(), folder, formats=tuple(ReportFormat))
    assert _contents(folder) == before


def test_without_an_earlier_report_rows_that_cannot_be_read_leave_no_file(run: Run, folder: Path) -> None:
    def outcomes() -> Iterator[Outcomes]:
        yield from ()
        raise RuntimeError("the ledger went away")

    with pytest.raises(RuntimeError):
        write_report(run, outcomes(), folder, formats=tuple(ReportFormat))
    assert _contents(folder) == {}


@pytest.mark.parametrize("kind", ReportFormat)
def test_a_kill_in_the_middle_leaves_the_earlier_report(
    run: Run, outcome: Callable[..., Outcome], folder: Path, kind: ReportFormat
) -> None:
    write_report(run, _pages(outcome(state=RowState.FAILED)), folder, formats=tuple(ReportFormat))
    before = _contents(folder)
    assert _interrupted(folder, "kill", kind).returncode == -signal.SIGKILL
    assert {name: (folder / name).read_bytes() for name in before} == before


@pytest.mark.parametrize("kind", ReportFormat)
def test_a_full_disk_leaves_the_earlier_report_and_the_error_has_a_fix(
    run: Run, outcome: Callable[..., Outcome], folder: Path, kind: ReportFormat
) -> None:
    write_report(run, _pages(outcome(state=RowState.FAILED)), folder, formats=tuple(ReportFormat))
    before = _contents(folder)
    process = _interrupted(folder, "full", kind)
    assert (process.returncode, process.stderr) == (3, "")
    assert "File too large" in process.stdout
    assert "`bulk-topup report`" in process.stdout
    assert _contents(folder) == before


def test_a_folder_that_cannot_be_created_is_an_error_with_a_fix(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match=r"^Can't write the report to the folder .*The ledger has every outcome\."):
        write_report(run, iter(()), tmp_path / "file", formats=[])


def test_a_file_that_cannot_be_replaced_is_an_error_that_names_it(
    run: Run, outcome: Callable[..., Outcome], folder: Path
) -> None:
    (folder / "results.csv").mkdir(parents=True)
    with pytest.raises(ReportError, match=r"results\.csv"):
        write_report(run, _pages(outcome()), folder, formats=[ReportFormat.CSV])
    assert [path.name for path in folder.iterdir()] == ["results.csv"]


def test_a_run_without_rows_has_a_report_too(run: Run, folder: Path) -> None:
    report = write_report(run, iter(()), folder, formats=tuple(ReportFormat))
    assert (report.summary.rows, report.not_completed) == (0, None)
    assert (folder / "results.jsonl").read_bytes() == b""
    assert len((folder / "results.csv").read_text().splitlines()) == 1


def test_parquet_and_html_are_not_written_by_default() -> None:
    assert set(ReportFormat) - set(DEFAULT_FORMATS) == {ReportFormat.PARQUET, ReportFormat.HTML}
    assert Job(list="payroll.csv").reports == DEFAULT_FORMATS
