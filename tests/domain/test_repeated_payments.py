"""Rows and payments that they may repeat: the most rows, in any order, the best payments first."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.repeated_payments import ListedRow, Payment, match_payments
from bulk_topup.domain.sameness import account_key, is_near, mobile_key

X = mobile_key("+6595123001")
#: Keys of one near part: an account with and without bills, in two spellings.
KEYS = [account_key("12"), account_key("0012"), account_key("12", "", "b1"), account_key("12", "", "b2")]
DIFFERENT = frozenset({KEYS[0], KEYS[1]})

row_lists = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from([1, 2]), st.booleans()), min_size=1, max_size=6)
payment_lists = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from([1, 2]), st.booleans()), max_size=6)


def _are_different(own: str, other: str, is_named: bool) -> bool:
    return is_named or {own, other} == DIFFERENT


def _may_repeat(row: ListedRow, payment: Payment, *, any_product: bool) -> bool:
    if row.party_key != payment.party_key:
        if not is_near(row.party_key, payment.party_key):
            return False
        if _are_different(row.party_key, payment.party_key, row.is_named):
            return False
    return any_product or payment.any_product or row.product_id == payment.product_id


def _most(edges: list[list[int]]) -> int:
    """Return the size of a maximum matching by trying every choice."""
    if not edges:
        return 0
    rest = [list(other) for other in edges[1:]]
    best = _most(rest)
    for taken in edges[0]:
        best = max(best, 1 + _most([[each for each in other if each != taken] for other in rest]))
    return best


@given(row_lists, payment_lists, st.booleans())
def test_no_choice_of_payments_refuses_more_rows(
    listed: list[tuple[str, int, bool]], paid: list[tuple[str, int, bool]], any_product: bool
) -> None:
    rows = [ListedRow(line, *values) for line, values in enumerate(listed, 2)]
    payments = [Payment(id_, None, *values) for id_, values in enumerate(paid, 100)]
    matches = match_payments(rows, payments, any_product=any_product, are_different=_are_different)
    edges = [
        [payment.row_id for payment in payments if _may_repeat(row, payment, any_product=any_product)] for row in rows
    ]
    assert len(matches) == _most(edges)
    assert len({match.key for match in matches}) == len({match.row_id for match in matches}) == len(matches)
    by_line = dict(zip((row.key for row in rows), edges, strict=True))
    assert all(match.row_id in by_line[match.key] for match in matches)


@pytest.mark.parametrize("order", [*permutations([(X, 6430), (X, 6418)])])
@pytest.mark.parametrize("is_first_chosen", [True, False])
def test_an_equal_product_is_matched_before_any_product(
    order: tuple[tuple[str, int], ...], is_first_chosen: bool
) -> None:
    rows = [ListedRow(line, *values) for line, values in enumerate(order, 2)]
    payments = [Payment(1, None, X, 6418, True), Payment(2, None, X, 6430)][:: 1 if is_first_chosen else -1]
    matches = match_payments(rows, payments, any_product=False, are_different=_are_different)
    paid = {match.key: match.row_id for match in matches}
    assert paid == {row.key: 1 if row.product_id == 6418 else 2 for row in rows}


def test_an_equal_party_is_matched_before_a_near_one() -> None:
    rows = [ListedRow(2, KEYS[3], 1), ListedRow(3, KEYS[0], 1)]
    matches = match_payments(rows, [Payment(1, 7, KEYS[0], 1)], any_product=True, are_different=_are_different)
    assert [(match.key, match.row_id, match.attempt, match.is_equal) for match in matches] == [(3, 1, 7, True)]
