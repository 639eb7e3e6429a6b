"""Temporary files: names that nobody shares, and those of killed processes are removed."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Barrier, Thread

import pytest

from bulk_topup.system.files import atomic_write, create_whole
from bulk_topup.system.temporary_files import temporaries_beside, temporary_file, temporary_folder


def test_what_killed_processes_left_is_removed_and_what_is_used_stays(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path;"
        "from bulk_topup.system.temporary_files import temporary_file, temporary_folder\n"
        "with temporary_file(Path('results.xlsx')) as file, temporary_folder(file) as folder:\n"
        "    file.write_text('somebody'); (folder / 'rows').write_text('somebody')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2
    with temporary_file(tmp_path / "results.csv") as used, temporary_folder(used) as folder:
        (folder / "rows").write_text("somebody")
        with atomic_write(tmp_path / "summary.json") as temporary:
            temporary.write_text("new")
        assert sorted(tmp_path.iterdir()) == sorted([used, folder, tmp_path / "summary.json"])
    assert list(tmp_path.iterdir()) == [tmp_path / "summary.json"]


def test_temporary_files_of_earlier_versions_are_removed_when_their_process_is_dead(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    dead = tmp_path / f".results.csv.{child.pid}.part"
    alive = tmp_path / f".results.csv.{os.getppid()}.part"
    other = tmp_path / f".other.csv.{child.pid}.part"
    for file in (dead, alive, other):
        file.write_text("somebody")
    folder = tmp_path / f".results.csv.{child.pid}.part.abcdefgh"
    folder.mkdir()
    with atomic_write(tmp_path / "results.csv") as temporary:
        temporary.write_text("new")
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(["results.csv", alive.name, other.name])


def test_threads_that_write_one_file_at_once_share_nothing(tmp_path: Path) -> None:
    path, together, failed = tmp_path / "file", Barrier(4), list[Exception]()

    def write(text: str) -> None:
        try:
            with atomic_write(path) as temporary:
                together.wait()
                temporary.write_text(text * 1000)
                together.wait()
        except Exception as error:  # noqa: BLE001 - any is a failure of the test
            failed.append(error)

    threads = [Thread(target=write, args=(each,)) for each in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(set(path.read_text())) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_long_name_leaves_room_for_what_is_added(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 127)
    create_whole(path, b"x")
    assert (path.read_bytes(), path.stat().st_nlink) == (b"x", 1)


def test_a_failure_removes_the_file_and_what_belongs_to_it(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError),
        temporary_file(tmp_path / "file") as file,
        temporary_folder(file),
    ):
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_temporaries_of_libraries_belong_to_the_file(tmp_path: Path) -> None:
    elsewhere = tempfile.gettempdir()
    with temporary_file(tmp_path / "file") as file:
        with temporaries_beside(file), tempfile.NamedTemporaryFile() as made:
            assert Path(made.name).parent.parent == tmp_path
            assert Path(made.name).parent.name.startswith(file.name)
        assert tempfile.gettempdir() == elsewhere
        assert list(tmp_path.iterdir()) == [file]
