"""Files with personal data: private, and replaced whole or not at all."""

import re
import stat
from pathlib import Path

import pytest

from bulk_topup.system.files import atomic_write, create_private, file_name, similar_to


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_its_owners_alone_from_the_first_byte(tmp_path: Path) -> None:
    path = tmp_path / "new"
    with atomic_write(path) as temporary:
        assert _mode(temporary) == 0o600
        temporary.write_text("x")
    assert (path.read_text(), _mode(path)) == ("x", 0o600)


def test_an_open_file_becomes_private_and_keeps_its_content(tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_text("kept")
    path.chmod(0o644)
    create_private(path)
    assert (path.read_text(), _mode(path)) == ("kept", 0o600)


def test_a_failure_leaves_the_file_as_it_was_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before")

    def write_half() -> None:
        with atomic_write(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("disk is full")

    with pytest.raises(RuntimeError, match="disk is full"):
        write_half()
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("file", "before")]


def test_a_name_of_any_texts_is_one_that_a_file_can_have() -> None:
    assert file_name("payroll", "2026-11") == "payroll-2026-11"
    name = file_name("Paie d'été", "../../etc", "x.csv")
    assert re.fullmatch(r"Paie-d-été-[0-9a-f]{8}-etc-[0-9a-f]{8}-x\.csv", name)
    assert re.fullmatch(r"run-[0-9a-f]{8}", file_name(".."))
    assert file_name("\ud800") == file_name("\ud800")


@pytest.mark.parametrize(("one", "other"), [("a/b", "a-b"), ("a/b", "a b"), (".a", "a"), ("..", "run"), ("", "run")])
def test_two_texts_never_share_a_name(one: str, other: str) -> None:
    assert file_name("payroll", one) != file_name("payroll", other)


def test_a_missing_files_error_names_the_file_beside_it_that_may_be_meant(tmp_path: Path) -> None:
    (tmp_path / "payroll.csv").touch()
    assert similar_to(tmp_path / "payrol.csv") == f" Did you mean {tmp_path / 'payroll.csv'}?"
    assert similar_to(tmp_path / "bills.csv") == ""
    assert similar_to(tmp_path / "none" / "payroll.csv") == ""
