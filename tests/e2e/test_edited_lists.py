"""Lists that are edited between two invocations: what was paid is not paid again, and the rest is paid once."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

Pay = Callable[..., Any]

#: One number's payments, which only their amounts tell apart.
PAYING = ("--product", 6418, "--allow-duplicates")
NUMBER = "+6595123500"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a list that pays one number these amounts."""

    def create(*amounts: object) -> Path:
        file = tmp_path / "extra.csv"
        file.write_text("".join(f"{line}\n" for line in ("phone,amount", *(f"{NUMBER},{each}" for each in amounts))))
        return file

    return create


@pytest.fixture
def paid(books: Pay) -> Callable[[], list[Decimal]]:
    """Return a function that returns the amounts that the provider paid, in ascending order."""
    return lambda: sorted(Decimal(str(entry["amount"])) for entry in books()["transactions"])


def _states(rows: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(row["amount"], row["result_state"]) for row in rows]


def test_a_row_inserted_above_two_paid_rows_of_the_same_number_is_the_only_one_that_is_paid(
    pay: Pay, results: Pay, agree: Pay, books: Pay, write: Pay, paid: Pay
) -> None:
    pay("run", write(5, 7), *PAYING)
    edited = write(9, 5, 7)
    # The run has nothing left to send, so only a person adds a row to it.
    refused = pay("run", edited, *PAYING, code=3)
    assert "1 of 3 rows of" in refused.stderr
    assert "add --add" in refused.stderr
    assert paid() == [5, 7]
    assert "1 to send" in pay("plan", edited, *PAYING, "--add").stdout
    pay("run", edited, *PAYING, "--add")
    assert paid() == [5, 7, 9]
    assert _states(results("list-extra")) == [("9", "completed"), ("5", "completed"), ("7", "completed")]
    agree(results("list-extra"), books())


@pytest.mark.usefixtures("real_time")
@pytest.mark.parametrize("edited", [(7, 5), (7, "5.0"), ("7", "5,00")])
def test_swapping_a_paid_and_a_pending_amount_pays_each_once(
    pay: Pay, results: Pay, write: Pay, paid: Pay, edited: tuple[object, ...]
) -> None:
    # The second row waits for the interval between two payments to one number.
    pay("run", write(5, 7), *PAYING, "--min-interval", 3600, "--deadline", "3s", code=75)
    assert paid() == [5]
    comma = ("--decimal-mark", ",") if "5,00" in edited else ()
    list_ = write(*(f'"{each}"' for each in edited))
    pay("run", list_, *PAYING, *comma)
    assert paid() == [5, 7]
    assert [state for _, state in _states(results("list-extra"))] == ["completed", "completed"]
    pay("run", write(5, 7), *PAYING)
    assert paid() == [5, 7]


def test_a_removed_a_changed_and_a_reordered_amount_pay_nothing_again(
    pay: Pay, results: Pay, write: Pay, paid: Pay
) -> None:
    pay("run", write(5, 7, 9), *PAYING)
    pay("run", write(9, 7, 5), *PAYING)
    pay("run", write(9, 5), *PAYING, code=1)
    assert paid() == [5, 7, 9]
    notes = [row["result_note"] for row in results("list-extra") if row["result_note"]]
    assert notes == ["No longer in the list; what was sent stands, and nothing more is sent."]
    pay("run", write(9, 8, 5), *PAYING, code=1)
    assert paid() == [5, 7, 9]
    [note] = [row["result_note"] for row in results("list-extra") if row["result_note"]]
    assert "sent was 7 SGD" in note
    assert "the list now says 8 SGD" in note


def test_a_list_that_was_edited_before_its_ledger_was_lost_pays_no_amount_again(
    pay: Pay, results: Pay, write: Pay, paid: Pay, tmp_path: Path
) -> None:
    pay("run", write(5, 7), *PAYING)
    (tmp_path / "ledger.db").unlink()
    edited = write(9, 5, 7)
    pay("run", edited, *PAYING, code=1)
    assert paid() == [5, 7]
    assert _states(results("list-extra")) == [("9", "conflict"), ("5", "refused"), ("7", "refused")]
    assert "DVS has another transaction under its external ID" in results("list-extra")[2]["result_reason"]
    assert "2 possible duplicates, refused" in pay("plan", edited, *PAYING, code=3).stdout
    pay("run", edited, *PAYING, "--skip-refused", code=1)
    pay("resume", "list/extra", code=1)
    pay("run", write(7), *PAYING, "--skip-refused", code=1)
    assert paid() == [5, 7]


