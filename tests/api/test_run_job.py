"""Paying from a script: results in place of exit codes, safe stops, and nothing without consent."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from bulk_topup import (
    BulkTopupError,
    ConfirmationRequiredError,
    Environment,
    ExitCode,
    Job,
    Ledger,
    Progress,
    RowState,
    exit_code_for,
    plan_list,
    run_job,
)
from bulk_topup.api.worker_thread import Work
from bulk_topup.errors import (
    AccountMismatchError,
    ApprovalError,
    ConfigurationError,
    EnvironmentNotNamedError,
    InterruptedRunError,
    JobError,
    ListError,
    RowsRefusedError,
    RunLockedError,
)
from bulk_topup.ledger import LedgerStore, run_lock

QUICK: dict[str, Any] = {"poll_interval": 0.05, "progress_interval": 0.02}


class GivenUpError(Exception):
    """The exception of a caller's handler while the script waits."""


def test_a_job_is_paid_and_the_result_has_its_end(
    ways: dict[str, Any], job_of: Callable[..., Job], paid: Callable[[], list[str]]
) -> None:
    result = run_job(job_of(3), **ways, **QUICK)
    assert (result.run, result.exit_code, result.message) == ("bonus/may", ExitCode.ALL_COMPLETED, "")
    assert result.counts[RowState.COMPLETED] == 3
    assert set(result.charged) == {"USD"}
    assert [file.name for file in result.files] == ["results.csv", "results.xlsx", "results.jsonl", "summary.json"]
    assert result.files[0].parent == Path("reports/bonus-may")
    assert all(file.exists() for file in result.files)
    assert (result.not_completed, result.left_out, result.archived) == (None, None, None)
    assert paid() == ["+6595123400", "+6595123401", "+6595123402"]
    assert result.as_json()["exit_code"] == 0


def test_the_same_call_again_pays_no_row_twice(
    ways: dict[str, Any], job_of: Callable[..., Job], paid: Callable[[], list[str]]
) -> None:
    first, second = (run_job(job_of(2), **ways, **QUICK) for _ in range(2))
    assert first.charged == second.charged
    assert len(paid()) == 2


def test_a_failed_row_shows_in_the_exit_code_and_the_file(ways: dict[str, Any], job_of: Callable[..., Job]) -> None:
    result = run_job(job_of(1, last="R-9,+6595123102,5\n"), **ways, **QUICK)
    assert result.exit_code is ExitCode.INCOMPLETE
    assert result.not_completed is not None
    assert "R-9" in result.not_completed.read_text(encoding="utf-8-sig")
    assert result.not_completed_workbook == result.not_completed.with_suffix(".xlsx")
    assert result.as_json()["not_completed_workbook"] == str(result.not_completed_workbook)


def test_an_invalid_list_sends_nothing_and_raises(
    ways: dict[str, Any], job_of: Callable[..., Job], paid: Callable[[], list[str]]
) -> None:
    job = job_of(1, last="R-9,+6595123409,1000\n")
    with pytest.raises(RowsRefusedError) as told:
        run_job(job, **ways, **QUICK)
    assert exit_code_for(told.value) is ExitCode.INVALID_INPUT
    assert not paid()


def test_production_sends_nothing_unless_its_run_is_named(
    ways: dict[str, Any], job_of: Callable[..., Job], paid: Callable[[], list[str]]
) -> None:
    for confirm in (None, "", "bonus", "bonus/june"):
        with pytest.raises(ConfirmationRequiredError, match=r"bonus/may would pay 2 rows .*confirm='bonus/may'"):
            run_job(job_of(2), environment="production", confirm=confirm, **ways, **QUICK)
    assert not paid()
    with LedgerStore(ways["ledger"]) as ledger:
        assert ledger.runs.all() == []
    assert run_job(job_of(2), environment="production", confirm="Bonus/MAY", **ways, **QUICK).exit_code == 0
    # Nothing is left to be sent, so that nothing has to be confirmed.
    assert run_job(job_of(2), environment="production", **ways, **QUICK).exit_code == 0
    assert len(paid()) == 2


