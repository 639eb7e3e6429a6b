"""Rows that other runs have paid: found in the plan, and when they are claimed by two runs at once."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk_topup.domain.attempt import MAY_ARRIVE
from bulk_topup.domain.corrections import CorrectedRow, Correction
from bulk_topup.domain.earlier_payments import ComparedRun, Comparison, ComparisonPolicy, EarlierPayments
from bulk_topup.domain.run import Run
from bulk_topup.domain.sameness import account_key, mobile_key
from bulk_topup.domain.states import RowState
from bulk_topup.ledger import LedgerStore, RetryChoice
from bulk_topup.ledger.payment_search import find_in_list
from tests.helpers.checked_rows import CheckedRow, staged

Row = Callable[..., CheckedRow]
PAID = (RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.COMPLETED, RowState.CONFLICT)
POLICY = ComparisonPolicy().as_json()


def _merge(ledger: LedgerStore, rows: Sequence[CheckedRow], key: str, **more: Any) -> Run:
    ledger.staging.clear()
    ledger.staging.add(staged(rows))
    _compare(ledger, more.pop("pay_again_all", ""))
    values = {"environment": "sandbox", "list_path": "a.csv", "columns": ("phone", "amount"), "comparison": POLICY}
    return ledger.staging.merge(job="payroll", run_key=key, **{**values, **more})


def _compare(
    ledger: LedgerStore, pay_again: str = "", *, since: Any = None, any_product: bool = False
) -> EarlierPayments:
    runs = tuple(ComparedRun(run=run, since=since) for run in ledger.runs.all())
    comparison = Comparison(runs=runs, pay_again=pay_again, any_product=any_product)
    return ledger.staging.preview(None, None, comparison).earlier


def _plan(ledger: LedgerStore, rows: Sequence[CheckedRow], **more: Any) -> tuple[EarlierPayments, list[int]]:
    ledger.staging.clear()
    ledger.staging.add(staged(rows))
    found = _compare(ledger, **more)
    return found, [line for line, _ in ledger.staging.refusals(100)]


def _send(ledger: LedgerStore, run: Run, move: Callable[..., Any], state: RowState = RowState.COMPLETED) -> None:
    for attempt in ledger.attempts.claim(run, 100):
        if state is RowState.REVERSED:
            ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.COMPLETED)])
            ledger.attempts.record([move(attempt, RowState.COMPLETED, state)])
        elif state is not RowState.IN_FLIGHT:
            ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, state)])


@pytest.mark.parametrize("state", PAID)
def test_a_row_that_another_run_may_have_paid_is_refused(
    ledger: LedgerStore, row: Row, move: Callable[..., Any], state: RowState
) -> None:
    _send(ledger, _merge(ledger, [row(1), row(2)], "a"), move, state)
    found, lines = _plan(ledger, [row(2, line=7), *(row(who) for who in range(10, 14))])
    assert (found.refused, found.is_same_list, lines) == (1, False, [7])
    assert [(run.run, run.rows) for run in found.runs] == [("payroll/a", 1)]
    [(_, [problem])] = ledger.staging.refusals(10)
    assert problem.may_be_paid
    assert "run payroll/a, line 4, sent 10.00 SGD (product 6418) for +6595123002 on 2026-11-01." in problem.message


@pytest.mark.parametrize("counts_all", [False, True])
def test_of_many_payments_that_the_only_row_of_its_kind_repeats_one_is_read(
    ledger: LedgerStore, row: Row, move: Callable[..., Any], counts_all: bool
) -> None:
    for key in "ab":
        _send(ledger, _merge(ledger, [row(1), row(2)], key, pay_again_all="again"), move)
    _plan(ledger, [row(9)])  # chooses the runs
    ledger.staging.clear()
    ledger.staging.add(staged([row(1), row(2, line=7), row(2, line=8, identity="party:2#2")]))
    values = {"run_id": None, "is_claim": False, "absent_since": "2026-11-01"}
    with ledger.staging.file.snapshot() as connection:
        found = list(find_in_list(connection, values, (), counts_all=counts_all))
    read = {tuple(each.key for each in group.rows): sum(group.counts.values()) or None for group in found}
    assert read == {(3,): 2 if counts_all else None, (7, 8): 2}
    assert {len(group.payments) for group in found} == {1, 2}


@pytest.mark.parametrize("is_corrected", [False, True])
def test_a_row_that_failed_by_proof_of_absence_counts_as_it_was_sent_for_a_day(
    ledger: LedgerStore, row: Row, move: Callable[..., Any], clock: Any, is_corrected: bool
) -> None:
    run = _merge(ledger, [row(1)], "a")
    [attempt] = ledger.attempts.claim(run, 9)
    now = clock.now()
    ledger.absences.start(attempt, sent_at=now, due_at=now, after=RowState.FAILED, message="No.")
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.FAILED)])
    if is_corrected:
        _merge(ledger, [row(777, identity="party:1", line=3)], "a")
    listed = [row(1, line=7), *(row(who) for who in range(10, 14))]
    assert _plan(ledger, listed)[1] == [7]
    assert _plan(ledger, [row(1, "11"), *listed[1:]])[1] == [], "another amount"
    clock.seconds += MAY_ARRIVE.total_seconds()
    assert _plan(ledger, listed)[1] == []


def test_a_row_that_failed_by_proof_of_absence_counts_when_rows_are_claimed(
    ledger: LedgerStore, row: Row, move: Callable[..., Any], clock: Any
) -> None:
    run, other = _merge(ledger, [row(1)], "a"), _merge(ledger, [row(1)], "b")
    [attempt] = ledger.attempts.claim(run, 9)
    now = clock.now()
    ledger.absences.start(attempt, sent_at=now, due_at=now, after=RowState.FAILED, message="No.")
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.FAILED)])
    assert ledger.attempts.claim(other, 9) == []
    assert ledger.rows.counts(other)[RowState.REFUSED] == 1


def _correct(ledger: LedgerStore, before: CheckedRow, after: CheckedRow, key: str) -> Run:
    """Merge a list whose row is corrected."""
    columns, cells = ("phone", "amount"), [tuple(json.loads(each.cells)) for each in (before, after)]
    change = Correction(line=before.line, columns=columns, before=cells[0], after=cells[1])
    ledger.staging.clear()
    ledger.staging.add(staged([after]))
    ledger.corrections.stage([CorrectedRow(line=before.line, kept=None, change=change, note="Corrected.")])
    return ledger.staging.merge(
        job="payroll", run_key=key, environment="sandbox", list_path="a.csv", columns=columns, comparison=POLICY
    )


@pytest.mark.parametrize("same", [{}, {"identity": "reference:A"}], ids=["by number", "by reference"])
def test_a_row_that_another_run_corrected_and_paid_counts_as_its_list_said(
    ledger: LedgerStore, row: Row, move: Callable[..., Any], same: dict[str, str]
) -> None:
    wrong, right = row(1, line=3, **same), row(2, line=3, **same)
    others = [row(who) for who in range(10, 14)]
    _send(ledger, _merge(ledger, [wrong], "a"), move, RowState.FAILED)
    late = _merge(ledger, [row(1), row(2), *others], "late")
    assert _plan(ledger, [row(1, line=7), *others])[1] == []
    run = _correct(ledger, wrong, right, "a")
    assert _plan(ledger, [row(1, line=7), *others])[1] == [], "not sent"
    _send(ledger, run, move)
    assert _plan(ledger, [row(1, line=7), *others])[1] == [7]
    [(_, [problem])] = ledger.staging.refusals(10)
    assert "run payroll/a, line 3, corrected this row and sent 10.00 SGD (product 6418) for +65" in problem.message
    assert _plan(ledger, [row(1, "11", line=7), *others])[1] == []
    assert _plan(ledger, [row(1, line=7), row(2, line=8), *others])[1] == [7, 8]
    assert _plan(ledger, [row(1)])[0].is_same_list
    claimed = [*ledger.attempts.claim(late, 1), *ledger.attempts.claim(late, 100)]
    assert len(claimed) == len(others)
    assert ledger.rows.counts(late)[RowState.REFUSED] == 2
    again = _merge(ledger, [row(1, line=7)], "again", pay_again="meant so", pay_again_all="meant so")
    assert len(ledger.attempts.claim(again, 9)) == 1
    assert _plan(ledger, [row(2)])[1] == [4]


def test_a_decision_about_one_list_is_not_saved_with_another(
    ledger: LedgerStore, row: Row, move: Callable[..., Any]
) -> None:
    _send(ledger, _merge(ledger, [row(1)], "a"), move)
    _plan(ledger, [row(1)], pay_again="second bonus")
    ledger.staging.clear()
    ledger.staging.add(staged([row(2)]))
    other = ledger.staging.merge(
        job="payroll", run_key="b", environment="sandbox", list_path="b.csv", columns=(), pay_again="second bonus"
    )
    assert other.paid_again == ()


@pytest.mark.parametrize("is_claimed", [False, True])
def test_an_absence_of_a_beneficiary_that_is_not_in_the_list_hides_no_payment(
    ledger: LedgerStore, row: Row, move: Callable[..., Any], clock: Any, is_claimed: bool
) -> None:
    run = _merge(ledger, [row(1)], "a")
    [attempt] = ledger.attempts.claim(run, 9)
    now = clock.now()
    ledger.absences.start(attempt, sent_at=now, due_at=now, after=RowState.FAILED, message="No.")
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.FAILED)])
    listed = [row(5, line=7), *(row(who) for who in range(10, 14))]
    claimed = _merge(ledger, listed, "c")
    _send(ledger, _merge(ledger, [row(1), row(5)], "b", pay_again_all="again", pay_again="again"), move)
    if is_claimed:
        assert len(ledger.attempts.claim(claimed, 9)) == 4
        assert ledger.rows.counts(claimed)[RowState.REFUSED] == 1
    else:
        assert _plan(ledger, listed)[1] == [7]


@pytest.mark.parametrize("state", [RowState.FAILED, RowState.REVERSED])
def test_a_row_that_is_known_to_be_unpaid_is_not_refused(
    ledger: LedgerStore, row: Row, move: Callable[..., Any], state: RowState
) -> None:
    _send(ledger, _merge(ledger, [row(1)], "a"), move, state)
    assert _plan(ledger, [row(1)]) == (EarlierPayments(), [])


@pytest.mark.parametrize("change", [{"amount": "11"}, {"unit": "USD"}, {"who": 2}])
def test_another_amount_unit_or_number_is_another_payment(
    ledger: LedgerStore, row: Row, move: Callable[..., Any], change: dict[str, Any]
) -> None:
    _send(ledger, _merge(ledger, [row(1)], "a"), move)
    assert _plan(ledger, [row(**{"who": 1, **change})])[1] == []


def test_another_product_is_another_payment_but_the_same_list(
    ledger: LedgerStore, row: Row, move: Callable[..., Any]
) -> None:
    _send(ledger, _merge(ledger, [row(who) for who in range(4)], "a"), move)
    other = [row(who, product_id=7) for who in range(4)]
    found, lines = _plan(ledger, [*other[:1], *(row(who) for who in range(10, 15))])
    assert (found.refused, lines) == (0, [])
    found, lines = _plan(ledger, other)
    assert (found.refused, found.is_same_list, lines) == (4, True, [2, 3, 4, 5])
    found, _ = _plan(ledger, [*other[:1], *(row(who) for who in range(10, 15))], any_product=True)
    assert (found.refused, found.is_same_list) == (1, False)


def test_payments_before_the_period_do_not_count(
    ledger: LedgerStore, row: Row, move: Callable[..., Any], clock: Any
) -> None:
    _send(ledger, _merge(ledger, [row(1)], "a"), move)
    assert _plan(ledger, [row(1)], since=clock.now())[1] == [3]
    assert _plan(ledger, [row(1)], since=clock.now() + timedelta(seconds=1))[1] == []


def test_the_time_of_purged_payments_that_would_count_is_known(
    ledger: LedgerStore, row: Row, move: Callable[..., Any], clock: Any
) -> None:
    run, sent = _merge(ledger, [row(1)], "a"), clock.now()
    _send(ledger, run, move)
    assert _plan(ledger, [row(1)])[0].unknown_until is None
    ledger.purges.purge(run)
    clock.seconds += 60
    assert _plan(ledger, [row(1)]) == (EarlierPayments(unknown_until=sent), [])
    assert _plan(ledger, [row(1)], since=sent)[0].unknown_until == sent
    assert _plan(ledger, [row(1)], since=clock.now())[0].unknown_until is None


def test_an_equal_credit_party_is_matched_before_a_near_one(
    ledger: LedgerStore, row: Row, move: Callable[..., Any]
) -> None:
    zeros, plain = (row(who, party_key=account_key(text)) for who, text in ((1, "0012"), (2, "12")))
    _send(ledger, _merge(ledger, [plain], "a"), move)
    others = [row(who) for who in range(10, 14)]
    # In one list they are near as well: the later line is refused for the first, and the other for the payment.
    assert _plan(ledger, [zeros, plain, *others])[1] == [zeros.line, plain.line]
    assert _plan(ledger, [zeros, *others])[1] == [zeros.line]


def test_two_runs_that_both_passed_the_plan_pay_everybody_once(
    ledger: LedgerStore, path: Path, row: Row, clock: Any
) -> None:
    rows = [row(who) for who in range(6)]
    with LedgerStore(path, clock=clock) as other:
        first, second = _merge(ledger, rows, "a"), _merge(other, rows, "b")
        claimed = [ledger.attempts.claim(first, 3), other.attempts.claim(second, 4)]
        claimed += [ledger.attempts.claim(first, 9), other.attempts.claim(second, 9)]
        assert [len(each) for each in claimed] == [3, 1, 2, 0]
        states = {run.run_key: [outcome.state for outcome in ledger.outcomes.rows(run)] for run in (first, second)}
    assert Counter(states["a"] + states["b"]) == {RowState.IN_FLIGHT: 6, RowState.REFUSED: 6}


def test_rows_are_compared_by_a_process_that_has_planned_nothing(
    ledger: LedgerStore, path: Path, row: Row, move: Callable[..., Any], clock: Any
) -> None:
    run = _merge(ledger, [row(1)], "a")
    _send(ledger, _merge(ledger, [row(1)], "b"), move)
    with LedgerStore(path, clock=clock) as other:
        assert other.attempts.claim(run, 9) == []


def test_what_is_paid_again_is_kept_with_its_reason_and_covers_nothing_else(
    ledger: LedgerStore, row: Row, move: Callable[..., Any]
) -> None:
    _send(ledger, _merge(ledger, [row(1), row(2)], "a"), move)
    late = _merge(ledger, [row(3)], "late")
    again = _merge(ledger, [row(1), row(2), row(3)], "b", pay_again_all="bonus", pay_again="bonus")
    _send(ledger, late, move)
    assert [attempt.row_id for attempt in ledger.attempts.claim(again, 9)] != []
    outcomes = {each.credit_party: each.state for each in ledger.outcomes.rows(again)}
    assert outcomes == {
        "+6595123001": RowState.IN_FLIGHT,
        "+6595123002": RowState.IN_FLIGHT,
        "+6595123003": RowState.REFUSED,
    }
    kept = ledger.file.fetch_all("SELECT reason FROM repeated_payments WHERE run_id = :run_id", run_id=again.id)
    assert sorted(str(each["reason"]) for each in kept) == ["None", "bonus", "bonus"]


@pytest.mark.parametrize("is_retry", [False, True])
@pytest.mark.parametrize("way", ["retry", "start"])
def test_a_row_refused_for_a_payment_that_fails_later_is_sent_after_all(
    ledger: LedgerStore, row: Row, move: Callable[..., Any], is_retry: bool, way: str
) -> None:
    run = _merge(ledger, [row(1)], "a")
    if is_retry:
        _send(ledger, run, move, RowState.FAILED)
    other = _merge(ledger, [row(1)], "b")
    [sent] = ledger.attempts.claim(other, 9)
    choice = RetryChoice(statuses=[], or_corrected=True)

    def try_again() -> int:
        if way == "start":
            ledger.staging.clear()
            ledger.staging.add(staged([row(1)]))
            ledger.staging.preview(run)
            ledger.staging.merge(
                job="payroll", run_key="a", environment="sandbox", list_path="a.csv", columns=("phone", "amount")
            )
        elif ledger.retries.choose(run, choice)[0]:
            ledger.retries.apply("retry asked for")
        return len(ledger.attempts.claim(run, 9))

    if is_retry:
        ledger.retries.choose(run, RetryChoice())
        ledger.retries.apply("retry asked for")
    assert ledger.attempts.claim(run, 9) == []
    assert _states(ledger, run) == {3: RowState.REFUSED}
    assert try_again() == 0
    assert _states(ledger, run) == {3: RowState.REFUSED}
    ledger.attempts.record([move(sent, RowState.IN_FLIGHT, RowState.FAILED)])
    assert try_again() == 1


def test_a_retry_counts_the_cost_of_rows_that_were_refused_for_a_payment_of_another_run(
    ledger: LedgerStore, row: Row, move: Callable[..., Any]
) -> None:
    run = _merge(ledger, [row(1)], "a")
    _send(ledger, _merge(ledger, [row(1)], "b"), move, RowState.IN_FLIGHT)
    assert ledger.attempts.claim(run, 9) == []
    assert ledger.retries.choose(run, RetryChoice()) == (1, {"USD": Decimal(5)})
    assert ledger.spending.final(run).rows == 1
    assert ledger.retries.choose(run, RetryChoice(statuses=["DECLINED"]))[0] == 0


def _states(ledger: LedgerStore, run: Run) -> dict[int, RowState]:
    return {each.line: each.state for each in ledger.outcomes.rows(run)}


def test_a_decision_about_a_row_covers_the_payments_of_all_runs(
    ledger: LedgerStore, row: Row, move: Callable[..., Any]
) -> None:
    for key in ("a", "b", "c"):
        _send(ledger, _merge(ledger, [row(1, line=2), row(2, line=3)], key, pay_again_all="x", pay_again="x"), move)
    again = _merge(ledger, [row(1, line=2), row(2, line=3)], "d", pay_again_all="bonus", pay_again="bonus")
    found = _plan(ledger, [row(1, line=2), row(2, line=3)], pay_again="bonus")[0]
    assert (found.paid_again, found.more_repeated) == (2, 4)
    assert len(ledger.attempts.claim(again, 9)) == 2
    ledger.staging.clear()


def test_a_decision_does_not_cover_what_is_paid_later(
    ledger: LedgerStore, row: Row, move: Callable[..., Any], clock: Any
) -> None:
    """Neither by a request that was held back before the decision, nor while the clock is set back."""
    for key in ("a", "b"):
        _send(ledger, _merge(ledger, [row(1, line=2)], key, pay_again_all="x", pay_again="x"), move)
    late = _merge(ledger, [row(1, line=2), row(2, line=3)], "late", pay_again_all="x", pay_again="x")
    held_back = ledger.attempts.claim(late, 9)
    ledger.attempts.record([move(each, RowState.IN_FLIGHT, RowState.PENDING) for each in held_back])
    again = _merge(ledger, [row(1, line=2), row(2, line=3)], "d", pay_again_all="bonus", pay_again="bonus")
    clock.seconds -= 3600
    _send(ledger, late, move)
    assert ledger.attempts.claim(again, 9) == []
    assert _states(ledger, again) == {2: RowState.REFUSED, 3: RowState.REFUSED}


def test_a_decision_covers_its_rows_alone(ledger: LedgerStore, row: Row, move: Callable[..., Any]) -> None:
    for key in ("a", "b"):
        _send(ledger, _merge(ledger, [row(1, line=2)], key, pay_again_all="x", pay_again="x"), move)
    _merge(ledger, [row(1, line=2)], "d", pay_again_all="bonus", pay_again="bonus")
    more = [row(1, line=2), row(1, line=3, identity="party:1#2")]
    ledger.staging.clear()
    ledger.staging.add(staged(more))
    [run] = [each for each in ledger.runs.all() if each.run_key == "d"]
    others = tuple(ComparedRun(run=each, since=None) for each in ledger.runs.all() if each.id != run.id)
    assert ledger.staging.preview(run, None, Comparison(runs=others)).earlier.refused == 1
    assert [line for line, _ in ledger.staging.refusals(9)] == [3]


def test_what_is_approved_names_how_many_payments_are_repeated(
    ledger: LedgerStore, row: Row, move: Callable[..., Any]
) -> None:
    digests = []
    for key in ("a", "b"):
        _send(ledger, _merge(ledger, [row(1)], key, pay_again_all="x", pay_again="x"), move)
        found, _ = _plan(ledger, [row(1)], pay_again="bonus")
        digests.append(found.paid_again_sha256)
        run = _merge(ledger, [row(1)], f"of {key}", pay_again_all="bonus", pay_again="bonus")
        ledger.staging.clear()
        ledger.staging.add(staged([row(1)]))
        others = tuple(ComparedRun(run=each, since=None) for each in ledger.runs.all() if each.id != run.id)
        assert ledger.staging.preview(run, None, Comparison(runs=others)).earlier.paid_again_sha256 == digests[-1]
    assert digests[0] != digests[1]


def test_a_run_of_an_earlier_version_is_compared_with_what_was_sent_after_it_began(
    ledger: LedgerStore, row: Row, move: Callable[..., Any], clock: Any
) -> None:
    _send(ledger, _merge(ledger, [row(1)], "before"), move)
    clock.seconds += 60
    old = _merge(ledger, [row(1), row(2)], "old", comparison=None, pay_again_all="x")
    clock.seconds += 60
    _send(ledger, _merge(ledger, [row(2)], "after"), move)
    assert [attempt.row_id for attempt in ledger.attempts.claim(old, 9)] == [
        outcome_id
        for (outcome_id,) in ledger.file.fetch_all("SELECT id FROM rows WHERE run_id = :id AND line = 3", id=old.id)
    ]


@pytest.mark.parametrize("order", [(6430, 6418), (6418, 6430)])
@pytest.mark.parametrize("is_earlier_version", [False, True])
def test_a_payment_of_any_product_is_taken_by_the_row_that_has_no_other(
    ledger: LedgerStore, row: Row, move: Callable[..., Any], order: tuple[int, int], is_earlier_version: bool
) -> None:
    chosen: dict[str, Any] = {"comparison": ComparisonPolicy(any_product=True).as_json()}
    if is_earlier_version:
        chosen = {"comparison": None, "reading": json.dumps({"auto_product": {"service": "Mobile"}})}
    _send(ledger, _merge(ledger, [row(1)], "chosen", **chosen), move)
    _send(ledger, _merge(ledger, [row(1, product_id=6430)], "list", pay_again_all="x", pay_again="x"), move)
    listed = [row(1, line=line, identity=f"row:{line}", product_id=each) for line, each in enumerate(order, 2)]
    found, lines = _plan(ledger, [*listed, *(row(who) for who in range(10, 15))])
    assert (found.refused, found.is_same_list, lines) == (2, False, [2, 3])


@pytest.mark.parametrize("reading", [None, json.dumps({"auto_product": None})])
def test_a_run_of_an_earlier_version_without_chosen_products_counts_for_its_products_alone(
    ledger: LedgerStore, row: Row, move: Callable[..., Any], reading: str | None
) -> None:
    _send(ledger, _merge(ledger, [row(1)], "a", comparison=None, reading=reading), move)
    assert _plan(ledger, [row(1, product_id=7), *(row(who) for who in range(10, 15))])[1] == []


def test_a_resumed_run_of_an_earlier_version_with_chosen_products_repeats_any_product(
    ledger: LedgerStore, row: Row, move: Callable[..., Any], clock: Any
) -> None:
    reading = json.dumps({"auto_product": {"service": "Mobile"}})
    old = _merge(ledger, [row(1)], "old", comparison=None, reading=reading)
    clock.seconds += 60
    _send(ledger, _merge(ledger, [row(1, product_id=7)], "after"), move)
    assert ledger.attempts.claim(old, 9) == []


def test_a_plan_waits_for_no_process_that_writes(
    ledger: LedgerStore, path: Path, row: Row, move: Callable[..., Any]
) -> None:
    _send(ledger, _merge(ledger, [row(1)], "a"), move)
    ledger.file.connection.execute("PRAGMA busy_timeout = 0")
    with LedgerStore(path) as other, other.file.transaction():
        assert _plan(ledger, [row(1)])[1] == [3]


def test_a_run_that_was_too_old_for_the_plan_and_pays_meanwhile_counts_when_rows_are_claimed(
    ledger: LedgerStore, row: Row, move: Callable[..., Any], clock: Any
) -> None:
    old = _merge(ledger, [row(1), row(2)], "old")
    [first, _] = ledger.attempts.claim(old, 9)
    ledger.attempts.record([move(first, RowState.IN_FLIGHT, RowState.COMPLETED)])
    clock.seconds += timedelta(days=40).total_seconds()
    monthly = ComparisonPolicy(period="month", time_zone="UTC").as_json()
    new = _merge(ledger, [row(3)], "new", comparison=monthly)
    found, lines = _plan(ledger, [row(1), row(2), row(3)], since=new.created_at)
    assert (found.refused, lines) == (0, [])
    assert ledger.attempts.claim(new, 0) == []
    late = _merge(ledger, [row(3, identity="party:late")], "old")
    assert late.id == old.id
    _send(ledger, late, move)
    assert ledger.attempts.claim(new, 9) == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    earlier=st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["5", "6"])), max_size=8),
    rows=st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["5", "6"])), min_size=1, max_size=8),
)
def test_each_earlier_payment_answers_for_one_row(
    tmp_path_factory: pytest.TempPathFactory,
    row: Row,
    move: Callable[..., Any],
    earlier: list[tuple[int, str]],
    rows: list[tuple[int, str]],
) -> None:
    def listed(pairs: list[tuple[int, str]]) -> list[CheckedRow]:
        return [
            row(who, amount, line=line, identity=f"row:{line}", party_key=mobile_key(f"+6595123{who:03}"))
            for line, (who, amount) in enumerate(pairs, 2)
        ]

    with LedgerStore(tmp_path_factory.mktemp("books") / "ledger.db") as ledger:
        if earlier:
            run = _merge(ledger, listed(earlier), "a")
            while claimed := ledger.attempts.claim(run, 100):  # one at a time to each number
                ledger.attempts.record([move(each, RowState.IN_FLIGHT, RowState.COMPLETED) for each in claimed])
        found, lines = _plan(ledger, listed(rows))
        assert found.refused == len(lines) == sum((Counter(rows) & Counter(earlier)).values())
