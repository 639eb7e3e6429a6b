"""Numbers of another country, of no plan, or written in an old way, from the list to the provider's books."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.sandbox.catalogue.catalogue import Catalogue

Pay = Callable[..., Any]
Books = Callable[[], dict[str, Any]]

PRODUCTION = ("--env", "production")
#: What was paid to +6507700900649 and other people before numbers were checked.
WRONG = "reference,phone,amount\na,07700900649,5\nb,065 91000429,5\nc,+49 1511 2345678,5\nd,9100 0430,5\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write_list(text: str, name: str = "pay.csv") -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write_list


def paid(books: Books) -> list[str]:
    return sorted(entry["credit_party"] for entry in books()["transactions"])


def sql(tmp_path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        found = connection.execute(statement).fetchall()
        connection.commit()
    return found


def test_production_refuses_numbers_of_no_plan_and_of_another_country(
    pay: Pay, books: Books, write: Callable[..., Path]
) -> None:
    options = (write(WRONG), "--product", 6418, "--default-country", "SG", *PRODUCTION)
    result = pay("plan", *options, "--json", code=3)
    plan = json.loads(result.stdout)
    messages = {row["line"]: row["problems"] for row in plan["refused_rows"]}
    assert messages.keys() == {2, 3, 4}
    assert all(problem["column"] == "phone" for problems in messages.values() for problem in problems)
    assert '"+6507700900649" is in no numbering plan of Singapore (+65).' in messages[2][0]["message"]
    assert '"+6506591000429" is in no numbering plan of Singapore (+65).' in messages[3][0]["message"]
    assert "has the calling code of Germany (+49), but product 6418 is of Singapore." in messages[4][0]["message"]
    shown = "".join(result.stderr.split())
    assert '"07700900649"→+6507700900649,"06591000429"→+6506591000429,"91000430"→+6591000430.' in shown
    pay("run", *options, "--yes", code=3)
    assert paid(books) == []
    pay("run", *options, "--yes", "--skip-refused", code=1)
    assert paid(books) == ["+6591000430"]


@pytest.mark.parametrize("where", ["sandbox", "preprod"])
def test_elsewhere_they_are_paid_and_named(pay: Pay, books: Books, write: Callable[..., Path], where: str) -> None:
    options = (write(WRONG), "--product", 6418, "--default-country", "SG", "--env", where)
    result = pay("plan", *options, "--json")
    [no_plan, other] = json.loads(result.stdout)["numbers"]["concerns"]
    assert (no_plan["concern"], no_plan["production_refuses"], no_plan["lines"]) == ("not_in_plan", True, [2, 3])
    assert (other["concern"], other["production_refuses"], other["lines"]) == ("other_country", True, [4])
    shown = " ".join(result.stderr.split())
    assert "2 rows with numbers in no numbering plan: lines 2 and 3. Production would refuse this." in shown
    assert "1 row with numbers of another country than the product: line 4. Production would refuse this." in shown
    pay("run", *options, "--yes")
    assert len(paid(books)) == 4


def test_every_number_of_another_country_is_refused(pay: Pay, books: Books, write: Callable[..., Path]) -> None:
    text = "reference,phone,amount\nke,+254110000000,5\nng,+2348000000000,5\nus,+12025550191,5\n"
    pay("run", write(text), "--product", 6418, *PRODUCTION, "--yes", code=3)
    assert paid(books) == []


def test_an_accepted_number_is_paid_now_and_in_later_runs_until_it_is_purged(
    pay: Pay, books: Books, write: Callable[..., Path], tmp_path: Path
) -> None:
    write("reference,phone,amount\na,+6507700900649,5\n")
    run = ("run", "pay.csv", "--product", 6418, *PRODUCTION, "--yes")
    pay(*run, code=3)
    result = pay(*run, "--accept-number-plan", "0770", code=2)
    assert "is not an E.164 number; write it like" in result.stderr
    pay(*run, "--accept-number-plan", "+65 0770-0900649")
    pay(*run, "--run-key", "next", "--pay-again", "another week")
    assert paid(books) == ["+6507700900649"] * 2
    pay("ledger", "purge", "pay", "--older-than", "0d", "--yes")
    assert sql(tmp_path, "SELECT number FROM accepted_numbers") == [("+6507700900649",)]
    pay("ledger", "purge", "next", "--older-than", "0d", "--yes")
    assert sql(tmp_path, "SELECT number FROM accepted_numbers") == []
    assert "is in no numbering plan" in pay(*run, "--run-key", "third", code=3).stdout


def test_a_job_file_may_accept_numbers(pay: Pay, books: Books, write: Callable[..., Path]) -> None:
    write("reference,phone,amount\na,+6507700900649,5\nb,+6507700900650,5\n")
    job = 'list = "pay.csv"\nrun_key = "x"\nproduct = 6418\nenvironment = "production"\n'
    write(f'{job}accept_number_plan = ["+6507700900649"]\n', "job.toml")
    pay("run", "job.toml", "--yes", "--accept-number-plan", "+6507700900650")
    assert paid(books) == ["+6507700900649", "+6507700900650"]
    write(f'{job}accept_number_plan = ["07700900649"]\n', "job.toml")
    assert '"07700900649" is not an E.164 number' in pay("run", "job.toml", "--yes", code=3).stderr


def test_old_spellings_are_paid_once_in_their_modern_form(pay: Pay, books: Books, write: Callable[..., Path]) -> None:
    text = "reference,phone,amount\na,+52 1 55 1234 5678,50\nb,+525512345678,50\nc,+52 1 55 1234 5679,50\n"
    result = pay("plan", write(text), "--product", 7712, "--json", code=3)
    plan = json.loads(result.stdout)
    assert plan["numbers"]["modern_form"] == {"rows": 2, "lines": [2, 4]}
    assert "2 numbers written in their modern form: lines 2 and 4." in " ".join(result.stderr.split())
    assert [row["line"] for row in plan["refused_rows"]] == [3]
    assert "Duplicate of line 2." in plan["refused_rows"][0]["problems"][0]["message"]
    pay("run", "pay.csv", "--product", 7712, "--skip-refused", code=1)
    assert paid(books) == ["+525512345678", "+525512345679"]


def test_the_country_of_national_numbers_may_come_from_a_column(
    pay: Pay, books: Books, write: Callable[..., Path]
) -> None:
    text = (
        "reference,phone,country,product,amount\na,9100 0429,Singapore,6418,5\nb,55 1234 5678,mex,7712,50\n"
        "c,9100 0430,,6418,5\n"
    )
    pay("run", write(text), "--default-country", "SG", *PRODUCTION, "--yes")
    assert paid(books) == ["+525512345678", "+6591000429", "+6591000430"]
    text = text.replace("Singapore", "Atlantis")
    result = pay("plan", write(text, "other.csv"), "--default-country", "SG", "--json", code=3)
    [row] = json.loads(result.stdout)["refused_rows"]
    assert (row["line"], row["problems"][0]["column"]) == (2, "country")
    assert row["problems"][0]["message"].startswith('"Atlantis" is not a country.')


#: A number of Brazil that the sandbox completes, in the spelling that an earlier run sent.
OLD = "+551187654321"


@pytest.mark.parametrize("text", [f"phone,amount\n{OLD},5\n", f"reference,phone,amount\na,{OLD},5\n"])
def test_a_run_of_an_earlier_version_pays_nobody_again_in_another_spelling(
    pay: Pay, books: Books, write: Callable[..., Path], tmp_path: Path, text: str
) -> None:
    write(text.splitlines()[0] + "\n" + text.splitlines()[1].replace(OLD, "+6591000429") + "\n", "first.csv")
    # A run that exists, and that an earlier version began.
    pay("run", "first.csv", "--run-key", "pay", "--product", 6418)
    sql(tmp_path, "UPDATE runs SET reading_version = 1")
    row = text.splitlines()[1].replace("a,", "b,")
    write(f"{text.splitlines()[0]}\n{text.splitlines()[1].replace(OLD, '+6591000429')}\n{row}\n")
    pay("run", "pay.csv", "--run-key", "pay", "--product", 6418, "--add")
    assert paid(books) == [OLD, "+6591000429"]
    pay("run", "pay.csv", "--run-key", "pay", "--product", 6418)
    assert paid(books) == [OLD, "+6591000429"]
    pay("reconcile", "list/pay", code=0)
    # The same after its ledger is lost.
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    pay("reconcile", "pay.csv", "--rebuild", "--run-key", "pay", "--product", 6418)
    assert sql(tmp_path, "SELECT reading_version FROM runs") == [(1,)]
    pay("run", "pay.csv", "--run-key", "pay", "--product", 6418)
    assert paid(books) == [OLD, "+6591000429"]


@pytest.mark.parametrize("text", [f"phone,amount\n{OLD},5\n", f"reference,phone,amount\na,{OLD},5\n"])
def test_a_lost_run_is_rebuilt_with_its_modern_numbers(
    pay: Pay, books: Books, write: Callable[..., Path], tmp_path: Path, text: str
) -> None:
    write(text)
    pay("run", "pay.csv", "--product", 6418)
    assert paid(books) == ["+5511987654321"]
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    pay("reconcile", "pay.csv", "--rebuild", "--product", 6418)
    assert sql(tmp_path, "SELECT reading_version FROM runs") == [(4,)]
    pay("run", "pay.csv", "--product", 6418)
    assert paid(books) == ["+5511987654321"]


def test_what_a_run_has_sent_is_no_longer_refused_and_what_it_has_not_is(
    pay: Pay, books: Books, write: Callable[..., Path], tmp_path: Path, results: Callable[[str], list[dict[str, str]]]
) -> None:
    job = 'list = "pay.csv"\nname = "list"\nrun_key = "pay"\nproduct = 6418\nenvironment = "production"\n'
    numbers = 'accept_number_plan = ["+6507700900649"]\n'
    write("reference,phone,amount\na,+6507700900649,5\nb,+6591000430,5\n")
    write(job + numbers, "job.toml")
    pay("run", "job.toml", "--yes")
    assert paid(books) == ["+6507700900649", "+6591000430"]
    # As in a ledger of an earlier version, which accepted every number.
    sql(tmp_path, "DELETE FROM accepted_numbers")
    write(job, "job.toml")
    write("reference,phone,amount\na,+6507700900649,5\nb,+6591000430,5\nc,+6507700900650,5\n")
    pay("run", "job.toml", "--yes", code=3)
    pay("run", "job.toml", "--yes", "--skip-refused", code=1)
    assert [row["result_state"] for row in results("list-pay")] == ["completed", "completed", "refused"]
    pay("reconcile", "list/pay", "--env", "production")
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    pay("reconcile", "--rebuild", "job.toml")
    assert sql(tmp_path, "SELECT state FROM rows ORDER BY line") == [("completed",), ("completed",), ("refused",)]
    pay("run", "job.toml", "--yes", "--skip-refused", code=1)
    assert paid(books) == ["+6507700900649", "+6591000430"]


def test_a_chosen_product_has_to_be_of_the_numbers_country(
    pay: Pay, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write("reference,phone,amount,currency\na,+6595123402,5,SGD\nb,+254712345678,5,SGD\n")
    job = 'list = "pay.csv"\nrun_key = "x"\n[columns]\nreference = "reference"\n[auto_product]\nservice_id = 1\n'
    write(job, "job.toml")
    identify = Catalogue.lookup_bodies
    monkeypatch.setattr(Catalogue, "lookup_bodies", lambda self, _number: identify(self, "+6595123402"))
    plan = json.loads(pay("plan", "job.toml", *PRODUCTION, "--json", code=3).stdout)
    [row] = plan["refused_rows"]
    assert (row["line"], row["problems"][0]["column"]) == (3, "phone")
    assert "has the calling code of Kenya (+254), but product 6418 is of Singapore." in row["problems"][0]["message"]
    plan = json.loads(pay("plan", "job.toml", "--json").stdout)
    assert [concern["lines"] for concern in plan["numbers"]["concerns"]] == [[3]]
