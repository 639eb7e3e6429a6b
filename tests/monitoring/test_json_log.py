"""The JSON log: one object per line, without personal data and secrets, and no failure of it stops the run."""

import json
import logging
import os
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from io import FileIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.attempt import Attempt, Facts, Move
from bulk_topup.domain.purchase_secrets import PurchaseSecrets
from bulk_topup.domain.states import RowState
from bulk_topup.errors import JobError
from bulk_topup.monitoring.json_log import JSONLog
from bulk_topup.monitoring.log_writer import MAX_WAITING, STANDS_STILL, LogFile, LogWriter, open_log
from bulk_topup.security.redaction import install_redaction


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """Set up logging as the command does, and restore it after the test."""
    root = logging.getLogger()
    factory, handlers, level = logging.getLogRecordFactory(), list(root.handlers), root.level
    install_redaction()
    yield
    logging.captureWarnings(capture=False)
    logging.setLogRecordFactory(factory)
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def move(**facts: Any) -> tuple[Attempt, Move]:
    attempt = Attempt(row_id=7, number=2, external_id="payroll-abc-2", request=b'{"mobile_number":"+6595123001"}')
    some: dict[str, Any] = {
        "transaction_id": 2237512891,
        "creation_date": datetime(2026, 11, 30, tzinfo=UTC),
        "status_class": "DECLINED",
        "status_message": "DECLINED-INVALID-CREDIT-PARTY",
        "price": None,
        "fee": None,
        "price_unit": None,
        "operator_reference": None,
        "secrets": PurchaseSecrets(pin_code="1234-5678"),
    }
    moved = Move(
        row_id=7,
        attempt=2,
        before=RowState.ACCEPTED,
        after=RowState.FAILED,
        cause="status read",
        message="+6595123001 is barred",
        facts=Facts(**{**some, **facts}),
    )
    return attempt, moved


def test_a_move_is_logged_with_the_ids_and_states_of_its_row_only() -> None:
    written = StringIO()
    log = JSONLog(open_log(written), "payroll")
    log.set_run("payroll", "2026-11")
    log.write_moves([move()])
    log.close()
    (line,) = lines(written.getvalue())
    assert datetime.fromisoformat(line.pop("time")).tzinfo == UTC
    assert line == {
        "level": "warning",
        "event": "row moved",
        "job": "payroll",
        "run": "payroll/2026-11",
        "row_id": 7,
        "attempt": 2,
        "external_id": "payroll-abc-2",
        "before": "accepted",
        "after": "failed",
        "cause": "status read",
        "transaction_id": 2237512891,
        "status_class": "DECLINED",
        "status": "DECLINED-INVALID-CREDIT-PARTY",
    }


def test_a_status_that_could_contain_personal_data_is_left_out() -> None:
    written = StringIO()
    log = JSONLog(open_log(written), "payroll")
    log.write_moves([move(status_message="Ada Lovelace\n+6595123001")])
    log.close()
    assert "status" not in lines(written.getvalue())[0]


def test_requests_are_logged_without_ids_and_personal_data() -> None:
    written = StringIO()
    log = JSONLog(open_log(written), "payroll")
    log.write_request("GET", "/lookup/mobile-number/+6595123001", 429, 0.0123)
    log.write_request("POST", "/async/transactions", None, 60.0)
    log.write_request("POST", "/async/transactions", 201, 0.05)
    log.close()
    logged = [(line["event"], line["path"], line.get("http_status")) for line in lines(written.getvalue())]
    assert logged == [
        ("request answered", "/lookup/mobile-number/…", 429),
        ("request not answered", "/async/transactions", None),
    ]


def test_at_level_info_every_request_is_logged() -> None:
    install_redaction(logging.INFO)
    written = StringIO()
    log = JSONLog(open_log(written), "payroll")
    log.write_request("POST", "/async/transactions", 201, 0.05)
    log.close()
    assert lines(written.getvalue())[0]["milliseconds"] == 50


def test_messages_of_libraries_are_logged_without_personal_data() -> None:
    written = StringIO()
    log = JSONLog(open_log(written), "payroll")
    try:
        int("Ada Lovelace")
    except ValueError:
        logging.getLogger("some.library").exception('took "Ada Lovelace" for +6595123001')
    log.close()
    logging.getLogger("some.library").error("later")
    (line,) = lines(written.getvalue())
    assert (line["event"], line["logger"], line["level"]) == ("log", "some.library", "error")
    assert "ValueError" in line["message"]
    assert "Lovelace" not in written.getvalue()
    assert "6595123001" not in written.getvalue()


