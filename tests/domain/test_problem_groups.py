"""Problems of a list in groups: one message for one cause, with the places of its rows."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.problem_groups import group_problems
from bulk_topup.domain.problem_kinds import ProblemKind
from bulk_topup.domain.problems import Problem


def _number(cell: str, instead: str | None = None) -> Problem:
    message = f'"{cell}" is not an E.164 number. Write + and digits only.'
    return Problem(column="phone", message=message, kind=ProblemKind.NUMBER, instead=instead)


NO_PRODUCT = Problem(column="", message="No product. Add --product ID.", kind=ProblemKind.NO_PRODUCT)


def test_many_rows_of_one_kind_are_one_group_with_their_places() -> None:
    rows = [(line, [_number(f"06{line}", "+65" if line == 3 else None)]) for line in range(2, 184)]
    [group] = group_problems(rows, 300)
    assert (group.kind, group.column, group.rows) == (ProblemKind.NUMBER, "phone", 182)
    assert group.message == '"…" is not an E.164 number. Write + and digits only.'
    assert group.lines == tuple(range(2, 184))
    assert [(place.line, place.cell, place.instead) for place in group.places] == [
        (2, '"062"', None),
        (3, '"063"', "+65"),
        (4, '"064"', None),
    ]
    assert not group.is_whole_list


def test_a_cause_of_every_row_is_about_the_list() -> None:
    rows = [(line, [NO_PRODUCT]) for line in range(2, 5)]
    assert [group.is_whole_list for group in group_problems(rows, 3)] == [True]
    assert [group.is_whole_list for group in group_problems(rows, 4)] == [False]
    assert [group.is_whole_list for group in group_problems([(2, [NO_PRODUCT])], 1)] == [False]  # it may be the row's


def test_rows_with_different_cells_are_never_about_the_list() -> None:
    [group] = group_problems([(2, [_number("1")]), (3, [_number("2")])], 2)
    assert not group.is_whole_list


def test_one_row_keeps_its_own_message() -> None:
    [group] = group_problems([(2, [_number("0659")])], 9)
    assert group.message.startswith('"0659" is not')


def test_a_product_id_tells_groups_apart() -> None:
    texts = ["Product 77 is not available.", "Product 78 is not available."]
    rows = [(line, [Problem(column="", message=text)]) for line, text in enumerate(texts, start=2)]
    assert len(group_problems(rows, 2)) == 2


def _all_lines(rows: Iterable[tuple[int, list[Problem]]]) -> set[tuple[int, ProblemKind]]:
    return {(line, problem.kind) for line, problems in rows for problem in problems}


@given(st.lists(st.lists(st.sampled_from([NO_PRODUCT, _number("1"), _number("2")]), max_size=3), max_size=20))
def test_every_problem_is_in_a_group_and_larger_groups_come_first(found: list[list[Problem]]) -> None:
    rows = list(enumerate(found, start=2))
    groups = group_problems(rows, len(rows))
    assert {(line, group.kind) for group in groups for line in group.lines} == _all_lines(rows)
    assert [group.rows for group in groups] == sorted((group.rows for group in groups), reverse=True)
    assert all(len(set(group.lines)) == len(group.lines) for group in groups)