def test_credentials_without_a_named_environment_are_refused_instead_of_simulated(
    ways: dict[str, Any], job_of: Callable[..., Job]
) -> None:
    embedded = {**ways, "base_url": None}
    for call in (run_job, plan_list):
        with pytest.raises(EnvironmentNotNamedError, match=r"API credentials are given \(the argument credentials\)"):
            call(job_of(2), **embedded)
    assert not ways["ledger"].exists()
    for job, named in ((job_of(2), "sandbox"), (job_of(2, environment="sandbox"), None)):
        result = run_job(job, environment=named, **embedded, poll_interval=0.1)
        assert (result.environment, result.account) == (Environment.SANDBOX, "the embedded sandbox")
        assert result.as_json()["account"] == "the embedded sandbox"
        assert plan_list(job, environment=named, **embedded).account == "the embedded sandbox"


def test_a_job_that_needs_an_approval_is_not_paid_by_a_confirmation(
    ways: dict[str, Any], job_of: Callable[..., Job], paid: Callable[[], list[str]]
) -> None:
    job = job_of(1, approval={"required": True, "keys": ["hmac"]})
    with pytest.raises(ApprovalError, match="needs an approval"):
        run_job(job, environment="production", confirm="bonus/may", **ways, **QUICK)
    with pytest.raises(ApprovalError, match=r"Can't read nowhere\.json"):
        run_job(job, approval="nowhere.json", **ways, **QUICK)
    assert not paid()


def test_it_works_inside_a_running_event_loop(ways: dict[str, Any], job_of: Callable[..., Job]) -> None:
    async def cell() -> tuple[int, ExitCode]:
        return plan_list(job_of(2), **ways).to_send, run_job(job_of(2), **ways, **QUICK).exit_code

    assert asyncio.run(cell()) == (2, ExitCode.ALL_COMPLETED)


def test_it_works_in_another_thread(ways: dict[str, Any], job_of: Callable[..., Job]) -> None:
    async def main() -> ExitCode:
        return (await asyncio.to_thread(run_job, job_of(2), **ways, **QUICK)).exit_code

    assert asyncio.run(main()) == ExitCode.ALL_COMPLETED


def test_signals_stay_the_callers(ways: dict[str, Any], job_of: Callable[..., Job]) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    seen = []
    run_job(job_of(2), on_progress=lambda _: seen.append([signal.getsignal(each) for each in numbers]), **ways, **QUICK)
    assert seen
    assert all(each == before for each in seen)
    assert [signal.getsignal(number) for number in numbers] == before


def test_progress_is_reported_in_the_callers_thread_and_at_the_end(
    ways: dict[str, Any], job_of: Callable[..., Job]
) -> None:
    looks: list[tuple[threading.Thread, Progress]] = []
    run_job(job_of(3), on_progress=lambda look: looks.append((threading.current_thread(), look)), **ways, **QUICK)
    assert {thread for thread, _ in looks} == {threading.current_thread()}
    assert looks[-1][1].counts[RowState.COMPLETED] == 3


def _at_half(look: Progress) -> bool:
    return look.counts[RowState.PENDING] < sum(look.counts.values()) and look.counts[RowState.PENDING] > 0


def _check_resumable(ways: dict[str, Any], job: Job, rows: int, paid: Callable[[], list[str]], tmp_path: Path) -> None:
    """Check that a run was stopped safely: with a report and pending rows, which the next call pays once."""
    counts = Ledger(ways["ledger"]).status("bonus/may").counts
    assert counts[RowState.PENDING] > 0
    assert (tmp_path / "reports/bonus-may/results.csv").exists()
    assert len(paid()) == rows - counts[RowState.PENDING]
    assert run_job(job.model_copy(update={"rate": None}), **ways, **QUICK).counts[RowState.COMPLETED] == rows
    assert len(paid()) == len(set(paid())) == rows


