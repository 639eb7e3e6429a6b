"""The final spending of a run, and the digest of the rows that a list pays."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest

from bulk_topup.domain.identity_version import RunIds
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
