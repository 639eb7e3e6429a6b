"""A lock file exists only as long as it is locked, and its removal never lets two processes have the lock."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from bulk_topup.system.lock_file import FOR_EVER, locked_file

#: Takes the lock many times, and fails if another process is in the locked block.
CONTENDER = """
import os, sys
from pathlib import Path
from bulk_topup.system.lock_file import FOR_EVER, locked_file

folder = Path(sys.argv[1])
for _ in range(150):
    with locked_file(folder / "run.lock", timeout=FOR_EVER):
        os.close(os.open(folder / "inside", os.O_CREAT | os.O_EXCL))
        (folder / "inside").unlink()
"""


def test_the_file_goes_away_with_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    with locked_file(path):
        assert path.stat().st_mode & 0o777 == 0o600
        with pytest.raises(Timeout), locked_file(path):
            pass
        assert path.exists()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ZeroDivisionError), locked_file(path):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_a_killed_process_left_is_used_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    path.touch()
    with locked_file(path):
        pass
    assert not path.exists()


def test_who_opened_the_file_before_it_was_removed_does_not_get_the_lock_of_a_file_without_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.lock"
    first, late = FileLock(path, timeout=0), FileLock(path, timeout=0)
    first.acquire()
    opened = late._open_lock_file  # type: ignore[attr-defined]

    def after_a_removal() -> object:
        found = opened()
        if first.is_locked:  # the first process ends here: it removes its file, then releases its lock
            path.unlink()
            first.release()
        return found

    monkeypatch.setattr(late, "_open_lock_file", after_a_removal)
    with pytest.raises(Timeout):
        late.acquire()
    late.acquire()
    with pytest.raises(Timeout), locked_file(path):
        pass
    late.release()


def test_the_file_of_another_process_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    with locked_file(path):
        path.unlink()  # by a person who tidies up
        other = FileLock(path, timeout=0)
        other.acquire()
    assert path.exists()
    with pytest.raises(Timeout), locked_file(path):
        pass
    other.release()


def test_a_file_with_a_second_name_stays(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    with locked_file(path):
        (tmp_path / "backup").hardlink_to(path)
    assert path.exists()


def test_no_two_processes_are_ever_in_the_locked_block(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", CONTENDER, str(tmp_path)], stderr=subprocess.PIPE) for _ in range(4)
    ]
    errors = [process.communicate()[1] for process in processes]
    assert errors == [b""] * len(processes)
    assert list(tmp_path.iterdir()) == []


def test_no_version_of_the_library_is_allowed_with_which_two_processes_may_have_the_lock() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    [found] = [each for each in project["dependencies"] if each.startswith("filelock")]
    assert int(found.partition(">=")[2].partition(".")[0]) >= 4


def test_one_who_waits_gets_the_lock_in_the_end(tmp_path: Path) -> None:
    with locked_file(tmp_path / "run.lock", timeout=FOR_EVER) as lock:
        assert lock.is_locked
    assert not lock.is_locked
