"""The final spending of a run, and the digest of the rows that a list pays."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest

from bulk_topup.domain.corrections import CorrectedRow, Correction
from bulk_topup.domain.earlier_payments import Comparison
from bulk_topup.domain.identity_version import RunIds
from bulk_topup.domain.price_changes import PlannedPrice, PricedItem
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.totals import Digest
from bulk_topup.ledger import LedgerStore, RetryChoice
from tests.helpers.checked_rows import CheckedRow, staged

Row = Callable[..., CheckedRow]
Start = Callable[..., Run]


def _digest(ledger: LedgerStore, rows: Sequence[CheckedRow], run_key: str = "2026-11") -> Digest:
    ledger.staging.clear()
    ledger.staging.add(staged(rows))
    return ledger.staging.digest(RunIds.of_name("payroll", run_key))


def test_sent_rows_count_with_their_actual_price_and_others_with_the_expected_cost(
    ledger: LedgerStore, row: Row, start: Start, move: Callable[..., Any]
) -> None:
    run = start(ledger, [row(1), row(2), row(3)])
    paid, failed = ledger.attempts.claim(run, 2)
    ledger.attempts.record(
        [move(paid, RowState.IN_FLIGHT, RowState.COMPLETED), move(failed, RowState.IN_FLIGHT, RowState.FAILED)]
    )
    total = ledger.spending.final(run)  # one paid for 7.41 and a fee of 0.05, one waits for 5
    assert (total.rows, total.amounts, total.costs) == (2, {"SGD": Decimal(20)}, {"USD": Decimal("12.46")})
    ledger.retries.choose(run, RetryChoice())
    total = ledger.spending.final(run)
    assert (total.rows, total.costs) == (3, {"USD": Decimal("17.46")})
    # The completed row was removed from the list, one is pending and one is new; the failed one waits for a retry.
    ledger.staging.clear()
    ledger.staging.add(staged([row(2), row(3), row(4, "2", cost=None)]))
    ledger.staging.preview(run)
    total = ledger.spending.final_with_staged(run)
    assert (total.rows, total.amounts, total.unpriced) == (3, {"SGD": Decimal(22)}, 1)
    assert total.costs == {"USD": Decimal("12.46")}


@pytest.mark.parametrize(
    ("state", "spent"),
    [
        *((RowState.IN_FLIGHT, "5"), (RowState.ACCEPTED, "7.46"), (RowState.COMPLETED, "7.46")),
        *((RowState.CONFLICT, "5"), (RowState.FAILED, None), (RowState.REVERSED, None), (RowState.PENDING, None)),
    ],
)
def test_what_a_row_counts_for_in_the_caps_of_the_next_start(
    ledger: LedgerStore, row: Row, start: Start, move: Callable[..., Any], state: RowState, spent: str | None
) -> None:
    run = start(ledger, [row(1)])
    [attempt] = ledger.attempts.claim(run, 1)
    if state is RowState.REVERSED:
        ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.COMPLETED)])
        ledger.attempts.record([move(attempt, RowState.COMPLETED, RowState.REVERSED)])
    elif state is not RowState.IN_FLIGHT:
        ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, state)])
    totals = ledger.spending.spent(run)
    if spent is None:
        assert (totals.rows, totals.amounts, totals.costs) == (0, {}, {})
    else:
        assert (totals.rows, totals.amounts, totals.costs) == (1, {"SGD": Decimal(10)}, {"USD": Decimal(spent)})


def test_each_unit_has_its_own_sum_for_rows_sent_and_rows_to_be_sent(
    ledger: LedgerStore, row: Row, start: Start, move: Callable[..., Any], facts: Callable[..., Any]
) -> None:
    prices = [("7", "0.1", "USD"), ("7", "0.2", "USD"), ("7", "0.1", "EUR"), ("8", "0.1", "USD"), *[None] * 5]
    units = ["SGD", "SGD", "SGD", "SGD", "SGD", "SGD", "PHP", "SGD", "SGD"]
    amounts = ["10", "10", "10", "10", "10", "11", "10", "10", "11"]
    costs = [("5", "USD")] * 4 + [("5", "EUR"), ("6", "USD"), *[("5", "USD")] * 3]
    rows = [
        row(who, amount, unit=unit, cost=Decimal(cost), cost_unit=cost_unit)
        for who, amount, unit, (cost, cost_unit) in zip(range(1, 10), amounts, units, costs, strict=True)
    ]
    expected = ({"SGD": Decimal(82), "PHP": Decimal(10)}, {"USD": Decimal(41), "EUR": Decimal(5)})
    ledger.staging.clear()
    ledger.staging.add(staged(rows))
    ledger.staging.preview(None)
    ahead = ledger.spending.final_with_staged(None)
    assert (ahead.rows, ahead.amounts, ahead.costs) == (9, *expected)
    run = start(ledger, rows)
    planned = ledger.spending.final(run)
    assert (planned.rows, planned.amounts, planned.costs) == (9, *expected)
    for attempt, price in zip(ledger.attempts.claim(run, 9), prices, strict=True):
        known = price and facts(price=Decimal(price[0]), fee=Decimal(price[1]), price_unit=price[2])
        if known:
            ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.ACCEPTED, facts=known)])
    spent = ledger.spending.spent(run)
    assert (spent.rows, spent.amounts) == (9, expected[0])
    assert spent.costs == {"USD": Decimal("43.4"), "EUR": Decimal("12.1")}


def test_each_price_that_an_earlier_start_met_is_compared_once_for_each_planned_cost(
    ledger: LedgerStore, row: Row, start: Start, move: Callable[..., Any], facts: Callable[..., Any]
) -> None:
    run = start(ledger, [row(who) for who in range(1, 6)] + [row(6, "12"), row(7, product_id=4455), row(8)])
    known = [
        *((RowState.COMPLETED, "5", "0"), (RowState.ACCEPTED, "5", "0"), (RowState.ACCEPTED, "6", "0")),
        *((RowState.COMPLETED, "5", "0.5"), (RowState.FAILED, "9", "0"), (RowState.ACCEPTED, "5", "0")),
        (RowState.COMPLETED, "9", "0"),
    ]
    for attempt, (state, price, fee) in zip(ledger.attempts.claim(run, 7), known, strict=True):
        stated = facts(price=Decimal(price), fee=Decimal(fee))
        ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, state, facts=stated)])
    met = [(each.attempt.cost, each.price, each.fee) for each in ledger.spending.actual_prices(run)]
    assert sorted(met) == [
        (Decimal(5), Decimal(5), Decimal(0)),
        (Decimal(5), Decimal(5), Decimal("0.5")),
        (Decimal(5), Decimal(6), Decimal(0)),
        (Decimal(6), Decimal(5), Decimal(0)),
    ]


def test_the_expected_cost_of_pending_rows_is_that_of_rows_of_the_list_that_are_not_sent(
    ledger: LedgerStore, row: Row, start: Start
) -> None:
    start(ledger, [row(1, cost=Decimal(100))], run_key="other")
    rows = [
        *(row(2, cost=Decimal(1)), row(3, cost=Decimal(2)), row(4, cost=Decimal(4)), row(5, cost=Decimal(4))),
        *(row(6, cost=Decimal(8), cost_unit="EUR"), row(7, cost=None), row(8, refused="No.", cost=Decimal(16))),
    ]
    run = start(ledger, rows)
    [sent] = ledger.attempts.claim(run, 1)
    assert sent.cost == 1
    start(ledger, [rows[0], *rows[2:]])
    assert ledger.spending.pending_costs(run) == {"USD": Decimal(8), "EUR": Decimal(8)}


def test_a_list_that_is_added_counts_beside_the_rows_of_the_others_that_are_sent_or_pending(
    ledger: LedgerStore, row: Row, start: Start, bring: Callable[..., Any]
) -> None:
    """The first row is completed, the second waits, and the third waited until its list no longer had it."""
    run = start(ledger, [row(1)])
    bring(run, RowState.COMPLETED)
    for rows in ([row(1), row(2), row(3)], [row(1), row(2)]):
        start(ledger, rows)
    ledger.staging.clear()
    ledger.staging.add(staged([row(4), row(5, "20")]))
    ledger.staging.preview(run, comparison=Comparison(runs=(), add=True))
    total = ledger.spending.final_with_staged(run)
    assert (total.rows, total.amounts) == (4, {"SGD": Decimal(50)})
    assert total.costs == {"USD": Decimal("7.46") + Decimal(5) + Decimal(5) + Decimal(10)}


def test_prices_in_conflict_are_those_of_rows_in_conflict_alone_each_once(
    ledger: LedgerStore, row: Row, start: Start, move: Callable[..., Any], facts: Callable[..., Any]
) -> None:
    run = start(ledger, [row(who) for who in range(1, 8)])
    known = [
        *((RowState.CONFLICT, "9", "0"), (RowState.CONFLICT, "9", "0"), (RowState.CONFLICT, "9", "1")),
        *((RowState.COMPLETED, "7", "0"), (RowState.ACCEPTED, "6", "0"), (RowState.FAILED, "5", "0")),
    ]
    *priced, unpriced = ledger.attempts.claim(run, 7)
    for attempt, (state, price, fee) in zip(priced, known, strict=True):
        stated = facts(price=Decimal(price), fee=Decimal(fee))
        ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, state, facts=stated)])
    ledger.attempts.record([move(unpriced, RowState.IN_FLIGHT, RowState.CONFLICT, facts=None)])
    found = ledger.spending.prices_in_conflict(run)
    assert [(each.price, each.fee) for each in found] == [(Decimal(9), Decimal(0)), (Decimal(9), Decimal(1))]


@pytest.mark.parametrize(
    ("state", "rows"),
    [(RowState.FAILED, 1), (RowState.REVERSED, 0), (RowState.COMPLETED, 1), (RowState.IN_FLIGHT, 1)],
)
def test_a_corrected_row_counts_once_and_is_sent_again_only_if_it_failed(
    ledger: LedgerStore, row: Row, start: Start, bring: Callable[..., Any], state: RowState, rows: int
) -> None:
    """It counts as sent, or as to be sent, or not at all."""
    run = start(ledger, [row(1)])
    bring(run, RowState.COMPLETED if state is RowState.REVERSED else state)
    if state is RowState.REVERSED:
        ledger.file.fetch_all("UPDATE rows SET state = 'reversed' RETURNING id")
    change = Correction(line=3, columns=("phone", "amount"), before=("+6595123001", "10"), after=("+6595123001", "12"))
    ledger.staging.clear()
    ledger.staging.add(staged([row(1, "12")]))
    ledger.corrections.stage([CorrectedRow(line=3, kept=None, change=change, note="")])
    ledger.staging.preview(run)
    assert ledger.spending.final_with_staged(run).rows == rows


def test_equal_rows_have_the_same_digest_sent_or_not(
    ledger: LedgerStore, row: Row, start: Start, move: Callable[..., Any]
) -> None:
    rows = [row(1), row(2), row(3, refused="No.")]
    before = _digest(ledger, rows)
    assert before.total.rows == 2
    run = start(ledger, rows)
    [attempt, _] = ledger.attempts.claim(run, 2)
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.COMPLETED)])
    assert _digest(ledger, rows) == before


@pytest.mark.parametrize(
    ("changes", "requests", "costs"),
    [
        ({"identity": "party:9"}, False, True),
        ({"request": b"{}"}, False, True),
        ({"cost": Decimal("5.01")}, True, False),
        ({"cost": None}, True, False),
        ({"cost_unit": "EUR"}, True, False),
    ],
)
def test_any_change_in_one_row_changes_the_digest(
    ledger: LedgerStore, row: Row, changes: dict[str, Any], requests: bool, costs: bool
) -> None:
    before = _digest(ledger, [row(1), row(2)])
    after = _digest(ledger, [row(1), row(2, **changes)])
    assert (before.requests == after.requests, before.costs == after.costs) == (requests, costs)


def test_another_run_key_gives_another_digest(ledger: LedgerStore, row: Row) -> None:
    assert _digest(ledger, [row(1)]).requests != _digest(ledger, [row(1)], "2026-12").requests


def test_the_least_planned_cost_of_a_product_is_compared_as_a_number(
    ledger: LedgerStore, row: Callable[..., CheckedRow], start: Callable[..., Run]
) -> None:
    costs = ("10.00", "9.50", "100")
    run = start(ledger, [row(who, cost=Decimal(cost)) for who, cost in enumerate(costs)])
    assert ledger.spending.planned_prices(run) == {PricedItem(6418, "10", "SGD"): PlannedPrice("9.5", "USD")}
