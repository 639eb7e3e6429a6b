"""The findings about this machine."""

import os
import stat
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from bulk_topup.app.doctor import CheckStatus, examine_folder, examine_machine, machine


class Usage(NamedTuple):
    free: int


def test_versions_and_the_time_zone_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Singapore")
    time.tzset()
    try:
        versions, zone = examine_machine(datetime(2026, 11, 24, 18, 30, tzinfo=UTC))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert versions.message.startswith("bulk-topup ")
    assert "SQLite 3." in versions.message
    assert zone.message == (
        "Local time is 02:30 (UTC+0800), and {today} is 2026-11-25 unless a job or its latest run has another time "
        "zone. Reports are in UTC."
    )


def test_a_folder_with_room_is_well_and_nothing_is_left_in_it(tmp_path: Path) -> None:
    finding = examine_folder("ledger's folder", tmp_path, "--ledger")
    assert finding.status is CheckStatus.OK
    assert "is writable, supports locks" in finding.message
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_yet_is_looked_for_above_and_not_made(tmp_path: Path) -> None:
    finding = examine_folder("reports", tmp_path / "to/be/made", "--report-dir")
    assert finding.status is CheckStatus.OK
    assert "to/be/made can be created" in finding.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_to_is_bad(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    finding = examine_folder("ledger's folder", tmp_path, "--ledger")
    tmp_path.chmod(0o700)
    assert (finding.status, "--ledger" in finding.fix) == (CheckStatus.BAD, True)


def test_a_file_where_a_folder_should_be_is_bad(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert examine_folder("reports", tmp_path / "file", "--report-dir").status is CheckStatus.BAD


@pytest.mark.parametrize(
    ("free", "verdict"), [(2**40, CheckStatus.OK), (2**29, CheckStatus.WARN), (2**20, CheckStatus.BAD)]
)
def test_little_free_space_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: CheckStatus
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(free))
    assert examine_folder("reports", tmp_path, "--report-dir").status is verdict


@pytest.mark.parametrize(
    ("kind", "verdict"), [("ext4", CheckStatus.OK), ("nfs4", CheckStatus.WARN), ("cifs", CheckStatus.WARN)]
)
def test_a_file_system_over_a_network_is_no_place_for_a_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, verdict: CheckStatus
) -> None:
    mounts, place = tmp_path / "mounts", tmp_path / "with blank"
    place.mkdir()
    named = str(place).replace(" ", "\\040")
    mounts.write_text(
        f"/dev/vda / ext4 rw 0 0\nserver:/x {named} {kind} rw 0 0\nserver:/y {tmp_path}/other nfs rw 0 0\n"
    )
    monkeypatch.setattr(machine, "_MOUNTS", mounts)
    finding = examine_folder("ledger's folder", place, "--ledger")
    assert finding.status is verdict
    assert (f"on a network file system ({kind})" in finding.message) == (verdict is CheckStatus.WARN)
