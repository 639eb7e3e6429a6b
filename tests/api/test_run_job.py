"""Paying from a script: results in place of exit codes, safe stops, and no unconfirmed payment in production."""

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
    InterruptedRunError,
    JobError,
    ListError,
    RowsRefusedError,
    RunLockedError,
)
from bulk_topup.ledger import run_lock

QUICK: dict[str, Any] = {"poll_interval": 0.05, "progress_interval": 0.02}


class GivenUpError(Exception):
    """Raised by a callback or a signal handler while a script waits."""


def test_a_job_is_paid_and_the_result_has_its_outcome(
    options: dict[str, Any], job_of: Callable[..., Job], paid: Callable[[], list[str]]
) -> None:
    result = run_job(job_of(3), **options, **QUICK)
    assert (result.run, result.exit_code, result.message) == ("bonus/may", ExitCode.ALL_COMPLETED, "")
    assert result.counts[RowState.COMPLETED] == 3
    assert set(result.charged) == {"USD"}
    assert [file.name for file in result.files] == ["results.csv", "results.xlsx", "results.jsonl", "summary.json"]
    assert result.files[0].parent == Path("reports/bonus-may")
    assert all(file.exists() for file in result.files)
    assert (result.not_completed, result.left_out, result.archived) == (None, None, None)
    assert paid() == ["+6595123400", "+6595123401", "+6595123402"]
    assert result.as_json()["exit_code"] == 0


def test_the_same_call_again_pays_nobody_twice(
    options: dict[str, Any], job_of: Callable[..., Job], paid: Callable[[], list[str]]
) -> None:
    first, second = (run_job(job_of(2), **options, **QUICK) for _ in range(2))
    assert first.charged == second.charged
    assert len(paid()) == 2


def test_a_failed_row_is_in_the_exit_code_and_the_not_completed_file(
    options: dict[str, Any], job_of: Callable[..., Job]
) -> None:
    result = run_job(job_of(1, last="R-9,+6595123102,5\n"), **options, **QUICK)
    assert result.exit_code is ExitCode.INCOMPLETE
    assert result.not_completed is not None
    assert "R-9" in result.not_completed.read_text(encoding="utf-8-sig")


def test_a_list_with_a_refused_row_sends_nothing(
    options: dict[str, Any], job_of: Callable[..., Job], paid: Callable[[], list[str]]
) -> None:
    job = job_of(1, last="R-9,+6595123409,1000\n")
    with pytest.raises(RowsRefusedError) as caught:
        run_job(job, **options, **QUICK)
    assert exit_code_for(caught.value) is ExitCode.INVALID_INPUT
    assert not paid()


def test_production_sends_nothing_unless_its_run_is_named(
    options: dict[str, Any], job_of: Callable[..., Job], paid: Callable[[], list[str]]
) -> None:
    for confirm in (None, "", "bonus", "bonus/june"):
        with pytest.raises(ConfirmationRequiredError, match=r"bonus/may would pay 2 rows .*confirm='bonus/may'"):
            run_job(job_of(2), environment="production", confirm=confirm, **options, **QUICK)
    assert not paid()
    assert not Ledger(options["ledger"]).runs()
    assert run_job(job_of(2), environment="production", confirm="bonus/may", **options, **QUICK).exit_code == 0
    # Nothing is left to send, so nothing needs a confirmation.
    assert run_job(job_of(2), environment="production", **options, **QUICK).exit_code == 0
    assert len(paid()) == 2


def test_a_job_that_needs_an_approval_is_not_paid_by_a_confirmation(
    options: dict[str, Any], job_of: Callable[..., Job], paid: Callable[[], list[str]]
) -> None:
    job = job_of(1, approval={"required": True, "keys": ["hmac"]})
    with pytest.raises(ApprovalError, match="needs an approval"):
        run_job(job, environment="production", confirm="bonus/may", **options, **QUICK)
    with pytest.raises(ApprovalError, match="cannot be read"):
        run_job(job, approval="nowhere.json", **options, **QUICK)
    assert not paid()


def test_it_works_inside_a_running_event_loop(options: dict[str, Any], job_of: Callable[..., Job]) -> None:
    async def cell() -> tuple[int, ExitCode]:
        return plan_list(job_of(2), **options).to_send, run_job(job_of(2), **options, **QUICK).exit_code

    assert asyncio.run(cell()) == (2, ExitCode.ALL_COMPLETED)


def test_it_works_in_another_thread(options: dict[str, Any], job_of: Callable[..., Job]) -> None:
    async def main() -> ExitCode:
        return (await asyncio.to_thread(run_job, job_of(2), **options, **QUICK)).exit_code

    assert asyncio.run(main()) == ExitCode.ALL_COMPLETED


