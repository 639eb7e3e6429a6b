"""Problems of a row: their one stored form, and the position of a row in messages."""

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.problem_kinds import ProblemKind
from bulk_topup.domain.problems import Problem, decode_problems, encode_problems, position
from bulk_topup.plan.json_expressions import problem_entries, problem_entry

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
KINDS = st.sampled_from(ProblemKind)
PROBLEMS = st.lists(
    st.builds(
        Problem,
        column=TEXTS,
        message=TEXTS,
        may_be_paid=st.booleans(),
        kind=KINDS,
        instead=st.none() | TEXTS,
    ),
    max_size=3,
)


@pytest.mark.parametrize(
    ("stored", "problems"),
    [
        ("[]", ()),
        ('[["phone", "Wrong."]]', (Problem(column="phone", message="Wrong."),)),
        ('[["","Repeats line 2.",1]]', (Problem(column="", message="Repeats line 2.", may_be_paid=True),)),
        (
            '[["phone", "Wrong."], ["", "é", 1]]',
            (Problem(column="phone", message="Wrong."), Problem(column="", message="é", may_be_paid=True)),
        ),
    ],
)
def test_problems_of_earlier_ledgers_are_read(stored: str, problems: tuple[Problem, ...]) -> None:
    assert decode_problems(stored) == decode_problems(json.loads(stored)) == problems


def test_the_stored_form_is_stable() -> None:
    problems = [Problem(column="phone", message='"1" is é.'), Problem(column="", message="Repeats.", may_be_paid=True)]
    assert encode_problems(problems) == '[["phone", "\\"1\\" is é."], ["", "Repeats.", 1]]'
    assert encode_problems([]) == "[]"


@given(PROBLEMS)
def test_problems_survive_the_stored_form(problems: list[Problem]) -> None:
    assert decode_problems(encode_problems(problems)) == tuple(problems)
    assert f"[{problem_entries(problems) or ''}]" == encode_problems(problems)


@given(TEXTS, TEXTS, KINDS, st.none() | TEXTS)
def test_the_expression_writes_the_same_bytes(
    column: str, message: str, kind: ProblemKind, instead: str | None
) -> None:
    values = {"column": column, "message": message, "kind": kind.value, "instead": instead}
    frame = pl.DataFrame([values], schema=dict.fromkeys(values, pl.String))
    entry = frame.select(problem_entry(*map(pl.col, values))).item()
    assert f"[{entry}]" == encode_problems([Problem(column=column, message=message, kind=kind, instead=instead)])


def test_a_kind_is_stored_only_where_nothing_else_means_it() -> None:
    before = [Problem(column="", message="a", may_be_paid=True), Problem(column="", message="b", is_nothing_due=True)]
    assert encode_problems(before) == '[["", "a", 1], ["", "b", 0]]'
    assert [problem.kind for problem in before] == [ProblemKind.DUPLICATE, ProblemKind.NOTHING_DUE]
    velocity = Problem(column="", message="a", may_be_paid=True, kind=ProblemKind.VELOCITY)
    number = Problem(column="", message="c", kind=ProblemKind.NUMBER, instead="+65")
    assert encode_problems([velocity, number]) == '[["", "a", 1, "velocity"], ["", "c", null, "number", "+65"]]'


@pytest.mark.parametrize(
    ("name", "place"),
    [("pay.csv", "pay.csv line 18"), ("pay.xlsx", "pay.xlsx row 18"), ("Pay.XLSM", "Pay.XLSM row 18")],
)
def test_a_position_is_a_line_of_a_text_file_and_a_row_of_a_workbook(name: str, place: str) -> None:
    assert position(name, 18) == place
