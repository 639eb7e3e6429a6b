"""Names, job files and paths that are broken or planted: one error, and no other file is touched."""

import os
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.errors import JobError
from bulk_topup.jobs.load import MAX_JOB_BYTES, load_job
from bulk_topup.ledger import LedgerStore, run_file
from bulk_topup.system.files import atomic_write, file_name

Pay = Callable[..., Any]

LIST = "reference,phone,amount\nR-1,+6595123100,5\n"
PAYING = ("--product", 6418, "--poll-interval", 0.05)


@pytest.fixture
def listed(tmp_path: Path) -> str:
    """A valid list."""
    (tmp_path / "pay.csv").write_text(LIST)
    return "pay.csv"


JOBS = {
    "not TOML": (b"list = ", "is not valid TOML"),
    "not UTF-8": (b'list = "\xff"', "is not valid TOML: 'utf-8' codec can't decode byte 0xff in position 8"),
    "nested too deeply": (b"list = " + b"[" * 10_000, "Its values are nested too deeply"),
    "too large": (b"#" * (MAX_JOB_BYTES + 1), "has more than 1,048,576 bytes. Check that it is a job file."),
    "a number without end": (b"product = " + b"1" * 5000, "is not valid TOML: Exceeds the limit"),
    "a number with an exponent without end": (b"rate = 1e99999999999999999999", "A number is too large"),
    "a cap of endless digits": (
        b'list = "a"\n[caps.amounts]\nSGD = 1e999999999',
        "caps.amounts.SGD: Input should be less than 1000000000000000000000000",
    ),
    "a key twice": (b'list = "a"\nlist = "b"', "is not valid TOML: line 2: Cannot overwrite a value"),
    "nothing": (b"", "list: Field required"),
    "a list that is no text": (b"list = true", "list: Input should be a valid string"),
    "a list that is a list": (b'list = ["a"]', "list: Input should be a valid string"),
    "an unknown key": (b'list = "a"\nyes = true', "yes: Unknown key in a job. Known keys: accept_number_plan"),
    "columns that are no table": (b'list = "a"\ncolumns = ["a"]', "columns: Input should be a valid dictionary"),
    "a product below one": (b'list = "a"\nproduct = 0', "product: Input should be greater than or equal to 1"),
    "a rate of infinity": (b'list = "a"\nrate = inf', "rate: Input should be a finite number"),
    "a rate that is no number": (b'list = "a"\nrate = nan', "rate: Input should be a finite number"),
    "too much at once": (b'list = "a"\nconcurrency = 1000000', "concurrency: Input should be less than or equal to"),
    "an unknown environment": (b'list = "a"\nenvironment = "moon"', "environment: Input should be 'sandbox'"),
    "a template that reaches for more": (
        b'list = "{today.__class__}"',
        "Unknown text in braces. Use only {today} and {today:FORMAT}",
    ),
    "a template in a template": (
        b'list = "{today:{today}}"',
        "Unknown text in braces. Use only {today} and {today:FORMAT}",
    ),
    "a name that leaves the folder": (b'list = "a"\nname = "../x"', "name: String should match pattern"),
    "a name that reverses the text after it": (
        b'list = "a"\nname = "\xe2\x80\xaex"',
        "line 2, name: Invisible characters, such as line breaks. Remove them.",
    ),
    "a name of 300 letters": (b'list = "a"\nname = "' + b"x" * 300 + b'"', "name: String should match pattern"),
}


@pytest.mark.parametrize("name", JOBS)
def test_a_hostile_job_file_is_refused_with_its_error(tmp_path: Path, name: str) -> None:
    content, message = JOBS[name]
    path = tmp_path / "job.toml"
    path.write_bytes(content)
    with pytest.raises(JobError, match=re.escape(message)):
        load_job(path)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_job_path_that_is_no_file_is_refused_without_waiting(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "job.toml")
    with pytest.raises(JobError, match=r"job\.toml is not a file"):
        load_job(tmp_path / "job.toml")