def test_an_exception_of_on_progress_stops_the_run_safely(
    ways: dict[str, Any], job_of: Callable[..., Job], paid: Callable[[], list[str]], tmp_path: Path
) -> None:
    def look(look: Progress) -> None:
        if _at_half(look):
            raise GivenUpError

    job = job_of(30, rate=1, concurrency=4)
    with pytest.raises(GivenUpError):
        run_job(job, on_progress=look, **ways, **QUICK)
    _check_resumable(ways, job, 30, paid, tmp_path)


@contextmanager
def _handler(number: int) -> Iterator[None]:
    """Let a signal raise an error in the main thread, as orchestrators do."""

    def handle(*_: object) -> None:
        raise GivenUpError

    before = signal.signal(number, handle)
    try:
        yield
    finally:
        signal.signal(number, before)


def test_an_exception_of_a_signal_handler_stops_the_run_safely(
    ways: dict[str, Any], job_of: Callable[..., Job], paid: Callable[[], list[str]], tmp_path: Path
) -> None:
    is_on, is_sent = threading.Event(), threading.Event()

    def send() -> None:
        is_on.wait()
        if not is_sent.is_set():
            is_sent.set()
            os.kill(os.getpid(), signal.SIGTERM)

    job = job_of(30, rate=1, concurrency=4)
    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    with _handler(signal.SIGTERM), pytest.raises(GivenUpError):
        run_job(job, on_progress=lambda look: is_on.set() if _at_half(look) else None, **ways, **QUICK)
    is_on.set()
    thread.join()
    _check_resumable(ways, job, 30, paid, tmp_path)


