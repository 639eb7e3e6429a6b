"""A list is moved to the archive once, whole, and never over another file."""

import os
from pathlib import Path

import pytest

from bulk_topup.archiving import ArchiveError, ListFile


@pytest.fixture
def seen(tmp_path: Path) -> ListFile:
    (tmp_path / "pay.csv").write_text("a,b")
    return ListFile.look(tmp_path / "pay.csv", tmp_path / "done/2026-11")


def test_a_list_is_moved_and_is_in_one_place_only(seen: ListFile) -> None:
    assert seen.archive().path == seen.folder / "pay.csv"
    assert not seen.path.exists()
    assert (seen.folder / "pay.csv").read_text() == "a,b"


def test_a_file_of_the_same_name_stays_and_the_list_gets_a_number(seen: ListFile) -> None:
    (seen.folder / "pay.csv").write_text("other")
    (seen.folder / "pay-2.csv").write_text("another")
    assert seen.archive().path == seen.folder / "pay-3.csv"
    assert (seen.folder / "pay.csv").read_text() == "other"


def test_a_start_that_was_killed_halfway_through_the_move_is_made_up_for(seen: ListFile) -> None:
    (seen.folder / "pay.csv").hardlink_to(seen.path)
    assert seen.archive().path == seen.folder / "pay.csv"
    assert not seen.path.exists()
    assert [file.name for file in seen.folder.iterdir()] == ["pay.csv"]


@pytest.mark.parametrize("change", ["written", "replaced"])
def test_a_list_that_was_changed_since_it_was_read_stays(seen: ListFile, change: str) -> None:
    if change == "written":
        seen.path.write_text("a,b\n1,2")
    else:
        other = seen.path.with_name("other.csv")
        other.write_text("a,b")
        os.replace(other, seen.path)  # noqa: PTH105
    archiving = seen.archive()
    assert archiving.path is None
    assert "was changed while the run was on" in archiving.why_not
    assert seen.path.exists()


def test_a_list_that_is_gone_is_told_and_no_error(seen: ListFile) -> None:
    seen.path.unlink()
    assert "No such file" in seen.archive().why_not


def test_an_archive_that_cannot_be_a_folder_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "pay.csv").write_text("a")
    with pytest.raises(ArchiveError, match="could not be moved"):
        ListFile.look(tmp_path / "pay.csv", tmp_path / "pay.csv/x")


def test_the_lists_own_folder_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "pay.csv"
    path.write_text("phone\n")
    with pytest.raises(ArchiveError, match="own folder"):
        ListFile.look(path, tmp_path / ".")
    assert path.read_text() == "phone\n"
