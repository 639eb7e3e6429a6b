"""Lists with errors: each gets the message of its page, and nothing is paid."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.ledger import LedgerStore

FOLDER = Path(__file__).parents[2] / "sample_files" / "bad"
PAGE = dict(re.findall(r"^\| \[(.*?)\].*\| (.*?) \|$", (FOLDER / "README.md").read_text(), flags=re.MULTILINE))
VALID = "trailing-blanks.csv"


@pytest.mark.parametrize("name", sorted(PAGE.keys() - {VALID}))
def test_a_bad_list_is_refused_with_its_position_and_its_fix(
    pay: Callable[..., Any], books: Callable[[], Any], environment: dict[str, str], tmp_path: Path, name: str
) -> None:
    environment["COLUMNS"] = "400"
    result = pay("run", FOLDER / name, code=3)
    position, column, message = re.fullmatch(r'(?:(?:line|row) (\d+)(?:, column "(.*?)")?: )?(.*)', PAGE[name]).groups()  # type: ignore[union-attr]
    shown = result.stdout + result.stderr
    if position:
        where = f'column "{column}": ' if column else ""
        assert f"  1 row, {where}{message}\n" in shown
        assert re.search(rf"^    (?:line|row) {position}(?: \(write .*\))?$", shown, re.MULTILINE)
        assert "Nothing was sent." in result.stderr
    else:
        assert f"Error: {message}\n" in result.stderr
    assert books()["transactions"] == []
    assert not (tmp_path / "reports").exists()
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        assert ledger.runs.all() == []


def test_the_good_rows_of_a_bad_list_are_paid_only_on_request(
    pay: Callable[..., Any], books: Callable[[], Any], results: Callable[[str], list[dict[str, str]]], tmp_path: Path
) -> None:
    result = pay("run", FOLDER / "lost-plus.csv", "--skip-refused", "--rate", 1000, "--poll-interval", 0.1, code=1)
    assert [row["result_state"] for row in results("list-lost-plus")] == ["completed", "refused"]
    assert len(books()["transactions"]) == 1
    rest = (tmp_path / "reports/list-lost-plus/list-lost-plus-not-completed.csv").read_text(encoding="utf-8-sig")
    assert [line.split(",")[0] for line in rest.splitlines()] == ["reference", "B-2"]
    assert "Write it with + and the country code" in rest
    assert "list-lost-plus-not-completed.csv" in result.stdout


def test_rows_that_were_not_completed_can_be_corrected_and_paid(
    pay: Callable[..., Any], books: Callable[[], Any], tmp_path: Path
) -> None:
    paying = ("--rate", 1000, "--poll-interval", 0.1)
    pay("run", FOLDER / "lost-plus.csv", "--skip-refused", *paying, code=1)
    rest = tmp_path / "reports/list-lost-plus/list-lost-plus-not-completed.csv"
    rest.write_text(rest.read_text().replace("6595123802", "+6595123802"))
    pay("run", rest, *paying)
    assert sorted(entry["credit_party"] for entry in books()["transactions"]) == ["+6595123801", "+6595123802"]


def test_trailing_spaces_are_no_error(pay: Callable[..., Any], books: Callable[[], Any]) -> None:
    pay("run", FOLDER / VALID, "--rate", 1000, "--poll-interval", 0.1)
    assert len(books()["transactions"]) == 2
