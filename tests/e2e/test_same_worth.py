"""--auto-product: the same worth to everybody, whatever the operator; what no product gives exactly is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

#: The two operators of the list sell it as airtime, and as minutes.
ANY = ("--subservice", "airtime", "--subservice", "bundle")
REFERENCE = ("--map", "reference=reference")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A list without amounts."""
    path = tmp_path / "people.csv"
    path.write_text("reference,phone\nw1,+6591235001\nw2,+6591235002\n", encoding="utf-8")
    return path


def test_everybody_gets_the_product_with_exactly_that_source_amount(pay: Any, books: Any, people: Path) -> None:
    words = (people, *REFERENCE, "--auto-product", "USD 6.40", *ANY)
    planned = json.loads(pay("plan", *words, "--json").stdout)
    assert [(each["product_id"], each["rows"]) for each in planned["products"]] == [(6430, 1), (6418, 1)]
    pay("run", *words)
    assert sorted(each["product_id"] for each in books()["transactions"]) == [6418, 6430]
    pay("run", *words)
    assert len(books()["transactions"]) == 2


def test_another_worth_is_refused_with_the_nearest_offer(pay: Any, books: Any, people: Path) -> None:
    words = (people, *REFERENCE, "--auto-product", "USD 0.01", *ANY)
    result = pay("run", *words, code=3)
    planned = json.loads(pay("plan", *words, "--json", code=3).stdout)
    assert "Nearest: " in planned["refused_rows"][0]["problems"][0]["message"]
    assert not books()["transactions"], result.stdout


def test_the_worth_is_the_only_amount_and_needs_references(pay: Any, people: Path) -> None:
    worth = ("--auto-product", "USD 5")
    assert "write it like" in pay("plan", people, "--auto-product", "5 USD", code=2).stderr
    assert "Add --map reference=COLUMN" in " ".join(pay("plan", people, *worth, code=2).stderr.split())
    for words in (("--product", 6418), ("--constant", "amount=5"), ("--calculation-mode", "DESTINATION_AMOUNT")):
        assert "Remove" in pay("plan", people, *worth, *REFERENCE, *words, code=2).stderr
