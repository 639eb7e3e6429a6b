"""Number columns: national numbers by their row's country, old spellings in their modern form, examples."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain import fields
from bulk_topup.domain.number_notes import NationalNumber
from bulk_topup.domain.sameness import mobile_key, modern_mobile_number
from bulk_topup.intake import Formats, ListReader
from bulk_topup.intake.number_columns import NumberColumns

OpenList = Callable[..., ListReader]
MOBILE = fields.CREDIT_MOBILE


def read(*cells: str, formats: Formats | None = None, field: str = MOBILE) -> tuple[list[str | None], NumberColumns]:
    columns = NumberColumns(formats or Formats())
    lines = pl.Series(range(2, 2 + len(cells)), dtype=pl.Int64)
    return columns.read(field, pl.Series(cells, dtype=pl.String), lines, None)[0].to_list(), columns


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("+55 11 8765-4321", "+5511987654321"),
        ("+551198765432", "+5511998765432"),
        ("+551168765432", "+5511968765432"),
        ("+5511987654321", "+5511987654321"),
        # Fixed lines, trunked radios and an area that does not exist.
        ("+551123456789", "+551123456789"),
        ("+551133456789", "+551133456789"),
        ("+551143456789", "+551143456789"),
        ("+551153456789", "+551153456789"),
        ("+551178765432", "+551178765432"),
        ("+552387654321", "+552387654321"),
        ("+52 1 55 1234 5678", "+525512345678"),
        ("+525512345678", "+525512345678"),
        ("00 52 1 55 1234 5678", "+525512345678"),
        ("+541155550000", "+541155550000"),
        ("+5491155550000", "+5491155550000"),
    ],
)
def test_an_old_spelling_is_read_in_its_modern_form_and_nothing_else_is_changed(cell: str, number: str) -> None:
    numbers, columns = read("+6591000429", cell)
    assert numbers == ["+6591000429", number]
    is_old = "".join(character for character in cell if character.isdigit()).lstrip("0") != number[1:]
    assert (columns.notes.modern.rows, columns.notes.modern.lines) == ((1, [3]) if is_old else (0, []))


def test_a_national_number_is_read_in_its_modern_form_as_well() -> None:
    assert read("11 8765-4321", formats=Formats(default_country="BR"))[0] == ["+5511987654321"]


@given(number=st.from_regex(r"\+5(?:5[1-9]{2}|2)[0-9]{8,11}", fullmatch=True))
def test_a_modern_form_has_the_same_key_and_is_stable(number: str) -> None:
    [found], _ = read(number)
    if found is not None:
        assert mobile_key(found) == mobile_key(number)
        assert found in (number, modern_mobile_number(number))
        assert read(found)[0] == [found]


def test_an_earlier_run_reads_numbers_as_they_are_written() -> None:
    numbers, columns = read("+551187654321", "+5215512345678", formats=Formats(version=1))
    assert numbers == ["+551187654321", None]
    assert columns.notes.modern.rows == 0


def test_numbers_of_other_people_are_read_as_they_are_written() -> None:
    assert read("+551187654321", field="sender.mobile_number")[0] == ["+551187654321"]


def test_the_first_three_national_numbers_are_examples() -> None:
    cells = ["+6591000429", " 9100 0430", "0065 9100 0431", "91000432", "91000433", "91000434"]
    _, columns = read(*cells, formats=Formats(default_country="SG"))
    assert columns.notes.national == [
        NationalNumber(line=3, cell="9100 0430", number="+6591000430"),
        NationalNumber(line=5, cell="91000432", number="+6591000432"),
        NationalNumber(line=6, cell="91000433", number="+6591000433"),
    ]


@pytest.fixture
def rows(open_list: OpenList, tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    def read_rows(text: str, **options: Any) -> list[dict[str, Any]]:
        path = tmp_path / "pay.csv"
        path.write_text(text, encoding="utf-8")
        [frame] = open_list(path, **options).batches()
        return frame.to_dicts()

    return read_rows


def test_national_numbers_belong_to_their_rows_country(rows: Callable[..., list[dict[str, Any]]]) -> None:
    text = (
        "phone,Country,amount\n0812 3456 789,Indonesia,5\n9100 0429,sgp,5\n07700 900123,gb,5\n"
        "91000430,,5\n+254712345678,SG,5\n"
    )
    found = rows(text, formats=Formats(default_country="SG"))
    assert [row[MOBILE] for row in found] == [
        "+628123456789",
        "+6591000429",
        "+447700900123",
        "+6591000430",
        "+254712345678",
    ]
    assert not any(row["problems"] for row in found)


def test_an_unknown_country_is_a_problem_of_the_rows_that_need_it(rows: Callable[..., list[dict[str, Any]]]) -> None:
    text = "phone,country\n91000429,Atlantis\n+6591000430,Atlantis\n91000431,\n91000432,Antarctica\n9,SG\n"
    found = rows(text)
    assert [row[MOBILE] for row in found] == [None, "+6591000430", None, None, None]
    problems = [[(problem["column"], problem["message"]) for problem in row["problems"]] for row in found]
    [(column, message)] = problems[0]
    assert column == "country"
    assert message.startswith('"Atlantis" is not a country. Write two or three letters')
    assert problems[1] == []
    assert problems[2][0][0] == "phone"
    assert "add --default-country" in problems[2][0][1]
    assert problems[3] == [("country", "Antarctica has no mobile numbers. Correct the country.")]
    assert problems[4][0][0] == "phone"


def test_another_column_may_be_mapped_to_the_country(rows: Callable[..., list[dict[str, Any]]]) -> None:
    found = rows("phone,Land\n91000429,Singapore\n", mapping={fields.COUNTRY: "Land"})
    assert found[0][MOBILE] == "+6591000429"
    assert rows("phone\n91000429\n", constants={fields.COUNTRY: "Singapore"})[0][MOBILE] == "+6591000429"


def test_an_earlier_run_knows_no_column_of_countries(rows: Callable[..., list[dict[str, Any]]]) -> None:
    [found] = rows("phone,country\n91000429,MY\n", formats=Formats(default_country="SG", version=1))
    assert found[MOBILE] == "+6591000429"
    assert fields.COUNTRY not in found
