"""The lock of a run: one process at a time, released when the process dies."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pytest
from filelock import FileLock, Timeout

from bulk_topup.domain.run import Run
from bulk_topup.errors import LedgerError, RunLockedError
from bulk_topup.ledger import is_locked, run_file, run_lock, run_locks

HOLDER = """
import sys
from pathlib import Path
from bulk_topup.ledger import run_lock

with run_lock(Path(sys.argv[1]), "payroll", "2026-11"):
    print("held", flush=True)
    sys.stdin.read()
"""

Holder = Callable[[], "subprocess.Popen[str]"]


def take(path: Path, run_key: str = "2026-11") -> None:
    with run_lock(path, "payroll", run_key):
        pass


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Holder]:
    """Return a function that starts a process which locks the run until its standard input ends."""
    started: list[subprocess.Popen[str]] = []

    def hold() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path / "ledger.db")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        stdout: IO[str] | None = process.stdout
        assert stdout is not None
        assert stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.communicate()


def test_another_process_gets_an_error_that_the_run_is_locked(tmp_path: Path, holder: Holder) -> None:
    path = tmp_path / "ledger.db"
    process = holder()
    with pytest.raises(RunLockedError, match="Another process is working on run payroll/2026-11"):
        take(path)
    take(path, "2026-12")
    process.communicate()
    take(path)


def test_the_lock_dies_with_its_process(tmp_path: Path, holder: Holder) -> None:
    process = holder()
    process.kill()
    process.wait()
    take(tmp_path / "ledger.db")


def test_a_second_lock_in_the_same_process_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with run_lock(path, "payroll", "2026-11"):
        with pytest.raises(RunLockedError):
            take(path)
        with pytest.raises(RunLockedError):
            take(path)
    take(path)


def test_a_second_thread_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    errors: list[BaseException] = []

    def try_it() -> None:
        try:
            take(path)
        except RunLockedError as error:
            errors.append(error)

    with run_lock(path, "payroll", "2026-11"):
        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()
    assert len(errors) == 1


def test_a_link_to_the_ledger_is_the_same_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.touch()
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.db"
    link.symlink_to(path)
    with run_lock(path, "payroll", "2026-11"), pytest.raises(RunLockedError):
        take(link)


def test_a_relative_path_is_the_same_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with run_lock(tmp_path / "ledger.db", "payroll", "2026-11"), pytest.raises(RunLockedError):
        take(Path("ledger.db"))


def test_the_lock_is_released_when_the_run_ends_with_an_error(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with pytest.raises(ZeroDivisionError), run_lock(path, "payroll", "2026-11"):
        raise ZeroDivisionError
    take(path)


def test_names_that_join_to_the_same_text_are_different_runs(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with run_lock(path, "pay", "roll"), run_lock(path, "payr", "oll"), run_lock(path, "payroll", ""):
        pass


def test_only_the_owner_can_read_the_lock_file(tmp_path: Path) -> None:
    with run_lock(tmp_path / "ledger.db", "payroll", "2026-11"):
        [file] = tmp_path.iterdir()
        assert file.stat().st_mode & 0o777 == 0o600


def test_an_error_names_a_lock_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match="Can't lock run payroll/2026-11 with "):
        take(tmp_path / "file" / "ledger.db")


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="this system does not tell who holds a lock")
def test_a_locked_run_is_detected_without_touching_its_lock(tmp_path: Path, holder: Holder) -> None:
    path = tmp_path / "ledger.db"
    assert not is_locked(path, "payroll", "2026-11")
    assert list(tmp_path.iterdir()) == []  # to ask leaves no lock behind
    process = holder()
    assert is_locked(path, "payroll", "2026-11")
    assert not is_locked(path, "payroll", "2026-12")
    with pytest.raises(RunLockedError):
        take(path)
    process.kill()
    process.wait()
    assert not is_locked(path, "payroll", "2026-11")


def test_a_lock_of_an_enclosing_block_is_used_again_and_stays_locked_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with run_lock(path, "payroll", "2026-11") as held:
        with run_lock(path, "payroll", "2026-11", locked=held) as again:
            assert again is held
        with pytest.raises(RunLockedError):
            take(path)


def test_a_lock_of_another_run_or_a_released_one_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with run_lock(path, "payroll", "2026-10") as other, run_lock(path, "payroll", "2026-11") as held:
        with pytest.raises(RunLockedError), run_lock(path, "payroll", "2026-11", locked=other):
            pass
    with run_lock(path, "payroll", "2026-11"), pytest.raises(RunLockedError):
        with run_lock(path, "payroll", "2026-11", locked=held):
            pass


@pytest.mark.parametrize(("job", "run_key"), [("Payroll", "2026-11"), ("payroll", "2026–11"), ("payroll", "2026-11 ")])
def test_every_spelling_of_a_name_takes_the_same_lock(tmp_path: Path, job: str, run_key: str) -> None:
    path = tmp_path / "ledger.db"
    with run_lock(path, job, run_key):
        with pytest.raises(RunLockedError):
            take(path)
        with pytest.raises(RunLockedError), run_lock(path, "PAYROLL", "2026-11"):
            pass
    take(path)


def test_an_earlier_version_that_still_runs_excludes_a_start_under_the_same_name(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    earlier = FileLock(run_file(path, "Payroll", "2026-11", "lock"), timeout=0)
    with earlier, pytest.raises(RunLockedError), run_lock(path, "Payroll", "2026-11"):
        pass
    with run_lock(path, "Payroll", "2026-11"):
        with pytest.raises(Timeout):
            earlier.acquire()
        assert is_locked(path, "Payroll", "2026-11")
    take(path)  # a lock that could not be taken whole is released


def test_runs_whose_names_differ_in_spelling_alone_are_locked_together(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    runs = [
        Run(id=1, job=job, run_key="1", environment="sandbox", list_path="", columns=(), created_at=datetime.now(UTC))
        for job in ("Pay", "pay", "other")
    ]
    with run_locks(path, runs) as locked:
        for run in runs:
            with pytest.raises(RunLockedError), run_lock(path, run.job, run.run_key):
                pass
            with run_lock(path, run.job, run.run_key, locked=locked) as again:
                assert again is locked