def test_a_deadline_that_may_be_any_hour_is_refused_before_anything_is_read(job_of: Any, ways: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        run_job(job_of(1), deadline=datetime(2026, 11, 24, 17), **ways, **QUICK)  # noqa: DTZ001 - that is the mistake
    assert not Path(ways["ledger"]).exists()


def test_a_deadline_that_has_come_leaves_all_rows_to_the_next_start(
    ways: dict[str, Any], job_of: Callable[..., Job], paid: Callable[[], list[str]]
) -> None:
    result = run_job(job_of(3, rate=0.5), deadline=datetime.now(UTC) - timedelta(hours=1), **ways, **QUICK)
    assert result.exit_code is ExitCode.RESUMABLE
    assert result.exit_code.is_transient
    assert result.message.startswith("Deadline reached. Resume: `bulk-topup resume ")
    assert len(paid()) < 3


def test_giving_up_before_anything_is_sent_sends_nothing() -> None:
    began, is_over = threading.Event(), []

    async def main(_work: Work[None]) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            is_over.append(True)

    def look() -> None:
        began.wait()
        raise GivenUpError

    with pytest.raises(GivenUpError):
        Work(main).result(on_wait=look, interval=0.01)
    assert is_over


def test_giving_up_while_the_thread_begins_stops_what_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    begin, ends = threading.Thread.start, []

    async def main(work: Work[None]) -> None:
        is_stopped = asyncio.Event()
        work.stop = is_stopped.set
        await is_stopped.wait()
        ends.append("stopped")

    def interrupted(thread: threading.Thread) -> None:
        begin(thread)
        raise GivenUpError

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(GivenUpError):
        Work(main).result(on_wait=lambda: None, interval=0.01)
    assert ends in ([], ["stopped"])
    assert not [thread for thread in threading.enumerate() if thread.name == "bulk-topup" and _stays(thread)]


def _stays(thread: threading.Thread) -> bool:
    thread.join(5)
    return thread.is_alive()


def test_giving_up_before_there_is_a_thread_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(_work: Work[None]) -> None:
        raise AssertionError

    def interrupted(_thread: threading.Thread) -> None:
        raise GivenUpError

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(GivenUpError):
        Work(main).result(on_wait=lambda: None, interval=0.01)


def test_a_second_call_on_a_run_reports_the_first(ways: dict[str, Any], job_of: Callable[..., Job]) -> None:
    with run_lock(ways["ledger"], "bonus", "may"), pytest.raises(RunLockedError) as told:
        run_job(job_of(1), **ways, **QUICK)
    assert exit_code_for(told.value) is ExitCode.RUN_LOCKED
    assert exit_code_for(told.value).is_transient


def test_two_threads_of_one_process_never_work_on_one_run(
    ways: dict[str, Any], job_of: Callable[..., Job], paid: Callable[[], list[str]]
) -> None:
    job = job_of(30, rate=6, concurrency=4)
    refused: list[BulkTopupError] = []

    def look(look: Progress) -> None:
        if _at_half(look) and not refused:
            with pytest.raises(RunLockedError) as told:
                run_job(job, **ways, **QUICK)
            refused.append(told.value)

    run_job(job, on_progress=look, **ways, **QUICK)
    assert len(refused) == 1
    assert len(paid()) == 30


def test_a_run_continues_with_its_own_account_only(ways: dict[str, Any], job_of: Callable[..., Job]) -> None:
    run_job(job_of(1), **ways, **QUICK)
    with pytest.raises(AccountMismatchError):
        run_job(job_of(1), ledger=ways["ledger"])
    pair = ways["credentials"]
    renamed = {**ways, "base_url": ways["base_url"].replace("127.0.0.1", "localhost")}
    assert run_job(job_of(1), same_account=True, **renamed, **QUICK).exit_code == 0
    assert pair.api_secret.get_secret_value() not in repr(pair)


def test_the_day_renders_the_run_key_and_paths_begin_at_the_job_file(ways: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/pay.toml").write_text(
        'run_key = "{today:%Y-%m}"\nlist = "pay.csv"\nproduct = 6418\nreport_folder = "told/{today:%Y-%m}"\n'
    )
    (tmp_path / "jobs/pay.csv").write_text("reference,phone,amount\nR-1,+6595123400,5\n")
    result = run_job("jobs/pay.toml", today=date(2026, 10, 31), **ways, **QUICK)
    assert result.run == "pay/2026-10"
    assert result.files[0] == Path("jobs/told/2026-10/results.csv")
    late = datetime(2026, 11, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    assert plan_list("jobs/pay.toml", today=late, **ways).run == "pay/2026-11"
    assert plan_list("jobs/pay.toml", run_key="again", **ways).run == "pay/again"


def test_a_list_that_its_ended_run_archived_gives_the_result_again(
    ways: dict[str, Any], job_of: Callable[..., Job], paid: Callable[[], list[str]], tmp_path: Path
) -> None:
    job = job_of(2, archive=str(tmp_path / "archive"))
    first = run_job(job, **ways, **QUICK)
    assert first.archived == tmp_path / "archive/bonus.csv"
    second = run_job(job, **ways, **QUICK)
    assert (second.exit_code, second.charged) == (ExitCode.ALL_COMPLETED, first.charged)
    assert "archive" in second.message
    assert len(paid()) == 2
    with pytest.raises(ListError, match="No list at "):
        run_job(job, run_key="june", **ways, **QUICK)


@pytest.mark.parametrize(
    ("stated", "kind", "told"),
    [
        ({"job": "nowhere.toml"}, JobError, "Can't read the job file nowhere.toml"),
        ({"job": "nowhere.csv"}, ListError, "nowhere.csv"),
        ({"environment": "prod"}, ConfigurationError, "Choose one of sandbox, preprod, production"),
        ({"run_key": " "}, JobError, "Run key ' ' is empty or has invisible characters"),
    ],
    ids=["job", "list", "environment", "key"],
)
def test_an_error_is_raised_with_its_fix(
    stated: dict[str, Any], kind: type[BulkTopupError], told: str, ways: dict[str, Any], job_of: Callable[..., Job]
) -> None:
    with pytest.raises(kind, match=told):
        run_job(**{"job": job_of(1), **ways, **stated})


def test_a_ledger_that_cannot_be_written_any_more_is_an_interruption() -> None:
    assert exit_code_for(InterruptedRunError()) is ExitCode.RESUMABLE


def test_nothing_is_printed(
    ways: dict[str, Any], job_of: Callable[..., Job], capfd: pytest.CaptureFixture[str]
) -> None:
    run_job(job_of(2), **ways, **QUICK)
    assert capfd.readouterr() == ("", "")
