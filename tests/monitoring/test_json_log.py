"""The log of JSON lines: each line an object, nobody and nothing secret in it, and the run goes on without it."""

import json
import logging
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from io import FileIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.attempt import Attempt, Facts, Move
from bulk_topup.domain.states import RowState
from bulk_topup.errors import JobError
from bulk_topup.monitoring.json_log import FileLog, JSONLog, log_to
from bulk_topup.security.redaction import install_redaction


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """Log as the command does, and put everything back as it was."""
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
        "pin_code": "1234-5678",
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


def test_a_row_that_moved_is_told_by_its_ids_and_states_alone() -> None:
    written = StringIO()
    log = JSONLog(log_to(written), "payroll")
    log.is_of("payroll", "2026-11")
    log.moved([move()])
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


def test_a_status_that_could_be_anything_is_left_out() -> None:
    written = StringIO()
    log = JSONLog(log_to(written), "payroll")
    log.moved([move(status_message="Ada Lovelace\n+6595123001")])
    log.close()
    assert "status" not in lines(written.getvalue())[0]


def test_requests_are_told_by_what_they_ask_for_and_not_of_whom() -> None:
    written = StringIO()
    log = JSONLog(log_to(written), "payroll")
    log.tried("GET", "/lookup/mobile-number/+6595123001", 429, 0.0123)
    log.tried("POST", "/async/transactions", None, 60.0)
    log.tried("POST", "/async/transactions", 201, 0.05)
    log.close()
    told = [(line["event"], line["path"], line.get("http_status")) for line in lines(written.getvalue())]
    assert told == [
        ("request answered", "/lookup/mobile-number/…", 429),
        ("request not answered", "/async/transactions", None),
    ]


def test_in_detail_every_request_is_told() -> None:
    install_redaction(logging.INFO)
    written = StringIO()
    log = JSONLog(log_to(written), "payroll")
    log.tried("POST", "/async/transactions", 201, 0.05)
    log.close()
    assert lines(written.getvalue())[0]["milliseconds"] == 50


def test_what_libraries_log_stands_in_it_without_people() -> None:
    written = StringIO()
    log = JSONLog(log_to(written), "payroll")
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


def test_a_file_is_its_owners_alone_is_appended_to_and_may_be_rotated(tmp_path: Path) -> None:
    file = tmp_path / "pay.jsonl"
    for _ in range(2):
        log = JSONLog(log_to(file), "payroll")
        log.write("start")
        if not (tmp_path / "pay.jsonl.1").exists():
            file.rename(tmp_path / "pay.jsonl.1")
        log.write("end")
        assert log.close() is None
    assert [line["event"] for line in lines((tmp_path / "pay.jsonl.1").read_text())] == ["start"]
    assert [line["event"] for line in lines(file.read_text())] == ["end", "start", "end"]
    assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o600}


def test_a_log_whose_folder_goes_away_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    log = JSONLog(log_to(folder / "pay.jsonl"), "payroll")
    folder.rename(tmp_path / "gone")
    log.write("start")
    log.write("end")
    assert log.close() == "No such file or directory"


def test_a_disk_that_is_full_costs_lines_and_says_so_in_the_end() -> None:
    # Unbuffered, so that nothing is left to be written when it is closed.
    with TextIOWrapper(FileIO("/dev/full", "w"), write_through=True) as full:
        log = JSONLog(log_to(full), "payroll")
        log.write("start")
        log.write("end")
        assert log.close() == "No space left on device"


def test_a_file_on_a_disk_that_is_full_to_the_end_says_so_when_it_is_closed() -> None:
    log = JSONLog(FileLog(Path("/dev/full")), "payroll")
    log.write("progress")
    assert log.close() == "No space left on device"


def test_a_log_that_cannot_be_opened_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="cannot be written: No such file"):
        log_to(tmp_path / "none" / "pay.jsonl")
    with pytest.raises(JobError, match="is not a file"):
        log_to(tmp_path)