def test_a_rebuilt_run_whose_list_was_edited_before_pays_no_amount_again(
    pay: Pay, results: Pay, write: Pay, paid: Pay, tmp_path: Path
) -> None:
    # The ledger that is lost never sent the first row, so its external ID is unknown to DVS.
    pay("run", write(9, 7), *PAYING, "--max-row-amount", "SGD=8", "--skip-refused", code=1)
    assert paid() == [7]
    (tmp_path / "ledger.db").unlink()
    edited = write(7, 5)
    pay("reconcile", "--rebuild", edited, *PAYING, code=1)
    pay("resume", "list/extra", code=1)
    assert paid() == [7]
    assert _states(results("list-extra")) == [("7", "refused"), ("5", "conflict")]


CARDS = "reference,product_id,amount\nGC-001,8803,\nGC-002,8803,\n003,8810,25\n"


def test_edited_references_of_gift_cards_buy_no_card_again(
    pay: Pay, results: Pay, agree: Pay, books: Pay, tmp_path: Path
) -> None:
    list_ = tmp_path / "cards.csv"
    list_.write_text(CARDS)
    pay("run", list_)
    assert len(books()["transactions"]) == 3
    for edited, number in (
        (CARDS.lower().replace("003", "3"), "1 possible duplicate"),  # references without case are equal
        ("reference,product_id,amount\nA,8803,\nB,8803,\nC,8810,25\n", "3 possible duplicates"),
    ):
        list_.write_text(edited)
        assert f"{number}, refused" in pay("plan", list_, code=3).stdout
        refused = pay("run", list_, code=3)
        assert f"{number[0]} of 3 rows refused" in refused.stdout + refused.stderr
        pay("run", list_, "--skip-refused", code=1)
        assert len(books()["transactions"]) == 3
    shown = pay("plan", list_, code=3).stdout
    assert 'Reference "A" may replace "gc-001", which line 2 of an earlier version of this list' in " ".join(
        shown.split()
    )
    assert "--not-the-same 2-4 --reason TEXT" in " ".join(shown.split())
    # Restored rows are the bought ones; a new row beside them is bought.
    list_.write_text(f"{CARDS}GC-004,8803,\n")
    pay("run", list_, "--add")
    assert len(books()["transactions"]) == 4
    agree(results("list-cards"), books())


def test_a_card_is_bought_that_a_person_finds_to_be_another_one(pay: Pay, books: Pay, tmp_path: Path) -> None:
    list_ = tmp_path / "cards.csv"
    list_.write_text(CARDS)
    pay("run", list_)
    list_.write_text("reference,product_id,amount\nNEW,8803,\nGC-002,8803,\n003,8810,25\n")
    pay("run", list_, "--add", "--not-the-same", 2, "--reason", "a colleague")
    pay("run", list_)
    assert len(books()["transactions"]) == 4


def test_a_card_of_another_product_or_amount_is_bought_when_a_bought_one_left_the_list(
    pay: Pay, books: Pay, tmp_path: Path
) -> None:
    list_ = tmp_path / "cards.csv"
    list_.write_text(CARDS)
    pay("run", list_)
    list_.write_text("reference,product_id,amount\nGC-001,8803,\nGC-002,8803,\nnew,8810,40\n")
    pay("run", list_, "--add")
    assert len(books()["transactions"]) == 4


def test_reconcile_names_the_rows_that_differ_and_not_those_that_moved(pay: Pay, write: Pay) -> None:
    def differences(code: int) -> list[tuple[str, int]]:
        found = json.loads(pay("reconcile", "list/extra", "--json", code=code).stdout)
        return [(each["kind"], each["line"]) for each in found["differences"]]

    pay("run", write(5, 7, 7, 9), *PAYING)
    write(9, 7, 5, 7)
    assert differences(0) == []
    write(8, 5, 7, 7, 9)
    assert differences(1) == [("list_new", 2)]
    write(9, 7, 5)
    assert differences(1) == [("list_gone", 4)]
    write(5, 7, 8, 9)
    assert differences(1) == [("list_changed", 4)]


@pytest.mark.usefixtures("real_time")
def test_resume_says_that_the_list_changed_and_which_rows_it_no_longer_has(pay: Pay, write: Pay, paid: Pay) -> None:
    stopped = ("--deadline", "1s")
    list_ = write(5, 7)
    pay("run", list_, *PAYING, "--min-interval", 3600, *stopped, code=75)
    assert "changed since" not in pay("resume", "list/extra", *stopped, code=75).stderr
    write(5, 8)
    error = pay("resume", "list/extra", *stopped, code=75).stderr
    assert "extra.csv changed since run list/extra read it. 1 row will be sent that it no longer has: line 3." in error
    write(5, 7, 9)
    assert "All rows that will be sent are still in it." in pay("resume", "list/extra", *stopped, code=75).stderr
    list_.unlink()
    assert "So it is not known whether the list changed." in pay("resume", "list/extra", *stopped, code=75).stderr
    assert paid() == [5]
