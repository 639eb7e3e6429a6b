"""The rows of a list that repeat payments of other runs are those that a comparison of each with each finds."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bulk_topup.domain.attempt import Move
from bulk_topup.domain.earlier_payments import ComparedRun, Comparison, ComparisonPolicy
from bulk_topup.domain.run import Run
from bulk_topup.domain.sameness import (
    NEAR_MOBILE,
    account_key,
    is_near,
    mobile_key,
    near_part,
    reference_key,
)
from bulk_topup.domain.states import RowState
from bulk_topup.ledger import LedgerStore
from bulk_topup.ledger.payment_search import find_in_list
from bulk_topup.system.clock import Clock
from tests.helpers.checked_rows import CheckedRow, staged

Row = Callable[..., CheckedRow]
#: Of a run that is not compared with the other one when its rows are sent.
ALONE = ComparisonPolicy(beside=("a", "b")).as_json()

#: Keys that are equal, near, or beside each other in an index, of mobile numbers, accounts and references.
KEYS = (
    *map(
        mobile_key, ("+6591234567", "+659123456", "+65912345678", "+541123456789", "+5491123456789", "+5411234567890")
    ),
    *map(mobile_key, ("+5311234567", "+5511987654321")),
    *(account_key(*each) for each in (("12",), ("0012",), ("1-2",), ("12", "", "7"), ("12", "", "07"), ("12", "x"))),
    *map(reference_key, ("GC-1", "GC-001", "gc1", "GC-10")),
)

#: The place of a row's key among them, and its amount.
Entry = tuple[int, str | None]
listed = st.lists(st.tuples(st.integers(0, len(KEYS) - 1), st.sampled_from([None, "1", "2"])), max_size=12)


def _rows(row: Row, entries: Sequence[Entry], *, first: int = 0) -> list[CheckedRow]:
    """Return rows that differ in what their runs know them by, and so may all be in flight at once."""
    rows = []
    for line, (key, amount) in enumerate(entries, start=2):
        each = row(first + line, amount or "1", line=line, identity=f"party:{line}", party_key=KEYS[key])
        rows.append(each if amount else replace(each, amount=None, unit=None))
    return rows


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(paid=listed, now=listed, own=st.integers(0, 3), counts_all=st.booleans())
@example(paid=[(6, "1")], now=[(6, "1"), (5, "1")], own=0, counts_all=False)
@example(paid=[(0, "1")], now=[(0, "1"), (0, "1")], own=1, counts_all=False)
def test_every_row_with_a_payment_of_its_near_part_and_amount_is_found(
    row: Row, clock: Clock, paid: list[Entry], now: list[Entry], own: int, counts_all: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder, LedgerStore(Path(folder) / "ledger.db", clock=clock) as ledger:
        run, other = _merge(ledger, _rows(row, now[:own], first=200), "b"), _merge(ledger, _rows(row, paid), "a")
        assert len(ledger.attempts.claim(run, 100)) == len(now[:own])
        assert len(ledger.attempts.claim(other, 100)) == len(paid)
        found = _find(ledger, _rows(row, now), run, other, counts_all=counts_all)
    payments = {(near_part(KEYS[key]), amount) for key, amount in paid}
    expected: dict[tuple[str, str, str], list[tuple[str, str, int]]] = {}
    for line, (key, amount) in enumerate(now[own:], start=2 + own):
        near = near_part(KEYS[key])
        if (near, amount) in payments:
            group = (near, amount or "", "SGD" if amount else "")
            expected.setdefault(group, []).append((KEYS[key], f"party:{line}", line))
    in_order = {group: [(line, key) for key, _, line in sorted(rows)] for group, rows in expected.items()}
    assert dict(found) == in_order
    assert len(found) == len(in_order)


def test_a_row_that_its_run_has_sent_does_not_repeat_what_may_still_arrive(
    ledger: LedgerStore, row: Row, move: Callable[..., Move], clock: Clock
) -> None:
    run, other = _merge(ledger, _rows(row, [(0, "1")], first=200), "b"), _merge(ledger, _rows(row, [(0, "1")]), "a")
    assert ledger.attempts.claim(run, 1)
    [absent] = ledger.attempts.claim(other, 1)
    ledger.absences.start(absent, sent_at=clock.now(), due_at=clock.now(), after=RowState.FAILED, message="No.")
    ledger.attempts.record([move(absent, RowState.IN_FLIGHT, RowState.FAILED)])
    found = _find(ledger, _rows(row, [(0, "1"), (0, "1")]), run, other, counts_all=False)
    assert [rows for _, rows in found] == [[(3, KEYS[0])]]


def _find(
    ledger: LedgerStore, rows: Sequence[CheckedRow], run: Run, other: Run, *, counts_all: bool
) -> list[tuple[tuple[str, str, str], list[tuple[int, str]]]]:
    """Return the groups of a list of one run whose rows repeat payments of another one, with line and key of each."""
    ledger.staging.clear()
    ledger.staging.preview(None, comparison=Comparison(runs=(ComparedRun(run=other, since=None),)))  # chooses the run
    ledger.staging.clear()
    ledger.staging.add(staged(rows))
    since = (ledger.file.clock.now() - timedelta(days=1)).isoformat()
    values = {"run_id": run.id, "is_claim": False, "absent_since": since}
    with ledger.staging.file.snapshot() as connection:
        return [
            (group.group, [(each.key, each.party_key) for each in group.rows])
            for group in find_in_list(connection, values, (), counts_all=counts_all)
        ]


def _merge(ledger: LedgerStore, rows: Sequence[CheckedRow], key: str) -> Run:
    ledger.staging.clear()
    ledger.staging.add(staged(rows))
    return ledger.staging.merge(
        job=key, run_key="1", environment="sandbox", list_path="a.csv", columns=(), comparison=ALONE
    )


def test_payments_are_found_in_an_index_that_is_read_in_the_order_of_the_rows(ledger: LedgerStore, row: Row) -> None:
    run = _merge(ledger, _rows(row, [(0, "1")]), "a")
    ledger.staging.clear()
    ledger.staging.add(staged(_rows(row, [(0, "2")])))
    statements: list[str] = []
    ledger.file.connection.set_trace_callback(statements.append)
    ledger.staging.preview(None, comparison=Comparison(runs=(ComparedRun(run=run, since=None),)))
    ledger.file.connection.set_trace_callback(None)
    [search] = [each for each in statements if "INSERT INTO temp.compared_rows" in each]
    with ledger.file.snapshot() as connection:
        connection.execute(next(each for each in statements if "CREATE INDEX IF NOT EXISTS temp.staged_keys" in each))
        steps = [step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {search}")]
        assert steps[0].startswith("SEARCH s USING INDEX staged_keys")
        assert "SEARCH r USING COVERING INDEX idx_rows_party_key (party_key=? AND amount=? AND unit=?)" in steps
        assert not any("TEMP B-TREE" in step for step in steps)
        # It is gone, so that no other statement takes it for a way to rows in the order of the list.
        connection.execute("ROLLBACK")
        connection.execute("BEGIN")
        names = [name for (name,) in connection.execute("SELECT name FROM temp.sqlite_schema WHERE type = 'index'")]
    assert "staged_keys" not in names


@given(number=st.from_regex(r"\+(54|549|5[1-9]|[1-9])[0-9]{6,12}", fullmatch=True), other=st.sampled_from(["9", ""]))
def test_only_numbers_of_one_country_are_near_to_others(number: str, other: str) -> None:
    key = mobile_key(number)
    spelled = mobile_key(number[:3] + other + number[3:].removeprefix("9"))
    if near_part(key) != key or is_near(key, spelled):
        assert key.startswith(NEAR_MOBILE)
