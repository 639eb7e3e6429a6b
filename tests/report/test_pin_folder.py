"""A folder of PINs: all of it or nothing, for its owner only, with every row in its index."""

import csv
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.purchase_secrets import SECRET_FIELDS, UndecryptedSecret
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.errors import InvalidInputError, ReportError
from bulk_topup.report.pin_folder import NAMED_LINES, PinFolder, write_pin_folder
from tests.report.test_pin_file import product

Make = Callable[..., Outcome]
NO_SECRETS: dict[str, object] = dict.fromkeys(SECRET_FIELDS)


def write(run: Run, rows: Iterable[Outcome], folder: Path) -> PinFolder:
    return write_pin_folder(run, [Outcomes.of(rows)], {6418: product()}, folder)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def index_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "index.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_only_the_owner_can_read_files_and_folder_whatever_the_mask(run: Run, outcome: Make, tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        found = write(run, [outcome()], tmp_path / "new" / "pins")
    finally:
        os.umask(mask)
    assert (found.written, found.without, found.missing) == (1, 0, 0)
    files = sorted((tmp_path / "new/pins").iterdir())
    name = "payroll-0123456789abcdef-1"
    assert [file.name for file in files] == ["index.csv", f"{name}.png", f"{name}.txt"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "new/pins").stat().st_mode) == 0o700
    assert "PIN: 1234-5678" in files[2].read_text()
    assert names(tmp_path / "new") == ["pins"]


@pytest.mark.parametrize("kind", ["folder", "empty folder", "file", "broken link"])
def test_what_exists_is_never_changed(kind: str, run: Run, outcome: Make, tmp_path: Path) -> None:
    folder = tmp_path / "pins"
    if "folder" in kind:
        folder.mkdir()
    if kind == "folder":
        (folder / "mine.txt").write_text("mine")
    elif kind == "file":
        folder.write_text("mine")
    elif kind == "broken link":
        folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidInputError, match="already exists"):
        write(run, [outcome()], folder)
    assert sorted(path.name for path in tmp_path.rglob("*")) == (["mine.txt", "pins"] if kind == "folder" else ["pins"])


def test_another_process_that_writes_the_folder_meanwhile_keeps_it(run: Run, outcome: Make, tmp_path: Path) -> None:
    folder = tmp_path / "pins"

    def pages() -> Iterator[Outcomes]:
        yield Outcomes.of([outcome()])
        folder.mkdir()

    with pytest.raises(InvalidInputError, match="already exists"):
        write_pin_folder(run, pages(), {}, folder)
    assert names(tmp_path) == ["pins"]
    assert names(folder) == []


def test_after_an_error_there_is_no_folder(run: Run, outcome: Make, tmp_path: Path) -> None:
    def pages() -> Iterator[Outcomes]:
        yield Outcomes.of([outcome()])
        raise OSError(28, "No space left on device")

    with pytest.raises(ReportError, match="No space left on device"):
        write_pin_folder(run, pages(), {}, tmp_path / "pins")
    assert names(tmp_path) == []


def test_a_killed_process_leaves_no_folder_and_the_next_one_removes_its_files(
    run: Run, outcome: Make, tmp_path: Path
) -> None:
    code = f"""
import os, signal
from pathlib import Path
from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.report.pin_folder import write_pin_folder
from tests.helpers.sample_run import COMPLETED, RUN

def pages():
    yield Outcomes.of([COMPLETED])
    os.kill(os.getpid(), signal.SIGKILL)

write_pin_folder(RUN, pages(), {{}}, Path({str(tmp_path / "pins")!r}))
"""
    root = Path(__file__).parents[2]
    process = subprocess.run([sys.executable, "-c", code], cwd=root, check=False, timeout=60)
    assert process.returncode == -signal.SIGKILL
    left = list(tmp_path.iterdir())
    assert left
    assert all(path.name.startswith(".pins.") for path in left)
    write(run, [outcome()], tmp_path / "pins")
    assert names(tmp_path) == ["pins"]


