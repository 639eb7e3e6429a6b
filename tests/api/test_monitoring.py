"""A run from Python is reported as a command's is: log, metrics, pings and notifications, and nothing is printed."""

import json
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bulk_topup import ExitCode, Job, Progress, RowState, run_job
from bulk_topup.app import monitor
from bulk_topup.errors import JobError, ListError, RowsRefusedError, RunLockedError
from bulk_topup.ledger import run_lock
from tests.helpers.monitoring_output import figure, logged, pinged
from tests.helpers.smtp_and_http_receivers import Hook, Mailbox, attachments_of, serve_hook, serve_mailbox, text_of

QUICK: dict[str, Any] = {"poll_interval": 0.05, "progress_interval": 0.02}
SIGNALS = (signal.SIGINT, signal.SIGTERM)

Write = Callable[..., Path]


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    """A web server that the environment names: notifications go to /told, pings to /ping-…"""
    with serve_hook() as found:
        monkeypatch.setenv("HOOK", f"json://payer:hunter2@127.0.0.1:{found.port}/told")
        monkeypatch.setenv("PING", f"{found.url}/ping-0c1d2e3f")
        yield found


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with serve_mailbox() as found:
        yield found


@pytest.fixture
def job(tmp_path: Path) -> Write:
    """Return a function that writes a job file and its list; a number that ends in 1xx is declined."""

    def write(*numbers: str, more: str = "", logs: str = "pay.jsonl", to: str = "${HOOK}", attach: str = "") -> Path:
        folder = tmp_path / "jobs"
        folder.mkdir(exist_ok=True)
        rows = "".join(f"A-{line},{number},5\n" for line, number in enumerate(numbers or ("+6595123001",)))
        (folder / "pay.csv").write_text(f"reference,phone,amount\n{rows}")
        (folder / "pay.toml").write_text(
            f'list = "pay.csv"\nrun_key = "1"\nproduct = 6418\nping = "${{PING}}"\nmetrics = "pay.prom"\n'
            f'logs = "{logs}"\n{more}\n[[notifications]]\nto = ["{to}"]\n'
            f'on = ["start", "finish", "failure", "approval"]\nattach = [{attach}]\n'
        )
        return folder / "pay.toml"

    return write


def notified(hook: Hook) -> list[dict[str, Any]]:
    return [json.loads(body) for _, path, body in hook.requests if path == "/told"]


