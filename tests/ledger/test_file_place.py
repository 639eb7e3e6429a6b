"""A ledger's file has one name, and keeps it while it is open."""

import os
from pathlib import Path

import pytest

from bulk_topup.domain.exit_codes import ExitCode, exit_code_for
from bulk_topup.errors import LedgerError
from bulk_topup.ledger import LedgerStore, examine, run_lock
from bulk_topup.ledger.lock_holder import lock_files


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("name", ["ledger.db", "copy.db"])
def test_a_ledger_with_two_names_is_refused_under_each_and_left_as_it_is(
    tmp_path: Path, name: str, *, read_only: bool
) -> None:
    path = tmp_path / "ledger.db"
    LedgerStore(path).close()
    (tmp_path / "copy.db").hardlink_to(path)
    before = path.read_bytes()
    with pytest.raises(LedgerError, match=r"has 2 names \(hard links\).*find / -samefile .*\.backup") as raised:
        LedgerStore(tmp_path / name, read_only=read_only)
    assert exit_code_for(raised.value) is ExitCode.INVALID_INPUT
    assert path.read_bytes() == before


def test_a_ledger_is_read_again_once_its_other_name_is_gone(tmp_path: Path) -> None:
    path, other = tmp_path / "ledger.db", tmp_path / "copy.db"
    LedgerStore(path).close()
    other.hardlink_to(path)
    with pytest.raises(LedgerError, match="has 2 names"):
        examine(path)
    other.unlink()
    assert not examine(path).problems


def test_a_symbolic_link_is_no_second_name(tmp_path: Path) -> None:
    path, link = tmp_path / "ledger.db", tmp_path / "link.db"
    LedgerStore(path).close()
    link.symlink_to(path)
    with LedgerStore(link) as ledger:
        assert ledger.displacement() == ""


def test_a_ledger_that_is_where_it_was_opened_is_not_displaced_whatever_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with LedgerStore(Path("ledger.db")) as ledger:
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert ledger.displacement() == ""


def test_a_file_in_place_of_the_folder_is_a_removed_ledger(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with LedgerStore(folder / "ledger.db") as ledger:
        folder.rename(tmp_path / "old")
        folder.write_text("no folder")
        assert ledger.displacement() == "removed or moved"


def test_a_ledger_that_cannot_be_looked_at_counts_as_displaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LedgerStore(tmp_path / "ledger.db") as ledger:

        def stat(*_: object, **__: object) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(Path, "stat", stat)
        assert ledger.displacement() == "made unreachable (Input/output error)"
        monkeypatch.undo()


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
def test_a_ledger_with_files_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    path = tmp_path / "ledger.db"
    LedgerStore(path).close()
    (tmp_path / f"ledger.db{ending}").touch()
    own = (tmp_path / f"ledger.db{ending}").stat().st_uid
    before = Path.stat

    def stat(self: Path, **more: bool) -> os.stat_result:
        found = before(self, **more)
        if self.name != f"ledger.db{ending}":
            return found
        return os.stat_result([own + 4711 if index == 4 else found[index] for index in range(10)])

    monkeypatch.setattr(Path, "stat", stat)
    with pytest.raises(LedgerError, match=rf"ledger\.db{ending} belongs to user {own + 4711}, and this is"):
        LedgerStore(path)


def test_a_lock_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in lock_files(tmp_path / "ledger.db", "job", "1"):
        file.touch()  # as a killed process leaves it
    monkeypatch.setattr("bulk_topup.ledger.file_place.os.geteuid", lambda: 4711)
    with (
        pytest.raises(LedgerError, match=r"belongs to .*, and this is user 4711"),
        run_lock(tmp_path / "ledger.db", "job", "1"),
    ):
        pass


def test_root_creates_no_ledger_in_the_folder_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:
        os.chown(tmp_path, 4711, 4711)
    monkeypatch.setattr("bulk_topup.ledger.file_place.os.geteuid", lambda: 0)
    with pytest.raises(LedgerError, match=r"Run as .*sudo -u"):
        LedgerStore(tmp_path / "ledger.db")
    assert not (tmp_path / "ledger.db").exists()
