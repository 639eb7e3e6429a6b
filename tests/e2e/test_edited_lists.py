"""Lists that are edited between two invocations: what was paid is not paid again, and the rest is paid once."""

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
    return lambda: sorted(Decimal(str(entry["destination"]["amount"])) for entry in books()["transactions"])


def _states(rows: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(row["amount"], row["result_state"]) for row in rows]


def test_a_row_inserted_above_two_paid_rows_of_the_same_number_is_the_only_one_that_is_paid(
    pay: Pay, results: Pay, agree: Pay, books: Pay, write: Pay, paid: Pay
) -> None:
    pay("run", write(5, 7), *PAYING)
    edited = write(9, 5, 7)
    assert "1 to send" in pay("plan", edited, *PAYING).stdout
    pay("run", edited, *PAYING)
    assert paid() == [5, 7, 9]
    assert _states(results("list-extra")) == [("9", "completed"), ("5", "completed"), ("7", "completed")]
    agree(results("list-extra"), books())


@pytest.mark.parametrize("edited", [(7, 5), (7, "5.0"), ("7", "5,00")])
def test_swapping_a_paid_and_a_pending_amount_pays_each_once(
    pay: Pay, results: Pay, write: Pay, paid: Pay, edited: tuple[object, ...]
) -> None:
    # The second row waits for the interval between two payments to one number.
    pay("run", write(5, 7), *PAYING, "--min-interval", 3600, "--deadline", "1s", code=75)
    assert paid() == [5]
    comma = ("--decimal-mark", ",") if "5,00" in edited else ()
    list_ = write(*(f'"{each}"' for each in edited))
    pay("run", list_, *PAYING, *comma)
    assert paid() == [5, 7]
    assert [state for _, state in _states(results("list-extra"))] == ["completed", "completed"]
    pay("run", write(5, 7), *PAYING)
    assert paid() == [5, 7]


def test_a_removed_a_changed_and_a_reordered_amount_pay_nothing_again(
    pay: Pay, results: Pay, write: Pay, paid: Pay, reconcile: Pay
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