def test_a_job_file_is_reported_at_its_start_and_its_end_and_nothing_is_printed(
    ways: dict[str, Any], job: Write, hook: Hook, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    handlers = list(logging.getLogger().handlers)
    result = run_job(job("+6595123001", "+6595123102"), **ways, **QUICK)
    assert result.exit_code is ExitCode.INCOMPLETE
    start, end = notified(hook)
    assert start["title"].startswith("pay/1: ")
    assert "2 rows" in start["title"]
    assert "(exit code 1)" in end["title"]
    assert f"Report: {tmp_path}/reports/pay-1" in end["message"]
    assert pinged(hook) == ["/start", "/1"]
    metrics = tmp_path / "jobs/pay.prom"
    assert figure(metrics, "exit_code", job="pay", run="1") == 1
    assert figure(metrics, "rows", state="completed") == figure(metrics, "rows", state="failed") == 1
    assert figure(metrics, "money", kind="charged", currency="USD") == 3.71
    assert figure(metrics, "running") == 0
    lines = logged(tmp_path / "jobs/pay.jsonl")
    # A response may be final already, so a row has one move or two.
    last_moves = {line["row_id"]: line["after"] for line in lines if line["event"] == "row moved"}
    assert sorted(last_moves.values()) == ["completed", "failed"]
    assert (lines[0]["event"], lines[-1]["event"], lines[-1]["exit_code"]) == ("start", "end", 1)
    assert {line.get("run", "pay/1") for line in lines} == {"pay/1"}
    assert capfd.readouterr() == ("", "")
    assert [signal.getsignal(number) for number in SIGNALS] == before
    assert logging.getLogger().handlers == handlers


def test_a_call_that_finds_nothing_new_notifies_of_nothing_and_still_pings(
    ways: dict[str, Any], job: Write, hook: Hook
) -> None:
    run_job(job(), **ways, **QUICK)
    hook.requests.clear()
    assert run_job(job(), **ways, **QUICK).exit_code is ExitCode.ALL_COMPLETED
    assert notified(hook) == []
    assert pinged(hook) == ["/start", ""]


def test_an_error_is_reported_and_raised(ways: dict[str, Any], job: Write, hook: Hook, tmp_path: Path) -> None:
    with pytest.raises(RowsRefusedError):
        run_job(job("+6595123001", "0659512"), **ways, **QUICK)
    (failure,) = notified(hook)
    assert "(exit code 3)" in failure["title"]
    assert "1 of 2 rows refused." in failure["message"]
    assert "0659512" not in failure["message"]
    assert pinged(hook) == ["/3"]
    assert figure(tmp_path / "jobs/pay.prom", "exit_code") == 3
    assert logged(tmp_path / "jobs/pay.jsonl")[-1]["exit_code"] == 3


def test_a_missing_list_is_reported_and_raised(ways: dict[str, Any], job: Write, hook: Hook) -> None:
    file = job()
    (file.parent / "pay.csv").unlink()
    with pytest.raises(ListError):
        run_job(file, **ways, **QUICK)
    assert ["(exit code 3)" in message["title"] for message in notified(hook)] == [True]
    assert figure(file.parent / "pay.prom", "exit_code") == 3


def test_a_run_that_is_stopped_by_its_caller_is_reported_as_interrupted(
    ways: dict[str, Any], job: Write, hook: Hook, tmp_path: Path
) -> None:
    def stop(progress: Progress) -> None:
        if progress.counts[RowState.PENDING] < 60:
            raise KeyboardInterrupt

    file = job(*(f"+65951230{line:02}" for line in range(60)), more="rate = 10")
    with pytest.raises(KeyboardInterrupt):
        run_job(file, **ways, **QUICK, on_progress=stop)
    assert "(exit code 75)" in notified(hook)[-1]["title"]
    assert "bulk-topup resume pay/1" in notified(hook)[-1]["message"]
    assert pinged(hook) == ["/start", "/75"]
    assert logged(tmp_path / "jobs/pay.jsonl")[-1]["stopped"] == "interrupted"


def test_a_run_of_another_process_is_left_to_it(ways: dict[str, Any], job: Write, hook: Hook, tmp_path: Path) -> None:
    with run_lock(ways["ledger"], "pay", "1"), pytest.raises(RunLockedError):
        run_job(job(), **ways, **QUICK)
    assert hook.requests == []
    assert not (tmp_path / "jobs/pay.prom").exists()


def test_what_cannot_be_reported_is_a_logged_warning_and_changes_nothing(
    ways: dict[str, Any],
    job: Write,
    hook: Hook,
    paid: Callable[[], list[str]],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(monitor, "PATIENCE", 5.0)
    hook.status = 500
    with caplog.at_level(logging.WARNING, logger="bulk_topup.api"):
        assert run_job(job(), **ways, **QUICK).exit_code is ExitCode.ALL_COMPLETED
    assert paid() == ["+6595123001"]
    warnings = [record.getMessage() for record in caplog.records if record.name == "bulk_topup.api"]
    assert [warning.partition(" failed: ")[0] for warning in warnings] == [
        "The ping at the start",
        "Notification 1 (json://)",
        "The ping at the end",
        "Notification 1 (json://)",
    ]
    assert "hunter2" not in caplog.text
    assert "0c1d2e3f" not in caplog.text
    assert capfd.readouterr() == ("", "")


def test_a_log_on_standard_output_is_left_to_the_command_line(
    ways: dict[str, Any], job: Write, hook: Hook, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    run_job(job(logs="-"), **ways, **QUICK)
    assert "Set `logs` to a file" in caplog.text
    assert capfd.readouterr().out == ""
    assert pinged(hook) == ["/start", ""]


def test_a_mail_brings_the_report(ways: dict[str, Any], job: Write, hook: Hook, mailbox: Mailbox) -> None:
    address = f"mailto://127.0.0.1:{mailbox.port}?from=pay@example.com&to=team@example.com"
    run_job(job(to=address, attach='"summary", "report"'), **ways, **QUICK)
    start, end = mailbox.mails
    assert attachments_of(start) == {}
    assert set(attachments_of(end)) == {"summary.json", "results.xlsx"}
    assert "1 completed" in text_of(end)
    assert pinged(hook) == ["/start", ""]


def test_an_address_without_its_secret_is_refused_before_anything_is_sent(
    ways: dict[str, Any], job: Write, hook: Hook, paid: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOOK")
    with pytest.raises(JobError, match="HOOK"):
        run_job(job(), **ways, **QUICK)
    assert not paid()
    assert pinged(hook) == ["/3"]


def test_a_run_whose_list_was_archived_keeps_its_exit_code_in_the_metrics(
    ways: dict[str, Any], job: Write, hook: Hook, tmp_path: Path
) -> None:
    file = job("+6595123001", "+6595123102", more='archive = "done"')
    for _ in range(2):
        assert run_job(file, **ways, **QUICK).exit_code is ExitCode.INCOMPLETE
        assert figure(tmp_path / "jobs/pay.prom", "exit_code") == 1
    assert len(notified(hook)) == 2
    assert pinged(hook) == ["/start", "/1", "/1"]


def test_a_job_object_is_reported_as_a_job_file_is(
    ways: dict[str, Any], job_of: Callable[..., Job], hook: Hook, tmp_path: Path
) -> None:
    run_job(job_of(1, metrics="bonus.prom", notifications=[{"to": ["${HOOK}"]}]), **ways, **QUICK)
    assert figure(tmp_path / "bonus.prom", "exit_code", job="bonus", run="may") == 0
    assert len(notified(hook)) == 1


def test_a_disk_of_metrics_that_hangs_stops_neither_the_run_nor_its_end(
    ways: dict[str, Any],
    job: Write,
    hook: Hook,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hung = threading.Event()
    monkeypatch.setattr(monitor, "PATIENCE", 2.0)
    monkeypatch.setattr("bulk_topup.monitoring.prometheus.write_metrics", lambda *_: hung.wait())
    result = run_job(job(), **ways, **QUICK)
    hung.set()
    assert result.exit_code is ExitCode.ALL_COMPLETED
    assert "Writing the metrics failed: timeout." in caplog.text
    assert pinged(hook) == ["/start", ""]
