"""Pairs that a person has found to be different: kept with a merge, used by any later list, and purged with people."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from bulk_topup.domain.attempt import Attempt
from bulk_topup.domain.earlier_payments import Comparison
from bulk_topup.domain.identity_version import RunIds
from bulk_topup.domain.not_the_same import NotTheSame
from bulk_topup.domain.run import Run
from bulk_topup.domain.sameness import account_key
from bulk_topup.domain.states import RowState
from bulk_topup.domain.totals import MergePreview
from bulk_topup.ledger import LedgerStore
from tests.helpers.checked_rows import CheckedRow, staged

Account = Callable[..., CheckedRow]
Merge = Callable[..., Run]


@pytest.fixture
def account(row: Callable[..., CheckedRow]) -> Account:
    """Return a function that creates a row for an account on a line."""

    def make(number: str, line: int) -> CheckedRow:
        request = f'{{"product_id":6418,"credit_party_identifier":{{"account_number":"{number}"}}}}'.encode()
        return row(
            1,
            line=line,
            identity=f"party:4:6418{len(number)}:{number}",
            credit_party=number,
            request=request,
            party_key=account_key(number),
        )

    return make


def decision(*lines: int) -> NotTheSame:
    return NotTheSame(lines=frozenset(lines), reason="two meters", by="ann")


def stage(ledger: LedgerStore, *rows: CheckedRow, decided: NotTheSame | None = None) -> MergePreview:
    ledger.staging.clear()
    ledger.staging.add(staged(rows))
    comparison = Comparison(runs=(), not_the_same=decided)
    return ledger.staging.preview(ledger.runs.find("water", "11"), comparison=comparison)


def merge(ledger: LedgerStore, decided: NotTheSame | None = None, run_key: str = "11") -> Run:
    return ledger.staging.merge(
        job="water",
        run_key=run_key,
        environment="sandbox",
        list_path="water.csv",
        columns=("account",),
        not_the_same=decided,
    )


def test_naming_either_line_keeps_exactly_the_pairs_that_the_list_has(ledger: LedgerStore, account: Account) -> None:
    rows = account("012", 2), account("12", 3), account("0012", 4), account("7", 5), account("07", 6)
    assert stage(ledger, *rows).possible_duplicates == 3
    assert stage(ledger, *rows, decided=decision(2, 7)).possible_duplicates == 2
    merge(ledger, decision(2, 7))
    others = {account_key("12"), account_key("0012")}
    pairs = ledger.not_the_same.find(account_key("012"))
    assert {pair.key for pair in pairs} | {pair.other for pair in pairs} == others | {account_key("012")}
    assert {(pair.reason, pair.by, pair.at[:10]) for pair in pairs} == {("two meters", "ann", "2026-11-01")}
    assert len(pairs) == 2
    assert ledger.not_the_same.find(account_key("7")) == []


def test_kept_pairs_hold_for_other_runs_and_the_first_reason_stays(ledger: LedgerStore, account: Account) -> None:
    rows = account("012", 2), account("12", 3)
    stage(ledger, *rows, decided=decision(3))
    merge(ledger, decision(3))
    ledger.staging.clear()
    ledger.staging.add(staged(rows))
    again = NotTheSame(lines=frozenset({3}), reason="another reason", by="bob")
    assert ledger.staging.preview(None).possible_duplicates == 0
    comparison = Comparison(runs=(), not_the_same=again)
    assert ledger.staging.preview(None, comparison=comparison).possible_duplicates == 0
    merge(ledger, again, run_key="12")
    assert [pair.reason for pair in ledger.not_the_same.find(account_key("12"))] == ["two meters"]


def test_a_digest_names_the_pairs(ledger: LedgerStore, account: Account) -> None:
    rows = account("012", 2), account("12", 3), account("7", 4)
    stage(ledger, *rows)
    without = ledger.staging.digest(RunIds.of_name("water", "11"))
    stage(ledger, *rows, decided=decision(3))
    decided = ledger.staging.digest(RunIds.of_name("water", "11"))
    assert (without.pairs, decided.pairs) == (0, 1)
    merge(ledger, decision(3))
    stage(ledger, *rows)
    assert ledger.staging.digest(RunIds.of_name("water", "11")) == decided
    ledger.file.connection.execute("UPDATE temp.used_pairs SET other = 'account:12\\tx'")
    assert ledger.staging.digest(RunIds.of_name("water", "11")).requests != decided.requests


def test_a_row_that_left_the_list_stays_another_one(
    ledger: LedgerStore, account: Account, bring: Callable[[Run, RowState], Attempt]
) -> None:
    stage(ledger, account("012", 2))
    bring(merge(ledger), RowState.COMPLETED)
    near = account("12", 2)
    assert stage(ledger, near) == MergePreview(completed=1, changed_after_sending=1, known=1, shared=1)
    costs = {"USD": Decimal(5)}
    assert stage(ledger, near, decided=decision(2)) == MergePreview(new=1, removed_from_list=1, costs=costs)
    run = merge(ledger, decision(2))
    assert [attempt.request for attempt in ledger.attempts.claim(run, 9)] == [near.request]
    assert len(ledger.not_the_same.find(account_key("012"))) == 1


def test_a_purge_removes_the_pairs_whose_people_are_gone(
    ledger: LedgerStore, account: Account, move: Callable[..., object]
) -> None:
    rows = account("012", 2), account("12", 3)
    stage(ledger, *rows, decided=decision(3))
    runs = [merge(ledger, decision(3))]
    stage(ledger, *rows)
    runs.append(merge(ledger, run_key="12"))
    for run, left in zip(runs, (1, 0), strict=True):
        for attempt in ledger.attempts.claim(run, 9):
            ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.COMPLETED)])  # type: ignore[list-item]
        ledger.purges.purge(run)
        assert len(ledger.not_the_same.find(account_key("12"))) == left