@pytest.mark.parametrize(
    "external_id",
    [
        "../../escaped-1",
        "/etc/passwd",
        "CON",
        "a-1\x00",
        "A-1",
        "a-1 .",
        "ä-1",
        "a:b-1",
        "x" * 300 + "/",
        ".",
        "\ud800",
    ],
)
def test_no_external_id_leads_out_of_the_folder_or_to_a_name_that_a_file_system_refuses(
    external_id: str, run: Run, outcome: Make, tmp_path: Path
) -> None:
    write(run, [outcome(external_id=external_id)], tmp_path / "a/b/pins")
    [name] = [path.name for path in tmp_path.rglob("*.txt")]
    assert name.startswith("row-2-")
    assert name.removesuffix(".txt").replace("-", "").isalnum()
    assert index_of(tmp_path / "a/b/pins")[0]["pin_file"] == name


def test_rows_of_one_name_never_overwrite_each_other(run: Run, outcome: Make, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="File exists"):
        write(run, [outcome(), outcome(line=3)], tmp_path / "pins")
    assert names(tmp_path) == []
    # Names that differ by case alone are one name elsewhere.
    write(run, [outcome(), outcome(line=3, external_id="PAYROLL-0123456789abcdef-1")], tmp_path / "pins")
    assert len({path.name.casefold() for path in (tmp_path / "pins").glob("*.txt")}) == 2


def test_every_row_is_in_the_index_and_only_completed_ones_have_files(run: Run, outcome: Make, tmp_path: Path) -> None:
    rows = [
        outcome(cells=("=1+1", "+6595123100", "12.50", "more")),
        outcome(line=3, state=RowState.FAILED, message="DVS declined it.", external_id="b-c-1", **NO_SECRETS),
        outcome(line=4, state=RowState.REVERSED, external_id="b-d-1"),
        outcome(line=5, external_id="b-e-1", **NO_SECRETS),
        outcome(line=6, external_id=None, state=RowState.PENDING, **NO_SECRETS),
    ]
    found = write(run, rows, tmp_path / "pins")
    assert (found.written, found.without, found.missing) == (1, 4, 0)
    index = index_of(tmp_path / "pins")
    assert [row["pin_line"] for row in index] == ["2", "3", "4", "5", "6"]
    assert [row["pin_state"] for row in index] == ["completed", "failed", "reversed", "completed", "pending"]
    assert [bool(row["pin_file"]) for row in index] == [True, False, False, False, False]
    assert index[0]["employee"] == "'=1+1"
    assert index[0]["pin_problem"] == ""
    assert [row["pin_problem"] for row in index[1:]] == [
        "DVS declined it.",
        "The row is reversed.",
        "DVS gave no PIN: the product has none, or recharged an eSIM.",
        "The row is pending.",
    ]
    secrets = [value for name in SECRET_FIELDS if (value := getattr(rows[0], name))]
    assert not [secret for secret in secrets if secret in (tmp_path / "pins/index.csv").read_text()]


def test_a_pin_that_is_missing_is_named_with_the_reason(run: Run, outcome: Make, tmp_path: Path) -> None:
    lost = UndecryptedSecret("(No key.)")
    rows = [
        outcome(pin_code=lost),
        outcome(line=3, external_id="b-d-1", credit_party=None, **NO_SECRETS),
        *(outcome(line=line, external_id=f"c-{line}", pin_serial=lost) for line in range(4, 30)),
    ]
    found = write(run, rows, tmp_path / "pins")
    assert (found.written, found.without, found.missing) == (0, 0, 28)
    assert len(found.missing_lines) == NAMED_LINES
    assert found.missing_lines[0] == (2, "(No key.)")
    assert found.missing_lines[1][1] == ("DVS gave no PIN. See `bulk-topup transaction show 2237512891 --reveal-pins`.")
    assert names(tmp_path / "pins") == ["index.csv"]


def test_columns_of_the_list_keep_their_names(outcome: Make, run: Run, tmp_path: Path) -> None:
    write(replace(run, columns=("pin_file", "b", "c")), [outcome()], tmp_path / "pins")
    header = (tmp_path / "pins/index.csv").read_text(encoding="utf-8-sig").splitlines()[0].split(",")
    assert header[0] == "pin_file"
    assert "pin_file_2" in header