def test_a_file_is_private_appended_to_and_can_be_rotated(tmp_path: Path) -> None:
    file = tmp_path / "pay.jsonl"
    for _ in range(2):
        log = JSONLog(open_log(file), "payroll")
        log.write("start")
        while not file.read_text().endswith('start","job":"payroll"}\n'):  # written by another thread
            assert threading.active_count() > 1
        if not (tmp_path / "pay.jsonl.1").exists():
            file.rename(tmp_path / "pay.jsonl.1")
        log.write("end")
        assert log.close() is None
    assert [line["event"] for line in lines((tmp_path / "pay.jsonl.1").read_text())] == ["start"]
    assert [line["event"] for line in lines(file.read_text())] == ["end", "start", "end"]
    assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o600}


def test_a_log_whose_folder_is_removed_loses_lines_only(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    log = JSONLog(open_log(folder / "pay.jsonl"), "payroll")
    folder.rename(tmp_path / "gone")
    log.write("start")
    log.write("end")
    assert log.close() == "No such file or directory"


def test_a_full_disk_loses_lines_and_is_reported_at_the_end() -> None:
    # Unbuffered, so that nothing is left to be written when it is closed.
    with TextIOWrapper(FileIO("/dev/full", "w"), write_through=True) as full:
        log = JSONLog(open_log(full), "payroll")
        log.write("start")
        log.write("end")
        assert log.close() == "No space left on device"


def test_a_disk_that_is_still_full_is_reported_when_the_file_is_closed() -> None:
    log = JSONLog(LogWriter(lambda: LogFile(Path("/dev/full"))), "payroll")
    log.write("progress")
    assert log.close() == "No space left on device"


def test_a_log_that_cannot_be_opened_is_reported_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"Can't write the log .*pay\.jsonl: No such file"):
        open_log(tmp_path / "none" / "pay.jsonl")
    with pytest.raises(JobError, match="is not a file"):
        open_log(tmp_path)


def test_a_log_that_no_path_names_is_reported_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="Can't write the log"):
        open_log(tmp_path / "a\0b")


def test_a_disk_that_hangs_loses_lines_and_stops_nobody() -> None:
    hung, written = threading.Event(), list[str]()

    class Hung:
        def write(self, line: str) -> None:
            hung.wait()
            written.append(line)

        def close(self) -> None:
            """Close nothing."""

    log = JSONLog(LogWriter(Hung), "payroll")
    for _ in range(MAX_WAITING + 2):
        log.write("progress")
    hung.set()
    assert log.close() == "more than 10,000 lines waited to be written"
    assert len(written) in {MAX_WAITING, MAX_WAITING + 1}


def test_the_end_does_not_wait_for_a_disk_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bulk_topup.monitoring.log_writer.PATIENCE", 0.0)
    reading, writing = os.pipe()
    with open(writing, "w", encoding="utf-8", closefd=False) as stream:
        log = JSONLog(open_log(stream), "payroll")
        log.write("progress", text="x" * 100_000)
        assert log.close() == STANDS_STILL
        os.read(reading, 100_000)
        os.read(reading, 100_000)
    os.close(reading)
    os.close(writing)


def test_a_log_that_can_not_be_opened_in_time_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulk_topup.monitoring.log_writer.OPENING_PATIENCE", 0.0)
    monkeypatch.setattr("bulk_topup.monitoring.log_writer.PATIENCE", 0.0)
    pipe = tmp_path / "pay.jsonl"
    os.mkfifo(pipe)
    log = JSONLog(open_log(pipe), "payroll")
    log.write("start")
    assert log.close() == STANDS_STILL
    # Its thread waits for a reader for ever, and ends with one.
    with pipe.open() as reader:
        assert lines(reader.read())[0]["event"] == "start"


def test_a_pipe_that_is_read_later_gets_all_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bulk_topup.monitoring.log_writer.OPENING_PATIENCE", 0.0)
    pipe = tmp_path / "pay.jsonl"
    os.mkfifo(pipe)
    log = JSONLog(open_log(pipe), "payroll")
    log.write("start")
    with pipe.open() as reader:
        assert log.close() is None
        assert lines(reader.read())[0]["event"] == "start"
