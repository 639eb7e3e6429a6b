from itertools import chain

import pytest
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Example, Operator

from mutants.operators import DottedExceptionReplacer
from mutants.removed_calls import RemovedCalls
from mutants.sql_conditions import SqlConditions

OWN: list[type[Operator]] = [DottedExceptionReplacer, RemovedCalls, SqlConditions]


@pytest.mark.parametrize(
    ("operator", "example"), list(chain.from_iterable([(own, each) for each in own.examples()] for own in OWN))
)
def test_what_an_operator_says_it_does_is_done(operator: type[Operator], example: Example) -> None:
    changed = mutate_code(example.pre_mutation_code, operator(), example.occurrence)
    assert changed == example.post_mutation_code


@pytest.mark.parametrize(
    "code",
    [
        'def f():\n    """Rows that are IN the list AND paid."""\n',  # a docstring
        "A = 'CREATE TABLE a (b INTEGER CHECK (b IS NOT NULL AND b > 1))'\n",  # tested with the migrations
        "A = 'a = b'\n",  # no SQL
        "A = 'UPDATE rows SET state = 1, note = 2'\n",  # other signs there are no SQL
        "A = 'INSERT OR IGNORE INTO a SELECT 1'\n",
    ],
)
def test_texts_that_are_no_conditions_stay(code: str) -> None:
    assert mutate_code(code, SqlConditions(), 0) is None


@pytest.mark.parametrize(
    ("condition", "changed"),
    [
        ("a IS NOT b", "a IS b"),
        ("a IS b", "a IS NOT b"),
        ("a NOT IN (1)", "a IN (1)"),
        ("a IN (1)", "a NOT IN (1)"),
        ("NOT a", "a"),
        ("a < b", "a <= b"),
        ("a <> b", "a = b"),
        ("max(a)", "min(a)"),
    ],
)
def test_conditions_get_another_meaning(condition: str, changed: str) -> None:
    assert mutate_code(f"A = 'SELECT 1 WHERE {condition}'", SqlConditions(), 0) == f"A = 'SELECT 1 WHERE {changed}'"


def test_the_value_that_a_call_gives_is_kept() -> None:
    assert mutate_code("def f():\n    a = g()\n    return h(a)\n", RemovedCalls(), 0) is None
