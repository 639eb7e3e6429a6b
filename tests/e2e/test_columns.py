"""Lists whose columns are known by their meaning, from the list to the provider's books, across versions."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

Pay = Callable[..., Any]
Books = Callable[[], dict[str, Any]]

ROWS = "7,+6591000429,5\n9,+6591000430,5\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write_list(text: str) -> Path:
        (tmp_path / "pay.csv").write_text(text, encoding="utf-8")
        return tmp_path / "pay.csv"

    return write_list


def paid(books: Books) -> list[str]:
    return sorted(entry["credit_party"] for entry in books()["transactions"])


def sql(tmp_path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        found = connection.execute(statement).fetchall()
        connection.commit()
    return found


def test_a_plan_says_which_columns_it_uses_and_which_it_only_keeps(pay: Pay, write: Callable[[str], Path]) -> None:
    text = "Matrícula,Téléphone,Betrag,Name\n7,+6591000429,5,Ana\n"
    result = pay("plan", write(text), "--product", 6418, "--json")
    assert json.loads(result.stdout)["column_use"] == {
        "used": {
            "reference": "Matrícula",
            "amount": "Betrag",
            "credit_party_identifier.mobile_number": "Téléphone",
        },
        "kept": ["Name"],
        "proposed": {},
    }
    line = 'Columns: "Matrícula" is reference, "Betrag" is amount, "Téléphone" is mobile number. Only kept: "Name".'
    assert line in " ".join(result.stderr.split())


def test_what_a_list_lacks_is_proposed_as_a_whole_command(pay: Pay, write: Callable[[str], Path]) -> None:
    path = write("number,amount\n+6591000429,5\n")
    result = pay("plan", path, "--product", 6418, code=3)
    assert 'If column "number" has the mobile number:' in result.stdout
    [command] = [line for line in result.stdout.splitlines() if " --map " in line and "bulk-topup plan" in line]
    assert command.endswith("--map credit_party_identifier.mobile_number=number")
    pay(*command.split()[1:])


def test_a_run_of_an_earlier_version_keeps_its_columns(
    pay: Pay, books: Books, write: Callable[[str], Path], tmp_path: Path
) -> None:
    # As an earlier version reads it: the column "Emp. ID" is only kept, so that rows are known by their numbers.
    pay("run", write(f"memo,phone,amount\n{ROWS}"), "--product", 6418)
    sql(tmp_path, "UPDATE runs SET reading_version = 2")
    write(f"Emp. ID,phone,amount\n{ROWS}")
    pay("run", "pay.csv", "--product", 6418)
    pay("reconcile", "list/pay")
    assert len(paid(books)) == 2
    # The same after its ledger is lost: nothing is sent until it is rebuilt as it was read.
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    result = pay("run", "pay.csv", "--product", 6418, code=3)
    assert "which an earlier version read otherwise" in result.output
    assert len(paid(books)) == 2
    pay("reconcile", "pay.csv", "--rebuild", "--product", 6418)
    assert sql(tmp_path, "SELECT reading_version FROM runs") == [(2,)]
    pay("run", "pay.csv", "--product", 6418)
    assert len(paid(books)) == 2


def test_a_lost_run_is_rebuilt_with_the_columns_that_it_read(
    pay: Pay, books: Books, write: Callable[[str], Path], tmp_path: Path
) -> None:
    pay("run", write(f"Emp. ID,phone,amount\n{ROWS}"), "--product", 6418)
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    pay("reconcile", "pay.csv", "--rebuild", "--product", 6418)
    assert sql(tmp_path, "SELECT reading_version FROM runs") == [(4,)]
    pay("run", "pay.csv", "--product", 6418)
    assert paid(books) == ["+6591000429", "+6591000430"]


def test_amounts_with_the_currency_of_the_product_are_paid_and_others_refused(
    pay: Pay, books: Books, write: Callable[[str], Path]
) -> None:
    text = "id;phone;amount\na;+6591000429;$5\nb;+6591000430;SGD 1.050,00\nc;+6591000431;€6\nd;+6591000432;7,50\n"
    result = pay("plan", write(text), "--product", 6418, "--json", code=3)
    plan = json.loads(result.stdout)
    assert plan["amount_notes"] == {
        "decimal_mark": ",",
        "group_mark": ".",
        "example": {"cell": "SGD 1.050,00", "amount": "1050.00"},
        "signs": ["$", "SGD", "€"],
    }
    refused = {row["line"]: row["problems"] for row in plan["refused_rows"]}
    assert refused.keys() == {3, 4}
    assert "1050 must be 1.00 to 100.00 SGD" in refused[3][0]["message"]
    [problem] = refused[4]
    fix = "Write the amount in SGD, or choose another product."
    assert problem["message"] == f'The amount has "€", but product 6418 has SGD. {fix}'
    assert (problem["column"], problem["kind"], problem["instead"]) == ("amount", "currency", None)
    screen = " ".join(result.stderr.split())
    marks = '"." groups digits and "," is before decimals: "SGD 1.050,00" → 1050.00.'
    assert f"In the whole column of amounts {marks}" in screen
    assert "Amounts are written with their currency: $, SGD, €." in screen
    pay("run", "pay.csv", "--product", 6418, "--skip-refused", code=1)
    found = sorted((each["credit_party"], each["amount"]) for each in books()["transactions"])
    assert [str(amount) for _, amount in found] == ["5", "7.5"]


@pytest.mark.parametrize(
    "content",
    [
        b"sep=;\nreference;phone;amount\nc1;+6591000429;5\n",
        b'\xef\xbb\xbf"SEP=;"\r\nreference;phone;amount\r\nc1;+6591000429;5\r\n',
        b"reference|phone|amount\nc1|+6591000429|5\n",
        "reference,phone,amount\nc1,\u202a+6591000429\u202c,\u200e5\u200f\n".encode(),
        "referenceId,phoneNumber,paymentAmount\nc1,+6591000429,5\n".encode("utf-16"),
    ],
)
def test_lists_as_spreadsheet_programs_write_them_are_paid(
    pay: Pay, books: Books, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "pay.csv").write_bytes(content)
    pay("run", "pay.csv", "--product", 6418)
    assert paid(books) == ["+6591000429"]


def test_the_encoding_that_is_proposed_reads_what_excel_wrote(pay: Pay, tmp_path: Path) -> None:
    (tmp_path / "pay.csv").write_bytes(b"reference,phone,amount,name\nn1,+6591000429,5,O\x92Brien \x96 Zo\xeb\n")
    assert "--encoding cp1252" in pay("plan", "pay.csv", "--product", 6418, code=3).output
    wrong = pay("plan", "pay.csv", "--product", 6418, "--encoding", "latin-1", code=3).output
    assert "pay.csv line 2: byte 0x92 is no character in latin-1." in wrong
    assert "--encoding cp1252" in wrong
    pay("plan", "pay.csv", "--product", 6418, "--encoding", "cp1252")