def test_signal_handlers_stay_the_callers(options: dict[str, Any], job_of: Callable[..., Job]) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    seen = []
    run_job(
        job_of(2), on_progress=lambda _: seen.append([signal.getsignal(each) for each in numbers]), **options, **QUICK
    )
    assert seen
    assert all(each == before for each in seen)
    assert [signal.getsignal(number) for number in numbers] == before


def test_progress_is_reported_in_the_callers_thread_and_at_the_end(
    options: dict[str, Any], job_of: Callable[..., Job]
) -> None:
    reports: list[tuple[threading.Thread, Progress]] = []
    run_job(
        job_of(3),
        on_progress=lambda progress: reports.append((threading.current_thread(), progress)),
        **options,
        **QUICK,
    )
    assert {thread for thread, _ in reports} == {threading.current_thread()}
    assert reports[-1][1].counts[RowState.COMPLETED] == 3


def _is_half_sent(progress: Progress) -> bool:
    return progress.counts[RowState.PENDING] < sum(progress.counts.values()) and progress.counts[RowState.PENDING] > 0


def _check_resumable(
    options: dict[str, Any], job: Job, rows: int, paid: Callable[[], list[str]], tmp_path: Path
) -> None:
    """Check that a run was stopped safely: it has a report and pending rows, and the next run pays each row once."""
    counts = Ledger(options["ledger"]).status("bonus/may").counts
    assert counts[RowState.PENDING] > 0
    assert (tmp_path / "reports/bonus-may/results.csv").exists()
    assert len(paid()) == rows - counts[RowState.PENDING]
    assert run_job(job.model_copy(update={"rate": None}), **options, **QUICK).counts[RowState.COMPLETED] == rows
    assert len(paid()) == len(set(paid())) == rows


def test_an_error_of_the_progress_callback_stops_the_run_safely(
    options: dict[str, Any], job_of: Callable[..., Job], paid: Callable[[], list[str]], tmp_path: Path
) -> None:
    def give_up(progress: Progress) -> None:
        if _is_half_sent(progress):
            raise GivenUpError

    job = job_of(30, rate=20, concurrency=4)
    with pytest.raises(GivenUpError):
        run_job(job, on_progress=give_up, **options, **QUICK)
    _check_resumable(options, job, 30, paid, tmp_path)


@contextmanager
def _handler(number: int) -> Iterator[None]:
    """Make a signal raise an error in the main thread, as orchestrators do."""

    def handle(*_: object) -> None:
        raise GivenUpError

    before = signal.signal(number, handle)
    try:
        yield
    finally:
        signal.signal(number, before)


def test_an_error_of_a_signal_handler_stops_the_run_safely(
    options: dict[str, Any], job_of: Callable[..., Job], paid: Callable[[], list[str]], tmp_path: Path
) -> None:
    is_running, is_sent = threading.Event(), threading.Event()

    def send() -> None:
        is_running.wait()
        if not is_sent.is_set():
            is_sent.set()
            os.kill(os.getpid(), signal.SIGTERM)

    job = job_of(30, rate=20, concurrency=4)
    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    with _handler(signal.SIGTERM), pytest.raises(GivenUpError):
        run_job(
            job, on_progress=lambda progress: is_running.set() if _is_half_sent(progress) else None, **options, **QUICK
        )
    is_running.set()
    thread.join()
    _check_resumable(options, job, 30, paid, tmp_path)


