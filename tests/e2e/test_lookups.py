"""Look-ups of one number and of whole lists on the command line."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Pay = Callable[..., Any]


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.DictReader(opened))


def write(tmp_path: Path, *rows: str) -> Path:
    list_ = tmp_path / "may.csv"
    list_.write_text("\n".join(("reference,phone,amount", *rows)) + "\n")
    return list_


@pytest.mark.parametrize("name", ["numbers", "./number", "list.csv"])
def test_a_list_may_be_named_like_a_command(pay: Pay, tmp_path: Path, name: str) -> None:
    write(tmp_path, "A,+6595123402,5").rename(tmp_path / name)
    pay("lookup", name, "--output", "found.csv")
    assert len(rows_of(tmp_path / "found.csv")) == 1
    pay("lookup", "list", name, "--output", "again.csv")


def test_a_list_is_looked_up_under_its_own_name_and_answers_are_kept(pay: Pay, tmp_path: Path) -> None:
    list_ = write(tmp_path, "A,+6595123402,5", "B,+6595123112,5", "C,123,5")
    done = pay("lookup", list_, code=1)
    assert "may-lookup.csv: 3 rows, a product chosen for 1.\n2 rows without a product to choose from:" in done.stdout
    assert "  line 3: DVS does not know the operator" in done.stdout
    rows = rows_of(tmp_path / "may-lookup.csv")
    assert [row["reference"] for row in rows] == ["A", "B", "C"]
    assert rows[0]["lookup_product_id"] == "6418"
    assert "may-lookup.csv already exists" in pay("lookup", "list", list_, code=3).stderr
    again = pay("lookup", list_, "--force", "--json", code=1)
    assert json.loads(again.stdout) == {
        "file": "may-lookup.csv",
        "rows": 3,
        "chosen": 1,
        "problems": 2,
        "reasons": [
            {"reason": rows[1]["lookup_reason"], "rows": 1, "first_lines": [3]},
            {"reason": rows[2]["lookup_reason"], "rows": 1, "first_lines": [4]},
        ],
    }
    assert "As DVS answered on" in again.stderr


def test_rows_with_the_same_problem_are_one_line(pay: Pay, tmp_path: Path) -> None:
    done = pay("lookup", write(tmp_path, *(f"{each},+6595123403,5" for each in range(7)), "x,,"), code=1)
    assert "\n  lines 2, 3, 4, 5, 6 and 2 more: Straits Mobile has no airtime product. " in done.stdout
    assert "\n  line 9: The row has no number.\n" in done.stdout


def test_the_list_itself_is_never_replaced(pay: Pay, tmp_path: Path) -> None:
    list_ = write(tmp_path, "A,+6595123403,5")
    before = list_.read_bytes()
    assert "is the list itself" in pay("lookup", list_, "--output", list_.name, "--force", code=3).stderr
    assert list_.read_bytes() == before


def test_the_answers_are_a_list_that_can_be_paid(pay: Pay, books: Pay, tmp_path: Path) -> None:
    pay("lookup", write(tmp_path, "A,+6595123402,5"), "--output", "paid.xlsx")
    pay("run", "paid.xlsx", "--map", "product_id=lookup_product_id")
    assert [entry["credit_party"] for entry in books()["transactions"]] == ["+6595123402"]


def test_options_say_how_a_list_is_read_and_what_may_be_chosen(pay: Pay, tmp_path: Path) -> None:
    list_ = tmp_path / "local.csv"
    list_.write_text("who;handy;sum\nA;95123403;8,00\n")
    columns = ("--map", "credit_party_identifier.mobile_number=handy", "--map", "amount=sum")
    words = ("lookup", "--decimal-mark", ",", "--default-country", "SG", *columns, list_, "--output", "o.csv")
    pay(*words, code=1)
    pay(*words, "--subservice", "bundle", "--force")
    assert rows_of(tmp_path / "o.csv")[0]["lookup_product_id"] == "6430"


def test_a_job_says_what_may_be_chosen(pay: Pay, tmp_path: Path) -> None:
    write(tmp_path, "A,+6595123403,8")
    job = tmp_path / "pay.toml"
    job.write_text(
        'name = "pay"\nrun_key = "1"\nlist = "may.csv"\n[columns]\nreference = "reference"\n'
        '[auto_product]\nsubservices = ["bundle"]\n'
    )
    pay("lookup", job)
    assert rows_of(tmp_path / "may-lookup.csv")[0]["lookup_product_id"] == "6430"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("lookup", "number", "+6595123112"), 3, "DVS does not know the operator of +6595123112. Check the number."),
        (("lookup", "number", "+6595123112", "--json"), 3, "DVS does not know the operator"),
        (("lookup", "nothing.csv"), 3, "Can't read nothing.csv"),
        (("lookup", "nunber", "+6595123100"), 2, 'There is no command "nunber". Did you mean number?'),
        (("lookup", "./nunber"), 3, "Can't read nunber"),
        (("lookup", "may.csv", "--output", "o.txt"), 3, "must end in .csv or .xlsx"),
        (("lookup", "may.csv", "--map", "reference=phone"), 3, "mobile numbers"),
    ],
)
def test_what_cannot_be_looked_up_has_an_exit_code_and_a_reason(
    words: tuple[str, ...], code: int, message: str, pay: Pay, tmp_path: Path
) -> None:
    (tmp_path / "may.csv").write_text("who,phone\nA,1\n" if "--map" in words else "phone\n+6595123402\n")
    done = pay(*words, code=code)
    assert message in done.stderr
    assert done.stdout == ""


def test_products_and_operators_are_searched_and_sorted(pay: Pay) -> None:
    def ids(*words: str) -> list[int]:
        return [each["id"] for each in json.loads(pay(*words, "--json").stdout)]

    assert ids("products", "--search", "LIONWAVE 10 sgd") == [6418]
    assert ids("products", "--search", "10.25 sgd") == []
    assert ids("products", "--search", "5.85 USD straits") == [6430]
    assert ids("products", "--service", "13", "--sort", "price") == [9560, 9550, 9565]
    assert ids("products", "--service", "13", "--sort", "-price", "--search", "new") == [9565, 9560]
    assert ids("operators", "--search", "aguila") == [1596]
    operators = json.loads(pay("operators", "--sort", "country,-name", "--json").stdout)
    keys = [(each["country"]["name"], each["name"]) for each in operators]
    assert [country for country, _ in keys] == sorted(country for country, _ in keys)
    assert [name for country, name in keys if country == "Singapore"] == ["Straits Mobile", "Lionwave"]
