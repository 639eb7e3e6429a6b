"""The velocity limit: counted over all runs of the ledger, in the plan and when a row is sent."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_topup.domain.earlier_payments import Comparison
from bulk_topup.domain.guards import Guards, Velocity
from bulk_topup.domain.not_the_same import NotTheSame
from bulk_topup.domain.run import Run
from bulk_topup.domain.sameness import account_key, mobile_key
from bulk_topup.domain.states import RowState
from bulk_topup.domain.totals import MergePreview
from bulk_topup.ledger import LedgerStore
from tests.helpers.checked_rows import CheckedRow, staged

ONCE = Velocity(days=20, payments=1)
Row = Callable[..., CheckedRow]
Start = Callable[..., Run]
PAID = (RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.COMPLETED, RowState.CONFLICT)


def _send(ledger: LedgerStore, run: Run, move: Callable[..., Any], state: RowState) -> None:
    for attempt in ledger.attempts.claim(run, 100):
        if state is RowState.REVERSED:
            ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.COMPLETED)])
            ledger.attempts.record([move(attempt, RowState.COMPLETED, state)])
        elif state is not RowState.IN_FLIGHT:
            ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, state)])


def _plan(
    ledger: LedgerStore, rows: Sequence[CheckedRow], velocity: Velocity, run: Run | None = None
) -> tuple[MergePreview, dict[int, str]]:
    ledger.staging.clear()
    ledger.staging.add(staged(rows))
    difference = ledger.staging.preview(run, velocity)
    return difference, {line: problems[0].message for line, problems in ledger.staging.refusals(100)}


@pytest.mark.parametrize("state", PAID)
def test_a_row_is_refused_for_a_payment_of_another_run_with_its_line(
    ledger: LedgerStore, row: Row, start: Start, move: Callable[..., Any], state: RowState
) -> None:
    _send(ledger, start(ledger, [row(1), row(2)]), move, state)
    difference, refused = _plan(ledger, [row(2, line=7), row(3)], ONCE)
    assert (difference.velocity_refused, difference.new) == (1, 1)
    assert list(refused) == [7]
    assert refused[7].startswith(
        "+6595123002 was already sent 10.00 SGD on 2026-11-01 by run payroll/2026-11, line 4. "
    )
    [(_, [problem])] = ledger.staging.refusals(10)
    assert problem.may_be_paid


@pytest.mark.parametrize("state", [RowState.FAILED, RowState.REVERSED])
def test_failed_and_reversed_rows_do_not_count(
    ledger: LedgerStore, row: Row, start: Start, move: Callable[..., Any], state: RowState
) -> None:
    _send(ledger, start(ledger, [row(1)]), move, state)
    assert _plan(ledger, [row(1)], ONCE)[0].velocity_refused == 0


def test_a_payment_counts_until_its_days_are_over(
    ledger: LedgerStore, row: Row, start: Start, move: Callable[..., Any], clock: Any
) -> None:
    _send(ledger, start(ledger, [row(1)]), move, RowState.COMPLETED)
    clock.seconds += timedelta(days=20).total_seconds()
    assert _plan(ledger, [row(1)], ONCE)[0].velocity_refused == 1
    clock.seconds += 1
    assert _plan(ledger, [row(1)], ONCE)[0].velocity_refused == 0


def test_a_row_of_a_resumed_run_is_not_counted_against_itself(
    ledger: LedgerStore, row: Row, start: Start, move: Callable[..., Any]
) -> None:
    run = start(ledger, [row(1)])
    _send(ledger, run, move, RowState.COMPLETED)
    difference, _ = _plan(ledger, [row(1), row(2)], ONCE, run)
    assert (difference.velocity_refused, difference.completed, difference.new) == (0, 1, 1)


def test_earlier_rows_of_the_list_count(ledger: LedgerStore, row: Row) -> None:
    rows = [row(1, line=line, identity=f"reference:{line}") for line in (4, 2, 3)]
    _, refused = _plan(ledger, rows, Velocity(days=20, payments=2))
    assert list(refused) == [4]
    assert "was already sent 10.00 SGD by line 3 of this list; 10.00 SGD by line 2 of this list. " in refused[4]


def test_amounts_are_summed_over_runs_and_a_smaller_row_still_fits(
    ledger: LedgerStore, row: Row, start: Start, move: Callable[..., Any]
) -> None:
    _send(ledger, start(ledger, [row(1, "10")]), move, RowState.COMPLETED)
    rows = [row(1, amount, line=line, identity=f"reference:{line}") for line, amount in ((2, "20.01"), (3, "20"))]
    _, refused = _plan(ledger, rows, Velocity(days=20, amounts={"SGD": Decimal(30)}))
    assert list(refused) == [2]
    assert "With this row it would be 30.01 SGD in 20 days. The velocity limit is 30.00 SGD." in refused[2]


def test_amounts_in_a_currency_that_the_limit_does_not_name_are_refused(ledger: LedgerStore, row: Row) -> None:
    _, refused = _plan(ledger, [row(1)], Velocity(days=20, amounts={"EUR": Decimal(30)}))
    assert "does not name SGD" in refused[3]


def test_account_numbers_are_compared_at_one_operator_only(
    ledger: LedgerStore, row: Row, start: Start, move: Callable[..., Any]
) -> None:
    def bill(operator: int) -> CheckedRow:
        request = b'{"product_id":9,"credit_party_identifier":{"account_number":"4711"}}'
        return row(1, credit_party="4711", request=request, operator_id=operator, party_key=account_key("4711"))

    _send(ledger, start(ledger, [bill(1)]), move, RowState.COMPLETED)
    assert _plan(ledger, [bill(2)], ONCE)[0].velocity_refused == 0
    assert _plan(ledger, [bill(1)], ONCE)[0].velocity_refused == 1


SPELLINGS = [
    (("095 325", account_key("095 325")), ("95325", account_key("95325"))),
    (("+541123456789", mobile_key("+541123456789")), ("+5491123456789", mobile_key("+5491123456789"))),
]


@pytest.mark.parametrize("spellings", SPELLINGS)
def test_spellings_are_counted_together_in_a_plan_in_a_list_and_when_a_row_is_sent(
    ledger: LedgerStore, row: Row, start: Start, move: Callable[..., Any], spellings: tuple[tuple[str, str], ...]
) -> None:
    first, second = (
        row(1, line=line, identity=f"reference:{line}", credit_party=party, party_key=key)
        for line, (party, key) in enumerate(spellings, 2)
    )
    difference, _ = _plan(ledger, [first, second], ONCE)
    assert (difference.new, difference.possible_duplicates) == (1, 1)
    limited = start(ledger, [second], run_key="other", guards=Guards(velocity=ONCE).model_dump_json())
    _send(ledger, start(ledger, [first]), move, RowState.COMPLETED)
    _, refused = _plan(ledger, [second], ONCE)
    spelled = f"{spellings[1][0]} was already sent 10.00 SGD as {spellings[0][0]} on 2026-11-01 by run payroll/2026-11"
    assert refused[3].startswith(spelled)
    assert ledger.attempts.claim(limited, 9) == []
    decided = NotTheSame(lines=frozenset({3}), reason="two meters", by="ann")
    ledger.staging.clear()
    ledger.staging.add(staged([first, second]))
    # A second payment to the first one exceeds the limit, and the other beneficiary is not limited by it.
    assert ledger.staging.preview(None, ONCE, Comparison(runs=(), not_the_same=decided)).velocity_refused == 1
    assert [line for line, _ in ledger.staging.refusals(9)] == [2]
    ledger.staging.merge(
        job="next", run_key="1", environment="sandbox", list_path="l.csv", columns=(), not_the_same=decided
    )
    start(ledger, [second], run_key="other", guards=Guards(velocity=ONCE).model_dump_json())
    assert len(ledger.attempts.claim(limited, 9)) == 1


def test_rows_without_a_credit_party_are_never_refused(ledger: LedgerStore, row: Row) -> None:
    rows = [row(who, credit_party=None) for who in (1, 2)]
    assert _plan(ledger, rows, ONCE)[0].velocity_refused == 0


def test_of_two_runs_that_both_passed_the_plan_the_second_is_refused_when_it_sends(
    ledger: LedgerStore, path: Path, row: Row, clock: Any
) -> None:
    with LedgerStore(path, clock=clock) as other:
        runs = []
        for each, key, amount in ((ledger, "a", "10"), (other, "b", "11")):
            each.staging.clear()
            each.staging.add(staged([row(who, amount) for who in range(5)]))
            assert each.staging.preview(None, ONCE).velocity_refused == 0
            runs.append(
                each.staging.merge(
                    job="payroll",
                    run_key=key,
                    environment="sandbox",
                    list_path="payroll.csv",
                    columns=("phone", "amount"),
                    guards=Guards(velocity=ONCE).model_dump_json(),
                )
            )
        first, second = runs
        assert len(ledger.attempts.claim(first, 3)) == 3
        # The first two rows of the other run are refused by now, so the next two are tried, of which one is sent.
        assert len(other.attempts.claim(second, 2)) == 1
        assert len(ledger.attempts.claim(first, 5)) == 1
        assert other.attempts.claim(second, 5) == []
        states = {run.run_key: [outcome.state for outcome in ledger.outcomes.rows(run)] for run in runs}
        refused, sent = RowState.REFUSED, RowState.IN_FLIGHT
        assert states == {"a": [sent, sent, sent, refused, sent], "b": [refused, refused, refused, sent, refused]}
        outcome = next(ledger.outcomes.rows(second))
        assert "by run payroll/a, line 2" in outcome.problems[0].message
        assert outcome.attempt == 0


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 30)), max_size=12),
    st.integers(1, 3),
    st.integers(10, 60),
)
def test_no_beneficiary_exceeds_the_limit_in_any_list(
    row: Row, tmp_path_factory: pytest.TempPathFactory, pays: list[tuple[int, int]], payments: int, most: int
) -> None:
    velocity = Velocity(days=20, payments=payments, amounts={"SGD": Decimal(most)})
    rows = [
        row(who, str(amount), line=line, identity=f"reference:{line}") for line, (who, amount) in enumerate(pays, 2)
    ]
    with LedgerStore(tmp_path_factory.mktemp("velocity") / "ledger.db") as ledger:
        _, refused = _plan(ledger, rows, velocity)
    for who in range(3):
        paid = [amount for line, (paid_to, amount) in enumerate(pays, 2) if paid_to == who and line not in refused]
        assert len(paid) <= payments
        assert sum(paid) <= most
