"""Which rows a job's filters leave out, without losing any."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bulk_topup.errors import ListError
from bulk_topup.intake import Formats, ListSource, read_list
from bulk_topup.intake.filters import Filter, FilteredTable


class Rows:
    """A list in memory."""

    header_line = 1

    def __init__(self, header: list[str], rows: list[list[str]]) -> None:
        self.header = header
        self._rows = rows

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        return iter([(line, list(cells)) for line, cells in enumerate(self._rows, start=2)])


@pytest.mark.parametrize(
    ("options", "cells"),
    [
        ({"equals": "SG"}, {"SG": True, " SG ": True, "sg": False, "": False}),
        ({"equals": ["SG", "GB"]}, {"SG": True, "GB": True, "FR": False}),
        ({"equals": ""}, {"": True, " ": True, "SG": False}),
        ({"not_equals": "SG"}, {"SG": False, "": True, "GB": True}),
        ({"not_equals": ["SG", "GB"]}, {"GB": False, "FR": True}),
        ({"blank": True}, {"": True, " ": True, "x": False}),
        ({"blank": False}, {"": False, " ": False, "x": True}),
    ],
)
def test_a_filter_matches_a_cell(options: dict[str, object], cells: dict[str, bool]) -> None:
    filter_ = Filter.model_validate({"column": "Country", **options})
    assert {cell: filter_.matches(cell) for cell in cells} == cells


@pytest.mark.parametrize("options", [{}, {"equals": "a", "blank": True}, {"not_equals": "a", "equals": "b"}])
def test_a_filter_without_a_condition_or_with_two_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="needs exactly one of"):
        Filter.model_validate({"column": "Country", **options})


@pytest.mark.parametrize("options", [{"equals": []}, {"not_equals": []}])
def test_a_filter_without_a_text_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="at least one text"):
        Filter.model_validate({"column": "Country", **options})


@pytest.mark.parametrize("options", [{"equals": "SG"}, {"not_equals": "SG"}, {"blank": True}, {"blank": False}])
@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('=IF(A2="x","SG","")', "is a formula"),
        ("#N/A", "is a spreadsheet error instead of a value"),
        (" #REF! ", "is a spreadsheet error instead of a value"),
        ("#BEZUG!", "is a spreadsheet error instead of a value"),
        ("####", "is a spreadsheet error instead of a value"),
        ("Err:502", "is a spreadsheet error instead of a value"),
        ("1.2345678901234567E+17", "scientific notation"),
    ],
)
def test_a_cell_without_a_known_value_is_unclear_for_every_filter(
    options: dict[str, object], cell: str, expected: str
) -> None:
    filter_ = Filter.model_validate({"column": "Country", **options})
    assert expected in str(filter_.row_check(cell))


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("SG", ["sg", "Sg", "S G", "S\u200bG", "ＳＧ"]),
        ("Left us", ["left us", "LEFT  US", "Left\xa0us", "Left\nus"]),
        ("Café", ["Cafe\u0301", "CAFÉ"]),
        ("5", ["05", "5.0", "5,00", "+5", "005.00"]),
        ("1000", ["1,000", "1.000", "1 000", "1'000", "1,000.00", "01000"]),
        ("TRUE", ["true", "True"]),
        ("-5", ["-5.0", "-05"]),
        ("0", ["0.0", "00"]),
    ],
)
def test_a_cell_that_resembles_a_filter_value_is_unclear(text: str, cells: list[str]) -> None:
    for options in ({"equals": text}, {"not_equals": ["other", text]}):
        filter_ = Filter.model_validate({"column": "Country", **options})
        assert [cell for cell in cells if filter_.row_check(cell) is None] == []
        assert all(
            f'resembles filter value "{text}". Make them match' in str(filter_.row_check(cell)) for cell in cells
        )
        assert filter_.row_check(text) is None
        assert filter_.row_check(f" {text}\u200b") is None


@pytest.mark.parametrize(
    ("text", "cells"),
    [("SG", ["", "MY", "SGP", "S-G"]), ("5", ["50", "55", "0.5", "-5", "5.5", "5a"]), ("1000", ["100", "10,00"])],
)
def test_a_cell_that_is_something_else_is_clear(text: str, cells: list[str]) -> None:
    assert [cell for cell in cells if Filter(column="Country", equals=text).row_check(cell)] == []


def test_a_similar_cell_is_clear_once_the_filter_has_it() -> None:
    assert Filter(column="Country", equals=("SG", "sg")).row_check("sg") is None


def test_an_unclear_row_is_neither_paid_nor_left_out_unless_another_filter_is_clear() -> None:
    filters = [Filter(column="a", equals="SG"), Filter(column="b", blank=True), Filter(column="a", not_equals="GB")]
    rows = [["SG", ""], ["sg", ""], ["#N/A", ""], ["#N/A", "x"], ["SG", "#N/A"], ["gb", ""]]
    table = FilteredTable(Rows(["a", "b"], rows), "x.csv", filters)
    assert [line for line, _ in table.rows()] == [2, 3, 4, 6]
    assert [line for line, _, _ in table.left_out()] == [5, 7]
    source = ListSource(path=Path("x.csv"))
    mapping = {"reference": "b"}
    reader = read_list(
        source, mapping=mapping, constants={}, formats=Formats(), table=table, row_checks=table.row_checks
    )
    (frame,) = reader.batches()
    problems = {
        row["line"]: [(each["column"], each["message"]) for each in row["problems"]] for row in frame.to_dicts()
    }
    assert problems[2] == []
    ((column, message),) = problems[3]
    assert (column, '"sg" resembles filter value "SG"' in message) == ("a", True)
    assert [column for column, _ in problems[4]] == ["a"]
    assert {column for column, _ in problems[6]} == {"b"}


@given(st.lists(st.lists(st.sampled_from(["", " ", "SG", "GB", "sg", "#N/A"]), max_size=3), min_size=1))
def test_every_row_is_either_paid_or_left_out_on_its_own_line(rows: list[list[str]]) -> None:
    filters = [Filter(column="a", equals="SG"), Filter(column="b", blank=False)]
    table = FilteredTable(Rows(["a", "b"], rows), "x.csv", filters)
    paid: dict[int, list[str]] = {}
    try:
        paid.update(table.rows())
    except ListError:
        assert not any(any(cell.strip() for cell in cells) for cells in paid.values())
    left_out = {line: cells for line, cells, _ in table.left_out()}
    assert paid | left_out == dict(enumerate(rows, start=2))
    assert not paid.keys() & left_out.keys()
    assert sum(table.counts.values()) == len(left_out)


def test_the_first_filter_that_a_row_does_not_meet_is_counted() -> None:
    filters = [Filter(column="a", equals="SG"), Filter(column="b", blank=False)]
    table = FilteredTable(Rows(["a", "b"], [["SG", "x"], ["GB", ""], ["SG", ""], ["SG"]]), "x.csv", filters)
    assert [line for line, _ in table.rows()] == [2]
    assert table.counts == {'"a" is "SG"': 1, '"b" is not blank': 2}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (["a"], 'no column "b", but a filter needs one. Columns: "a"'),
        (["b", "b"], 'several columns "b"'),
        (["", "a"], "no column"),
    ],
)
def test_a_filter_without_exactly_one_column_is_an_error(header: list[str], expected: str) -> None:
    with pytest.raises(ListError, match=expected):
        FilteredTable(Rows(header, []), "x.csv", [Filter(column="b", blank=True)])


def test_filters_that_leave_out_every_row_are_an_error() -> None:
    table = FilteredTable(Rows(["a"], [["GB"], ["FR"]]), "x.csv", [Filter(column="a", equals="SG")])
    with pytest.raises(ListError, match=r'leave out every row of x.csv: 2 rows by filter "a" is "SG"'):
        list(table.rows())
