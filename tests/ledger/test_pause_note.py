"""The note of a pause: read until its end, private, and harmless where it can't be written or read."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bulk_topup.ledger.lock_holder import run_file
from bulk_topup.ledger.pause_note import read_pause, remove_pause, write_pause

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
RUN = ("payroll", "2026-11")


def test_a_note_is_read_until_the_pause_ends_and_its_owner_alone_can_read_it(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.db"
    assert read_pause(ledger, *RUN, NOW) == ""
    write_pause(ledger, *RUN, "Throttled.", NOW + timedelta(seconds=5))
    assert read_pause(ledger, *RUN, NOW) == "Throttled."
    assert read_pause(ledger, *RUN, NOW + timedelta(seconds=5)) == ""
    assert read_pause(ledger, "payroll", "2026-12", NOW) == ""
    assert stat.S_IMODE(run_file(ledger, *RUN, "pause").stat().st_mode) == 0o600
    write_pause(ledger, *RUN, "Silent.", NOW + timedelta(seconds=9))
    assert read_pause(ledger, *RUN, NOW) == "Silent."
    remove_pause(ledger, *RUN)
    remove_pause(ledger, *RUN)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"why": 1, "until": "soon"}', '{"why": "a", "until": "2026-11-30"}', "[" * 2_000],
)
def test_a_note_that_cannot_be_read_says_nothing(text: str, tmp_path: Path) -> None:
    run_file(tmp_path / "ledger.db", *RUN, "pause").write_text(text)
    assert read_pause(tmp_path / "ledger.db", *RUN, NOW) == ""


def test_where_no_file_can_be_written_nothing_is_noted(tmp_path: Path) -> None:
    ledger = tmp_path / "missing" / "ledger.db"
    write_pause(ledger, *RUN, "Throttled.", NOW)
    assert read_pause(ledger, *RUN, NOW) == ""
