"""Totals and signatures below a list: left out where that is beyond doubt, else rows to fix."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk_topup.domain.outside_rows import Outside
from bulk_topup.intake import Formats, ListReader, ListSource, read_list

HEADER = "Name,Phone,Amount,Reference"
AMOUNTS = st.lists(st.decimals(min_value="0.01", max_value="9999", places=2), min_size=1, max_size=8)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., ListReader]:
    """Return a function that reads a list of people with amounts, and rows below them, to its end."""

    def open_(amounts: Sequence[object], *below: str, version: int = 4) -> ListReader:
        people = [f"Person {n},+65912345{n:02},{amount},p{n}" for n, amount in enumerate(amounts)]
        path = tmp_path / "list.csv"
        path.write_text("\n".join([HEADER, *people, *below, ""]), encoding="utf-8")
        reader = read_list(ListSource(path=path), mapping={}, constants={}, formats=Formats(version=version))
        reader.seen = [row for batch in reader.batches() for row in batch.iter_rows(named=True)]  # type: ignore[attr-defined]
        return reader

    return open_


def rows_of(reader: ListReader) -> int:
    return len(reader.seen)  # type: ignore[attr-defined]


def problems(reader: ListReader) -> list[str]:
    return [each["message"] for row in reader.seen for each in row["problems"]]  # type: ignore[attr-defined]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(amounts=AMOUNTS, difference=st.decimals(min_value="-5", max_value="5", places=2))
def test_a_total_is_left_out_exactly_if_it_is_the_sum(
    read: Callable[..., ListReader], amounts: list[Decimal], difference: Decimal
) -> None:
    reader = read(amounts, f"Total,,{sum(amounts) + difference},")
    assert (Outside.TOTAL in reader.outside_rows.rows.values()) == (difference == 0)
    assert rows_of(reader) == len(amounts) + (difference != 0)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(amounts=AMOUNTS, name=st.sampled_from(["", "Bob", "Total"]), who=st.sampled_from(["+6591234599,{},", ",{},z9"]))
def test_no_row_that_says_whom_it_credits_is_left_out(
    read: Callable[..., ListReader], amounts: list[Decimal], name: str, who: str
) -> None:
    reader = read(amounts, f"{name},{who.format(sum(amounts))}")
    assert not reader.outside_rows.rows
    assert rows_of(reader) == len(amounts) + 1


@pytest.mark.parametrize(
    "label", ["Total", "TOTAL:", "Grand Total", "Suma", "Summe", "Jumlah", "المجموع", "Sum of all"]
)
def test_a_total_is_known_in_seven_languages(read: Callable[..., ListReader], label: str) -> None:
    assert read([5, "7.5"], f"{label},,12.50,").outside_rows.rows == {4: Outside.TOTAL}


def test_a_person_without_a_number_is_never_a_total(read: Callable[..., ListReader]) -> None:
    # The only person above gets as much.
    assert not read([10], "Bob,,10,").outside_rows.rows
    assert not read([10], ",,10,").outside_rows.rows
    assert not read([5, 5], ",,10,").outside_rows.rows
    assert not read([5, 5, 5], "Bob,,15,").outside_rows.rows


def test_a_name_that_begins_as_a_total_does_is_to_be_decided_by_a_person(read: Callable[..., ListReader]) -> None:
    reader = read([10], "Suma Devi,,10,")
    assert not reader.outside_rows.rows
    assert problems(reader)[0].startswith('"Suma Devi" may be a person or a total: the row credits nobody')


def test_a_total_without_a_name_is_the_last_row_of_several(read: Callable[..., ListReader]) -> None:
    assert read([5, 5, 6], "", ",,16,").outside_rows.rows == {6: Outside.TOTAL}
    assert not read([5, 5, 6], ",,16,", "Zoe,+6591234577,1,z").outside_rows.rows


def test_a_total_that_is_not_the_sum_says_so(read: Callable[..., ListReader]) -> None:
    reader = read([5, 7], "Total,,13,")
    assert not reader.outside_rows.rows
    [problem] = problems(reader)
    assert problem.startswith('The row is called "Total", but "13" is not the sum of the amounts above, 12. Correct')


def test_what_a_program_added_up_in_binary_is_the_sum(read: Callable[..., ListReader]) -> None:
    assert read(["0.1", "0.2"], "Total,,0.30000000000000004,").outside_rows.rows == {4: Outside.TOTAL}


def test_a_person_without_a_number_counts_in_the_sum(read: Callable[..., ListReader]) -> None:
    reader = read([5, 7], "Bob,,3,b9", "Total,,15,")
    assert reader.outside_rows.rows == {5: Outside.TOTAL}
    assert rows_of(reader) == 3


@pytest.mark.parametrize("text", ["Prepared by: Jane", "Approved by", "Signature: ______", "____________", "Date:"])
def test_signatures_below_the_rows_are_left_out(read: Callable[..., ListReader], text: str) -> None:
    reader = read([5], "", f"{text},,,")
    assert reader.outside_rows.rows == {4: Outside.SIGNATURE}
    assert rows_of(reader) == 1


@pytest.mark.parametrize("row", ["Prepared by: Jane,,5,", "Prepared by: Jane,+6591234599,,", "Bob,,,", "Page,,,"])
def test_what_may_be_a_person_is_no_signature(read: Callable[..., ListReader], row: str) -> None:
    reader = read([5], row)
    assert not reader.outside_rows.rows
    assert rows_of(reader) == 2


def test_a_signature_above_a_row_is_a_row(read: Callable[..., ListReader]) -> None:
    assert not read([5], "Prepared by: Jane,,,", "Zoe,+6591234577,1,z").outside_rows.rows


def test_an_earlier_run_keeps_its_rows(read: Callable[..., ListReader]) -> None:
    reader = read([5, 7], "Total,,12,", "Prepared by: Jane,,,", version=3)
    assert not reader.outside_rows.rows
    assert rows_of(reader) == 4
