"""Which rows a job's filters leave out, and that no line of a list is lost by it."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bulk_topup.errors import ListError
from bulk_topup.filters import Filter, FilteredTable


class Rows:
    """A list in memory."""

    header_line = 1

    def __init__(self, header: list[str], rows: list[list[str]]) -> None:
        self.header = header
        self._rows = rows

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        return iter([(line, list(cells)) for line, cells in enumerate(self._rows, start=2)])


@pytest.mark.parametrize(
    ("stated", "cells"),
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
def test_a_filter_takes_a_cell(stated: dict[str, object], cells: dict[str, bool]) -> None:
    filter_ = Filter.model_validate({"column": "Country", **stated})
    assert {cell: filter_.takes(cell) for cell in cells} == cells


@pytest.mark.parametrize("stated", [{}, {"equals": "a", "blank": True}, {"not_equals": "a", "equals": "b"}])
def test_a_filter_that_asks_nothing_or_two_things_is_refused(stated: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="states one of"):
        Filter.model_validate({"column": "Country", **stated})


@given(st.lists(st.lists(st.sampled_from(["", " ", "SG", "GB"]), max_size=3), min_size=1))
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
    ("header", "told"),
    [(["a"], 'no column "b".* are a'), (["b", "b"], 'several columns "b"'), (["", "a"], "no column")],
)
def test_a_filter_of_no_clear_column_is_refused(header: list[str], told: str) -> None:
    with pytest.raises(ListError, match=told):
        FilteredTable(Rows(header, []), "x.csv", [Filter(column="b", blank=True)])


def test_filters_that_leave_nothing_are_told_instead_of_an_empty_list() -> None:
    table = FilteredTable(Rows(["a"], [["GB"], ["FR"]]), "x.csv", [Filter(column="a", equals="SG")])
    with pytest.raises(ListError, match=r'leave out every row of x.csv: 2 rows, as not "a" is "SG"'):
        list(table.rows())
