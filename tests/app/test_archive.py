"""A list is moved to the archive once, whole, and never over another file."""

import errno
import os
from pathlib import Path

import pytest

from bulk_topup.app.archive import ArchiveError, ListFile


@pytest.fixture
def seen(tmp_path: Path) -> ListFile:
    (tmp_path / "pay.csv").write_text("a,b")
    return ListFile.inspect(tmp_path / "pay.csv", tmp_path / "done/2026-11")


def test_a_list_is_moved_and_is_in_one_place_only(seen: ListFile) -> None:
    assert seen.archive().path == seen.folder / "pay.csv"
    assert not seen.path.exists()
    assert (seen.folder / "pay.csv").read_text() == "a,b"


def test_a_file_of_the_same_name_is_kept_and_the_list_gets_a_number(seen: ListFile) -> None:
    (seen.folder / "pay.csv").write_text("other")
    (seen.folder / "pay-2.csv").write_text("another")
    assert seen.archive().path == seen.folder / "pay-3.csv"
    assert (seen.folder / "pay.csv").read_text() == "other"


def test_a_move_that_was_killed_halfway_is_completed(seen: ListFile) -> None:
    (seen.folder / "pay.csv").hardlink_to(seen.path)
    assert seen.archive().path == seen.folder / "pay.csv"
    assert not seen.path.exists()
    assert [file.name for file in seen.folder.iterdir()] == ["pay.csv"]


@pytest.mark.parametrize("change", ["written", "replaced"])
def test_a_list_that_changed_since_it_was_read_is_not_moved(seen: ListFile, change: str) -> None:
    if change == "written":
        seen.path.write_text("a,b\n1,2")
    else:
        other = seen.path.with_name("other.csv")
        other.write_text("a,b")
        os.replace(other, seen.path)  # noqa: PTH105
    archiving = seen.archive()
    assert archiving.path is None
    assert "changed during the run" in archiving.why_not
    assert seen.path.exists()


def test_a_missing_list_is_reported_and_no_error(seen: ListFile) -> None:
    seen.path.unlink()
    assert "No such file" in seen.archive().why_not


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


def test_a_list_that_is_replaced_between_its_link_and_its_end_is_never_removed(
    seen: ListFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = Path.hardlink_to

    def link_and_replace(target: Path, source: Path) -> None:
        link(target, source)
        other = seen.path.with_name("other.csv")
        other.write_text("a,b\n1,2")
        other.replace(seen.path)

    monkeypatch.setattr(Path, "hardlink_to", link_and_replace)
    archiving = seen.archive()
    assert archiving.is_changed
    assert "Run again" in archiving.why_not
    assert seen.path.read_text() == "a,b\n1,2"
    assert (seen.folder / "pay.csv").read_text() == "a,b"


def test_a_list_that_is_replaced_before_its_link_is_not_archived_unread(
    seen: ListFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = Path.hardlink_to

    def replace_and_link(target: Path, source: Path) -> None:
        other = seen.path.with_name("other.csv")
        other.write_text("a,b\n1,2")
        other.replace(seen.path)
        link(target, source)

    monkeypatch.setattr(Path, "hardlink_to", replace_and_link)
    assert seen.archive().is_changed
    assert seen.path.read_text() == "a,b\n1,2"
    assert list(seen.folder.iterdir()) == []


def _refuse_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_target: Path, _source: Path) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "hardlink_to", refuse)


@pytest.fixture
def _no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    _refuse_links(monkeypatch)


@pytest.mark.usefixtures("_no_links")
def test_a_list_of_another_user_is_moved_without_a_link(seen: ListFile) -> None:
    (seen.folder / "pay.csv").write_text("other")
    assert seen.archive().path == seen.folder / "pay-2.csv"
    assert not seen.path.exists()
    assert (seen.folder / "pay-2.csv").read_text() == "a,b"
    assert (seen.folder / "pay.csv").read_text() == "other"


@pytest.mark.usefixtures("_no_links")
def test_a_list_that_is_replaced_while_it_is_moved_is_reported_with_its_path(
    seen: ListFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch = Path.touch

    def touch_and_replace(target: Path, mode: int, *, exist_ok: bool) -> None:
        touch(target, mode, exist_ok)
        seen.path.write_text("a,b\n1,2")

    monkeypatch.setattr(Path, "touch", touch_and_replace)
    archiving = seen.archive()
    assert archiving.is_changed
    assert f"is now {seen.folder / 'pay.csv'}. Move it back" in archiving.why_not
    assert (seen.folder / "pay.csv").read_text() == "a,b\n1,2"


@pytest.mark.usefixtures("_no_links")
def test_a_list_that_cannot_be_moved_leaves_nothing_in_the_archive(seen: ListFile) -> None:
    seen.path.parent.chmod(0o500)
    if os.access(seen.path.parent, os.W_OK):
        seen.path.unlink()  # nothing is forbidden to root
    archiving = seen.archive()
    seen.path.parent.chmod(0o700)
    assert not archiving.is_changed
    assert "Can't move" in archiving.why_not
    assert list(seen.folder.iterdir()) == []


@pytest.mark.parametrize("with_links", [True, False])
def test_a_list_that_is_a_relative_link_is_archived_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_links: bool
) -> None:
    (tmp_path / "uploads").mkdir()
    (tmp_path / "jobs").mkdir()
    file, link = tmp_path / "uploads/payroll-v7.csv", tmp_path / "jobs/payroll.csv"
    file.write_text("content")
    link.symlink_to("../uploads/payroll-v7.csv")
    if not with_links:
        _refuse_links(monkeypatch)
    result = ListFile.inspect(link, tmp_path / "done").archive()
    assert result.path == tmp_path / "done/payroll.csv"
    assert not result.path.is_symlink()
    assert result.path.read_text() == "content"
    assert not file.exists()
    assert not link.is_symlink()
