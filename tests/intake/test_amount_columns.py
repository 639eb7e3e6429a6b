"""Amounts with currencies and groups of digits: read where the whole column leaves no doubt, else refused."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.currency_signs import AMOUNT_SIGN, SIGNS, signs_of
from bulk_topup.intake import BATCH_ROWS, Formats, ListReader, ListSource, read_list
from bulk_topup.intake.amount_columns import AmountColumn
from bulk_topup.intake.files.open_table import open_table
from bulk_topup.intake.filters import Filter, FilteredTable

Rows = list[dict[str, Any]]
#: Refused, where an amount is expected.
NO = None


def read_cells(cells: list[str], formats: Formats | None = None) -> tuple[list[str | None], AmountColumn]:
    texts = pl.Series(cells, dtype=pl.String)
    column = AmountColumn(formats or Formats(), lambda: iter([texts]))
    amounts, refused, _ = column.read(texts)
    assert [amount is None for amount in amounts] == [row in refused for row in range(len(cells))]
    return amounts.to_list(), column


@pytest.mark.parametrize(
    ("cells", "amounts"),
    [
        # One cell with both marks, or several groups, says which is which for all.
        (["1,000.00", "2,500", "5", "5.50"], ["1000", "2500", "5", "5.5"]),
        (["1,000,000", "2,500"], ["1000000", "2500"]),
        (["1.000,50", "12,5", "5"], ["1000.5", "12.5", "5"]),
        (["1.000.000", "12,50"], ["1000000", "12.5"]),
        (["1,00,000.00", "10,000"], ["100000", "10000"]),
        # Blanks and apostrophes are never before decimals.
        (["1 000", "5"], ["1000", "5"]),
        (["1'000.50", "12\u2019000"], ["1000.5", "12000"]),
        (["1\u00a0000,50", "1\u202f000", "5,5"], ["1000.5", "1000", "5.5"]),
        # No cell says which is which.
        (["1,000", "2,500", "500"], [NO, NO, "500"]),
        (["5.50", "1,000"], ["5.5", NO]),
        (["5,50", "7"], [NO, "7"]),
        # Cells say the opposite of each other.
        (["1.000,50", "1,000.50", "5"], [NO, NO, "5"]),
        (["1,000.00", "5,50", "5.5"], [NO, NO, "5.5"]),
        (["1 000", "1 000,50", "5.50"], [NO, NO, "5.5"]),
        # A cell that the job's mark would read never gets another value.
        (["1.000,50", "1.500"], ["1000.5", NO]),
        (["1.000,50", "1,500"], ["1000.5", NO]),
        (["1.500", "5"], ["1.5", "5"]),
        # Groups of another size are no groups.
        (["1,000.00", "1,00", "10,00,00", "0,500"], [NO, NO, NO, NO]),
        (["1,000.00", "1000,000.00", "5"], ["1000", NO, "5"]),
    ],
)
def test_marks_are_decided_for_the_whole_column_or_not_at_all(cells: list[str], amounts: list[str | None]) -> None:
    assert read_cells(cells)[0] == amounts
    assert read_cells(cells[::-1])[0] == amounts[::-1]


@pytest.mark.parametrize(
    ("cells", "amounts"),
    [
        (["1.000,50", "1.500", "1,500", "5"], ["1000.5", "1500", "1.5", "5"]),
        (["1,000.50", "5,5"], [NO, "5.5"]),
        (["1.500", "5,50"], [NO, "5.5"]),
    ],
)
def test_a_given_decimal_mark_is_never_changed(cells: list[str], amounts: list[str | None]) -> None:
    assert read_cells(cells, Formats(decimal_mark=","))[0] == amounts


def test_a_cell_in_doubt_says_what_it_may_mean() -> None:
    column = read_cells(["1.000,50", "1.500"])[1]
    message = column.read(pl.Series(["1.500"]))[1][0]
    assert '"1.500" may mean 1500 or 1.500' in message
    assert '--decimal-mark ","' in message


@pytest.mark.parametrize(
    ("cell", "amount", "sign"),
    [
        ("$5", "5", "$"),
        ("S$ 5.50", "5.5", "S$"),
        ("us$5", "5", "US$"),
        ("5 SGD", "5", "SGD"),
        ("sgd 5", "5", "SGD"),
        ("5€", "5", "€"),
        ("Rs. 500", "500", "RS"),
        ("5 kr.", "5", "KR"),
        ("5 F CFA", "5", "F CFA"),
        ("$5 USD", NO, None),
        ("$", NO, None),
        ("5k", NO, None),
        ("$-5", NO, None),
        ("-$5", NO, None),
        ("$0", NO, None),
        ("5 dollars", NO, None),
        ("$$5", NO, None),
        ("1e5", NO, None),
    ],
)
def test_a_sign_or_code_is_taken_off_and_kept_for_the_product(cell: str, amount: str | None, sign: str | None) -> None:
    texts = pl.Series([cell])
    column = AmountColumn(Formats(), lambda: iter([texts]))
    amounts, _, signs = column.read(texts)
    assert (amounts.to_list(), signs.to_list()) == ([amount], [sign])
    assert column.notes.signs == ([] if sign is None else [sign])


def test_signs_belong_to_their_currencies() -> None:
    assert {"SGD", "$", "S$"} == set(signs_of("SGD"))
    assert "US$" not in signs_of("SGD")
    assert "€" in signs_of("EUR")
    assert all(sign == sign.upper() for sign in SIGNS)


AMOUNTS = st.decimals(min_value="0.01", max_value=10**9, places=2)


@given(st.lists(AMOUNTS, min_size=1), st.sampled_from([",", " ", "'"]), st.sampled_from(["", "$", "SGD "]))
def test_a_column_in_one_way_is_read_exactly_or_refused(amounts: list[Decimal], group: str, sign: str) -> None:
    cells = [f"{sign}{amount:,.2f}".replace(",", group) for amount in amounts]
    expected = [Decimal(each) for each in amounts]
    assert [None if each is None else Decimal(each) for each in read_cells(cells)[0]] == expected


@given(st.lists(AMOUNTS, min_size=1))
def test_a_german_column_is_read_exactly_once_a_cell_has_groups(amounts: list[Decimal]) -> None:
    cells = [f"{amount:,.2f}".translate(str.maketrans(",.", ".,")) for amount in amounts]
    found = read_cells(cells)[0]
    if any("." in cell for cell in cells):
        assert [Decimal(each or 0) for each in found] == amounts
    else:
        assert found == [None] * len(cells)


@given(st.lists(st.from_regex(r"[0-9]{1,4}([., ][0-9]{1,4}){0,3}", fullmatch=True), min_size=1, max_size=6))
def test_no_other_cell_ever_gives_a_plain_amount_another_value(cells: list[str]) -> None:
    for cell, amount in zip(cells, read_cells(cells)[0], strict=True):
        alone = read_cells([cell])[0][0]
        if amount is not None and cell.replace(".", "", 1).isdigit() and alone is not None:
            assert amount == alone


@pytest.fixture
def open_file(tmp_path: Path) -> Callable[..., ListReader]:
    def open_(cells: list[str], version: int = 3, filters: tuple[Filter, ...] = ()) -> ListReader:
        path = tmp_path / "pay.csv"
        path.write_text("phone;amount\n" + "".join(f"+6595123100;{cell}\n" for cell in cells), encoding="utf-8")
        source = ListSource(path=path)
        table = FilteredTable(open_table(source), "pay.csv", filters) if filters else open_table(source)
        return read_list(source, mapping={}, constants={}, formats=Formats(version=version), table=table)

    return open_


def read_amounts(reader: ListReader) -> list[str | None]:
    return [amount for batch in reader.batches() for amount in batch["amount"]]


def test_a_later_batch_decides_for_the_first_one_too(open_file: Callable[..., ListReader]) -> None:
    cells = ["1,500", *["5"] * BATCH_ROWS, "1,000.00"]
    assert read_amounts(open_file(cells)) == ["1500", *["5"] * BATCH_ROWS, "1000"]
    contradicted = [*cells, "5,50"]
    assert read_amounts(open_file(contradicted)) == [None, *["5"] * BATCH_ROWS, None, None]
    # The first batch has been read by the point when the last cell shows another mark.
    assert read_amounts(open_file(["5.5", *["5"] * BATCH_ROWS, "1.000,50"]))[-1] is None


def test_a_column_is_read_twice_only_where_that_can_decide(open_file: Callable[..., ListReader]) -> None:
    reader = open_file(["$5", "5.50 SGD", "0.5", "", "1000"])
    scanned = []
    cells = reader._amount_cells

    def scan() -> Any:
        scanned.append(1)
        return cells()

    reader._amount_cells = scan  # type: ignore[method-assign]
    assert read_amounts(reader) == ["5", "5.5", "0.5", None, "1000"]
    assert not scanned
    reader = open_file(["5", "1,000.00"])
    assert read_amounts(reader) == ["5", "1000"]
    assert reader.amount_notes.example == ("1,000.00", "1000.00")


def test_rows_that_a_filter_leaves_out_are_counted_once_although_their_amounts_decide(
    open_file: Callable[..., ListReader],
) -> None:
    filter_ = Filter(column="amount", not_equals="1,000.00")
    reader = open_file(["1,000.00", "1,500", "5"], filters=(filter_,))
    assert read_amounts(reader) == ["1500", "5"]
    assert dict(reader._table.counts) == {str(filter_): 1}  # type: ignore[attr-defined]


def test_a_run_of_an_earlier_version_refuses_such_amounts_as_it_did(open_file: Callable[..., ListReader]) -> None:
    reader = open_file(["1,000.00", "$5", "5"], version=2)
    [batch] = reader.batches()
    assert batch["amount"].to_list() == [None, None, "5"]
    assert AMOUNT_SIGN not in batch.columns
