"""A list is moved to the archive once, whole, and never over another file."""

import errno
import os
from pathlib import Path

import pytest

from bulk_topup.app.archive import ArchiveError, ListFile


@pytest.fixture
def listed(tmp_path: Path) -> ListFile:
    (tmp_path / "pay.csv").write_text("a,b")
    return ListFile.inspect(tmp_path / "pay.csv", tmp_path / "done/2026-11")


def test_a_list_is_moved_and_is_in_one_place_only(listed: ListFile) -> None:
    assert listed.archive().path == listed.folder / "pay.csv"
    assert not listed.path.exists()
    assert (listed.folder / "pay.csv").read_text() == "a,b"


def test_a_file_of_the_same_name_stays_and_the_list_gets_a_number(listed: ListFile) -> None:
    (listed.folder / "pay.csv").write_text("other")
    (listed.folder / "pay-2.csv").write_text("another")
    assert listed.archive().path == listed.folder / "pay-3.csv"
    assert (listed.folder / "pay.csv").read_text() == "other"


def test_a_move_that_was_killed_halfway_is_completed(listed: ListFile) -> None:
    (listed.folder / "pay.csv").hardlink_to(listed.path)
    assert listed.archive().path == listed.folder / "pay.csv"
    assert not listed.path.exists()
    assert [file.name for file in listed.folder.iterdir()] == ["pay.csv"]


@pytest.mark.parametrize("change", ["written", "replaced"])
def test_a_list_that_was_changed_since_it_was_read_stays(listed: ListFile, change: str) -> None:
    if change == "written":
        listed.path.write_text("a,b\n1,2")
    else:
        other = listed.path.with_name("other.csv")
        other.write_text("a,b")
        os.replace(other, listed.path)  # noqa: PTH105
    result = listed.archive()
    assert result.path is None
    assert "changed during the run" in result.why_not
    assert listed.path.exists()


def test_a_missing_list_is_reported_without_an_error(listed: ListFile) -> None:
    listed.path.unlink()
    assert "No such file" in listed.archive().why_not


def test_an_archive_that_cannot_be_a_folder_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "pay.csv").write_text("a")
    with pytest.raises(ArchiveError, match="Can't move"):
        ListFile.inspect(tmp_path / "pay.csv", tmp_path / "pay.csv/x")


def test_the_lists_own_folder_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "pay.csv"
    path.write_text("phone\n")
    with pytest.raises(ArchiveError, match="own folder"):
        ListFile.inspect(path, tmp_path / ".")
    assert path.read_text() == "phone\n"


def test_a_list_that_is_replaced_after_its_link_is_never_removed(
    listed: ListFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = Path.hardlink_to

    def link_and_replace(target: Path, source: Path) -> None:
        link(target, source)
        other = listed.path.with_name("other.csv")
        other.write_text("a,b\n1,2")
        other.replace(listed.path)

    monkeypatch.setattr(Path, "hardlink_to", link_and_replace)
    result = listed.archive()
    assert result.is_changed
    assert "Run again" in result.why_not
    assert listed.path.read_text() == "a,b\n1,2"
    assert (listed.folder / "pay.csv").read_text() == "a,b"


def test_a_list_that_is_replaced_before_its_link_is_not_archived_unread(
    listed: ListFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = Path.hardlink_to

    def replace_and_link(target: Path, source: Path) -> None:
        other = listed.path.with_name("other.csv")
        other.write_text("a,b\n1,2")
        other.replace(listed.path)
        link(target, source)

    monkeypatch.setattr(Path, "hardlink_to", replace_and_link)
    assert listed.archive().is_changed
    assert listed.path.read_text() == "a,b\n1,2"
    assert list(listed.folder.iterdir()) == []


@pytest.fixture
def _no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_target: Path, _source: Path) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "hardlink_to", refuse)


@pytest.mark.usefixtures("_no_links")
def test_a_list_that_cannot_be_linked_is_moved(listed: ListFile) -> None:
    (listed.folder / "pay.csv").write_text("other")
    assert listed.archive().path == listed.folder / "pay-2.csv"
    assert not listed.path.exists()
    assert (listed.folder / "pay-2.csv").read_text() == "a,b"
    assert (listed.folder / "pay.csv").read_text() == "other"


@pytest.mark.usefixtures("_no_links")
def test_a_list_that_is_replaced_while_it_is_moved_is_reported_with_its_path(
    listed: ListFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch = Path.touch

    def touch_and_replace(target: Path, mode: int, *, exist_ok: bool) -> None:
        touch(target, mode, exist_ok)
        listed.path.write_text("a,b\n1,2")

    monkeypatch.setattr(Path, "touch", touch_and_replace)
    result = listed.archive()
    assert result.is_changed
    assert f"is now {listed.folder / 'pay.csv'}. Move it back" in result.why_not
    assert (listed.folder / "pay.csv").read_text() == "a,b\n1,2"


@pytest.mark.usefixtures("_no_links")
def test_a_list_that_cannot_be_moved_leaves_nothing_in_the_archive(listed: ListFile) -> None:
    listed.path.parent.chmod(0o500)
    if os.access(listed.path.parent, os.W_OK):
        listed.path.unlink()  # root may write to any folder
    result = listed.archive()
    listed.path.parent.chmod(0o700)
    assert not result.is_changed
    assert "Can't move" in result.why_not
    assert list(listed.folder.iterdir()) == []