def test_a_deadline_without_a_time_zone_is_refused_before_anything_is_read(
    job_of: Any, options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        run_job(job_of(1), deadline=datetime(2026, 11, 24, 17), **options, **QUICK)  # noqa: DTZ001 - the error under test
    assert not Path(options["ledger"]).exists()


def test_a_run_after_its_deadline_is_resumable(
    options: dict[str, Any], job_of: Callable[..., Job], paid: Callable[[], list[str]]
) -> None:
    result = run_job(job_of(3, rate=0.5), deadline=datetime.now(UTC) - timedelta(hours=1), **options, **QUICK)
    assert result.exit_code is ExitCode.RESUMABLE
    assert result.exit_code.is_transient
    assert result.message.startswith("Deadline reached. Resume: `bulk-topup resume ")
    assert len(paid()) < 3


def test_an_error_while_waiting_cancels_the_work() -> None:
    is_started, ends = threading.Event(), []

    async def main(_work: Work[None]) -> None:
        is_started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ends.append(True)

    def give_up() -> None:
        is_started.wait()
        raise GivenUpError

    with pytest.raises(GivenUpError):
        Work(main).result(on_wait=give_up, interval=0.01)
    assert ends


def test_an_error_while_the_thread_starts_stops_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    start, ends = threading.Thread.start, []

    async def main(work: Work[None]) -> None:
        is_stopped = asyncio.Event()
        work.stop = is_stopped.set
        await is_stopped.wait()
        ends.append("stopped")

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        raise GivenUpError

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(GivenUpError):
        Work(main).result(on_wait=lambda: None, interval=0.01)
    assert ends in ([], ["stopped"])
    assert not [thread for thread in threading.enumerate() if thread.name == "bulk-topup" and _stays(thread)]


def _stays(thread: threading.Thread) -> bool:
    thread.join(5)
    return thread.is_alive()


def test_an_error_before_the_thread_starts_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(_work: Work[None]) -> None:
        raise AssertionError

    def interrupted(_thread: threading.Thread) -> None:
        raise GivenUpError

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(GivenUpError):
        Work(main).result(on_wait=lambda: None, interval=0.01)


def test_a_call_for_a_locked_run_raises_that_it_is_locked(options: dict[str, Any], job_of: Callable[..., Job]) -> None:
    with run_lock(options["ledger"], "bonus", "may"), pytest.raises(RunLockedError) as caught:
        run_job(job_of(1), **options, **QUICK)
    assert exit_code_for(caught.value) is ExitCode.RUN_LOCKED
    assert exit_code_for(caught.value).is_transient


def test_two_threads_of_one_process_never_work_on_one_run(
    options: dict[str, Any], job_of: Callable[..., Job], paid: Callable[[], list[str]]
) -> None:
    job = job_of(30, rate=20, concurrency=4)
    refused: list[BulkTopupError] = []

    def run_again(progress: Progress) -> None:
        if _is_half_sent(progress) and not refused:
            with pytest.raises(RunLockedError) as caught:
                run_job(job, **options, **QUICK)
            refused.append(caught.value)

    run_job(job, on_progress=run_again, **options, **QUICK)
    assert len(refused) == 1
    assert len(paid()) == 30


def test_a_run_resumes_only_with_its_own_account(options: dict[str, Any], job_of: Callable[..., Job]) -> None:
    run_job(job_of(1), **options, **QUICK)
    with pytest.raises(AccountMismatchError):
        run_job(job_of(1), ledger=options["ledger"])
    pair = options["credentials"]
    renamed = {**options, "base_url": options["base_url"].replace("127.0.0.1", "localhost")}
    assert run_job(job_of(1), same_account=True, **renamed, **QUICK).exit_code == 0
    assert pair.api_secret.get_secret_value() not in repr(pair)


def test_the_date_is_rendered_in_the_run_key_and_paths_are_relative_to_the_job_file(
    options: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/pay.toml").write_text(
        'run_key = "{today:%Y-%m}"\nlist = "pay.csv"\nproduct = 6418\nreport_folder = "out/{today:%Y-%m}"\n'
    )
    (tmp_path / "jobs/pay.csv").write_text("reference,phone,amount\nR-1,+6595123400,5\n")
    result = run_job("jobs/pay.toml", today=date(2026, 10, 31), **options, **QUICK)
    assert result.run == "pay/2026-10"
    assert result.files[0] == Path("jobs/out/2026-10/results.csv")
    late = datetime(2026, 11, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    assert plan_list("jobs/pay.toml", today=late, **options).run == "pay/2026-11"
    assert plan_list("jobs/pay.toml", run_key="again", **options).run == "pay/again"


def test_a_finished_run_with_an_archived_list_returns_its_result_again(
    options: dict[str, Any], job_of: Callable[..., Job], paid: Callable[[], list[str]], tmp_path: Path
) -> None:
    job = job_of(2, archive=str(tmp_path / "archive"))
    first = run_job(job, **options, **QUICK)
    assert first.archived == tmp_path / "archive/bonus.csv"
    second = run_job(job, **options, **QUICK)
    assert (second.exit_code, second.charged) == (ExitCode.ALL_COMPLETED, first.charged)
    assert "archive" in second.message
    assert len(paid()) == 2
    with pytest.raises(ListError, match="No list at "):
        run_job(job, run_key="june", **options, **QUICK)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"job": "nowhere.toml"}, JobError, "Can't read the job file nowhere.toml"),
        ({"job": "nowhere.csv"}, ListError, "nowhere.csv"),
        ({"environment": "prod"}, ConfigurationError, "Choose one of sandbox, preprod, production"),
        ({"run_key": " "}, JobError, "Run key ' ' is empty or has invisible characters"),
    ],
    ids=["job", "list", "environment", "key"],
)
def test_a_wrong_argument_is_raised_with_its_fix(
    changes: dict[str, Any],
    error: type[BulkTopupError],
    message: str,
    options: dict[str, Any],
    job_of: Callable[..., Job],
) -> None:
    with pytest.raises(error, match=message):
        run_job(**{"job": job_of(1), **options, **changes})


def test_an_interrupted_run_is_resumable() -> None:
    assert exit_code_for(InterruptedRunError()) is ExitCode.RESUMABLE


def test_nothing_is_printed(
    options: dict[str, Any], job_of: Callable[..., Job], capfd: pytest.CaptureFixture[str]
) -> None:
    run_job(job_of(2), **options, **QUICK)
    assert capfd.readouterr() == ("", "")