def test_thousands_of_errors_are_cut_short(pay: Pay, tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text('list = "a"\n' + "".join(f"k{number} = 1\n" for number in range(5000)))
    assert len(pay("run", "job.toml", code=3).output) < 7000


@pytest.mark.parametrize(
    "key",
    [
        "{today:%1000000000d}",
        "{today:%9999999Y}",
        "{today:%n%t}",
        " ",
        "a\\u001b[2Jb",
        "a\\nb",
        "\\u202ea",
    ],
)
def test_an_empty_or_invisible_run_key_starts_no_run(
    pay: Pay, listed: str, tmp_path: Path, books: Callable[[], Any], key: str
) -> None:
    (tmp_path / "job.toml").write_text(f'list = "{listed}"\nproduct = 6418\nrun_key = "{key}"\n')
    result = pay("run", "job.toml", code=3)
    assert "is empty or has invisible characters. Choose another with --run-key" in result.stderr
    assert "\x1b" not in result.output
    assert books() == []


def test_a_job_file_with_a_nul_starts_no_run(pay: Pay, listed: str, tmp_path: Path, books: Callable[[], Any]) -> None:
    (tmp_path / "job.toml").write_text(f'list = "{listed}"\nproduct = 6418\nrun_key = "a\\u0000b"\n')
    result = pay("run", "job.toml", code=3)
    assert "line 3, run_key: The character U+0000, which no value can have. Remove it." in result.stderr
    assert books() == []


@pytest.mark.parametrize(
    "key", ["../../etc", "/etc/x", "..", "con", "a.", "x" * 300, "字" * 120, "😀" * 64, "[/x]", "$(id)"]
)
def test_a_report_is_written_to_a_folder_of_its_own_whatever_the_run_key(
    pay: Pay, listed: str, tmp_path: Path, key: str
) -> None:
    pay("run", listed, *PAYING, "--run-key", key, code=0)
    [folder] = (tmp_path / "reports").iterdir()
    assert sorted(path.name for path in folder.iterdir())[:2] == ["results.csv", "results.jsonl"]
    assert len(folder.name.encode()) <= 255


@pytest.mark.parametrize("text", ["x" * 81, "字" * 100, "x" * 300])
def test_a_long_name_is_cut_and_stays_distinct(text: str) -> None:
    assert len(file_name(text, text, "not-completed.csv").encode()) < 240
    assert file_name(text) != file_name(text + "x")


def test_a_link_that_is_planted_where_a_file_is_written_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("kept")
    precious.chmod(0o644)
    target = tmp_path / "results.csv"
    target.symlink_to(precious)
    (tmp_path / f".results.csv.{os.getpid()}.part").symlink_to(precious)
    with atomic_write(target) as temporary:
        temporary.write_text("new")
    assert (precious.read_text(), precious.stat().st_mode & 0o777) == ("kept", 0o644)
    assert (target.read_text(), target.is_symlink()) == ("new", False)


def test_a_report_in_a_shared_folder_is_private(pay: Pay, listed: str, tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    precious = tmp_path / "precious"
    precious.write_text("kept")
    for name in ("results.csv", "results.xlsx", "summary.json"):
        (folder / name).symlink_to(precious)
    pay("run", listed, *PAYING, "--report-dir", "open", code=0)
    assert precious.read_text() == "kept"
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def _other_database(path: Path) -> None:
    other = path.with_name("other.db")
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE people (name TEXT)")
    connection.commit()
    connection.close()
    path.symlink_to(other)


def _text(path: Path) -> None:
    path.write_text("dear diary")


LEDGERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a folder": (Path.mkdir, "is a directory"),
    "a pipe": (os.mkfifo, "is not a file, so it is no ledger. Choose another ledger with --ledger."),
    "a device": (
        lambda path: path.symlink_to("/dev/zero"),
        "is not a file, so it is no ledger. Choose another ledger with --ledger.",
    ),
    "a link to another program's database": (_other_database, "belongs to another program and is not a ledger"),
    "a link to nothing": (lambda path: path.symlink_to("gone.db"), "is a link to gone.db, which does not exist"),
    "a link to itself": (lambda path: path.symlink_to(path), "which does not exist"),
    "a text": (_text, "belongs to another program and is not a ledger"),
}


@pytest.mark.parametrize("name", LEDGERS)
def test_a_path_that_is_no_ledger_is_refused_and_nothing_is_paid(
    pay: Pay, listed: str, tmp_path: Path, books: Callable[[], Any], name: str
) -> None:
    make, message = LEDGERS[name]
    make(tmp_path / "ledger.db")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file() and path.suffix != ".jsonl"}
    result = pay("run", listed, *PAYING, code=2 if name == "a folder" else 3)
    assert message in result.stderr
    assert books() == []
    for file, content in before.items():
        assert file == "ledger.db" or (tmp_path / file).read_bytes() == content


@pytest.mark.parametrize("name", ["x" * 300, "pay.csv/ledger.db", "/proc/nope/ledger.db", "."])
def test_a_path_where_no_ledger_can_be_is_reported(pay: Pay, listed: str, books: Callable[[], Any], name: str) -> None:
    code = 2 if name == "." else 3  # a folder is found while the command line is read
    assert "Error: " in pay("run", listed, *PAYING, code=code, ledger=name).stderr
    assert "Error: " in pay("status", code=code, ledger=name).stderr
    assert books() == []


@pytest.mark.parametrize("name", [":memory:", "file:x.db", "file::memory:?cache=shared", "a?mode=memory"])
def test_a_name_that_means_something_else_to_sqlite_means_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with LedgerStore(Path(name)):
        pass
    assert (tmp_path / name).read_bytes().startswith(b"SQLite format 3")
    assert not (tmp_path / "x.db").exists()
    with LedgerStore(Path(name), read_only=True) as ledger:
        assert ledger.runs.all() == []


@pytest.mark.parametrize("folder", ["pay.csv/report", "x" * 300, "/proc/report"])
def test_an_unusable_report_folder_is_reported_before_anything_is_paid(
    pay: Pay, listed: str, books: Callable[[], Any], folder: str
) -> None:
    result = pay("run", listed, *PAYING, "--report-dir", folder, code=75)
    assert "Choose another with --report-dir." in result.stderr
    assert books() == []


def test_a_lock_that_is_planted_as_a_link_is_not_followed(pay: Pay, listed: str, tmp_path: Path) -> None:
    pay("run", listed, *PAYING, code=0)
    assert not list(tmp_path.glob("ledger.db.*.lock"))  # they go away with the lock
    lock = run_file(tmp_path / "ledger.db", "list", "pay", "lock")
    precious = tmp_path / "precious"
    precious.write_text("kept")
    lock.symlink_to(precious)
    assert "Can't lock run list/pay with " in pay("run", listed, *PAYING, code=75).stderr
    assert precious.read_text() == "kept"
