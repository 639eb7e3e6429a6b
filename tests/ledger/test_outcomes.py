"""Reading a run: outcomes in list order, exact sums, runs by name."""

import json
import random
import re
import sqlite3
from collections.abc import Callable
from decimal import Context, Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk_topup.domain.attempt import Facts, Move
from bulk_topup.domain.delivery import DELIVERY_FIELDS, NO_DELIVERY, Delivery
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.errors import RunNotFoundError
from bulk_topup.ledger import LedgerStore, RetryChoice, outcomes, retries, rows, run_search
from bulk_topup.ledger import attempt_statements as sql
from bulk_topup.ledger.pin_keys import ENCRYPTED_PREFIX
from bulk_topup.system.clock import Clock
from tests.helpers.checked_rows import CheckedRow, staged

MakeRow = Callable[..., CheckedRow]
Start = Callable[..., Run]
MakeMove = Callable[..., Move]

LARGEST = Decimal("999999999999999999.999999999")


def test_outcomes_are_in_list_order_whenever_their_rows_were_added(
    ledger: LedgerStore, row: MakeRow, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "PAGE_ROWS", 3)
    people = list(range(20))
    random.Random(7).shuffle(people)  # noqa: S311 - an order, not a secret
    start(ledger, [row(who, line=line) for line, who in enumerate(people[:10], start=50)])
    run = start(ledger, [row(who, line=line) for line, who in enumerate(people, start=2)])
    found = list(ledger.outcomes.rows(run))
    assert [outcome.line for outcome in found] == list(range(2, 22))
    assert [outcome.credit_party for outcome in found] == [f"+6595123{who:03}" for who in people]


def test_a_page_has_as_many_rows_as_fit_into_its_memory(
    ledger: LedgerStore, row: MakeRow, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "FIRST_ROWS", 2)
    monkeypatch.setattr(outcomes, "PAGE_ROWS", 9)
    thin = [row(who) for who in range(40)]
    fat = [row(who, cells=json.dumps(["x" * 100_000])) for who in range(40, 60)]
    run = start(ledger, [*thin, *fat])
    monkeypatch.setattr(outcomes, "PAGE_BYTES", 300_000)
    lengths = [len(page) for page in ledger.outcomes.pages(run, open_pins=False)]
    assert sum(lengths) == 60
    assert lengths[:5] == [2, 8, 9, 9, 9]  # grows while the rows are thin
    assert set(lengths[7:]) == {2}  # and shrinks while they are fat


def test_rows_too_long_for_one_text_are_in_smaller_pages(
    ledger: LedgerStore, path: Path, row: MakeRow, start: Start
) -> None:
    run = start(ledger, [row(who, cells=json.dumps(["x" * 20_000])) for who in range(12)])
    with LedgerStore(path, read_only=True) as reading:
        reading.file.connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 100_000)
        assert [found.line for found in reading.outcomes.rows(run)] == [who + 2 for who in range(12)]


def test_outcomes_are_those_of_the_time_of_the_first_page(
    ledger: LedgerStore, path: Path, row: MakeRow, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "PAGE_ROWS", 2)
    monkeypatch.setattr(outcomes, "FIRST_ROWS", 2)
    run = start(ledger, [row(who) for who in range(6)])
    with LedgerStore(path, read_only=True) as reading:
        pages = reading.outcomes.pages(run, open_pins=False)
        seen = list(next(pages).line)
        start(ledger, [row(who, line=50 - who) for who in range(6)])  # the list is sorted the other way meanwhile
        seen += [line for page in pages for line in page.line]
    assert seen == [2, 3, 4, 5, 6, 7]
    assert [found.line for found in ledger.outcomes.rows(run)] == [45, 46, 47, 48, 49, 50]


def test_the_ledger_can_be_used_when_a_read_ends_early(ledger: LedgerStore, row: MakeRow, start: Start) -> None:
    run = start(ledger, [row(who) for who in range(200)])
    next(ledger.outcomes.rows(run))
    assert len(ledger.attempts.claim(run, 3)) == 3


def test_rows_of_one_line_are_all_read(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that was sent and removed from the list keeps its line, which another row has now."""
    monkeypatch.setattr(outcomes, "PAGE_ROWS", 1)
    monkeypatch.setattr(outcomes, "FIRST_ROWS", 1)
    run = start(ledger, [row(1, line=2), row(2, line=3)])
    attempts = ledger.attempts.claim(run, 9)
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.FAILED) for attempt in attempts])
    start(ledger, [row(4, line=2), row(3, line=3)])
    found = [(each.line, each.credit_party) for each in ledger.outcomes.rows(run)]
    assert found == [(2, "+6595123001"), (2, "+6595123004"), (3, "+6595123002"), (3, "+6595123003")]


def test_pins_are_decrypted_only_on_request(
    ledger: LedgerStore, row: MakeRow, start: Start, facts: Callable[..., Facts], move: MakeMove
) -> None:
    run = start(ledger, [row(1), row(2), row(3)])
    for attempt, pin in zip(ledger.attempts.claim(run, 9), ["1234", "", None], strict=True):
        known = facts(pin_code=pin, pin_serial=None)
        ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.COMPLETED, facts=known)])
    [opened] = ledger.outcomes.pages(run, open_pins=True)
    assert list(opened.pin_code) == ["1234", "", None]
    [sealed] = ledger.outcomes.pages(run, open_pins=False)
    assert str(sealed.pin_code[0]).startswith(ENCRYPTED_PREFIX)
    assert list(sealed.pin_code[1:]) == [None, None]


def test_an_outcome_has_all_facts(
    ledger: LedgerStore, row: MakeRow, start: Start, facts: Callable[..., Facts], move: MakeMove, clock: Clock
) -> None:
    run = start(ledger, [row(1, "12.50")])
    [attempt] = ledger.attempts.claim(run, 9)
    known = facts(operator_reference="OP-1", pin_code="1234", pin_serial="S-1", price=Decimal("1E-9"))
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.COMPLETED, facts=known)])
    [outcome] = ledger.outcomes.rows(run)
    assert (outcome.line, outcome.state, outcome.cells) == (3, RowState.COMPLETED, ("+6595123001", "12.50"))
    assert (outcome.product_id, outcome.credit_party) == (6418, "+6595123001")
    assert (outcome.amount, outcome.unit, outcome.attempt) == (Decimal("12.5"), "SGD", 1)
    assert (outcome.external_id, outcome.transaction_id) == (attempt.external_id, 2237512891)
    assert (outcome.price, outcome.fee, outcome.price_unit) == (Decimal("0.000000001"), Decimal("0.05"), "USD")
    assert (outcome.operator_reference, outcome.pin_code, outcome.pin_serial) == ("OP-1", "1234", "S-1")
    assert (outcome.creation_date, outcome.final_at) == (known.creation_date, clock.now())
    assert (outcome.message, outcome.note, outcome.problems) == ("", "", ())


def test_what_was_delivered_is_known_once_the_transaction_is_completed(
    ledger: LedgerStore, row: MakeRow, start: Start, facts: Callable[..., Facts], move: MakeMove
) -> None:
    run = start(ledger, [row(1)])
    [attempt] = ledger.attempts.claim(run, 9)
    stated = Delivery(
        delivered=Decimal("9.90"), delivered_unit="SGD", bonus="500 MB", retail_price=Decimal(8), retail_unit="USD"
    )
    seen = []
    for before, after, delivery in (
        (RowState.IN_FLIGHT, RowState.ACCEPTED, stated),
        (RowState.ACCEPTED, RowState.COMPLETED, NO_DELIVERY),  # what a later answer leaves out stays known
    ):
        known = facts(delivery=delivery, status_class="COMPLETED" if after is RowState.COMPLETED else "CONFIRMED")
        ledger.attempts.record([move(attempt, before, after, facts=known)])
        [found] = ledger.outcomes.rows(run)
        seen.append(Delivery(**{name: getattr(found, name) for name in DELIVERY_FIELDS}))
    assert seen == [NO_DELIVERY, stated]


def test_a_failure_keeps_its_message_until_the_row_is_sent_again(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove
) -> None:
    run = start(ledger, [row(1)])
    [attempt] = ledger.attempts.claim(run, 9)
    ledger.attempts.record(
        [move(attempt, RowState.IN_FLIGHT, RowState.FAILED, message="The provider answered DECLINED.")]
    )
    start(ledger, [row(1)])
    assert next(ledger.outcomes.rows(run)).message == "The provider answered DECLINED."
    ledger.retries.choose(run, RetryChoice())
    ledger.retries.apply("retry asked for")
    assert next(ledger.outcomes.rows(run)).message == ""


costs = st.decimals(min_value=0, max_value=LARGEST, places=9) | st.just(LARGEST)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=st.lists(st.tuples(costs, st.sampled_from(["USD", "EUR"])), max_size=12))
def test_pending_costs_are_summed_exactly(
    ledger: LedgerStore, row: MakeRow, start: Start, amounts: list[tuple[Decimal, str]]
) -> None:
    rows = [row(who, cost=cost, cost_unit=unit) for who, (cost, unit) in enumerate(amounts)]
    exact: dict[str, Decimal] = {}
    for cost, unit in amounts:
        exact[unit] = Context(prec=60).add(exact.get(unit, Decimal(0)), cost)
    ledger.staging.clear()
    ledger.staging.add(staged(rows))
    assert ledger.staging.preview(None).costs == exact
    run = start(ledger, rows)
    assert ledger.spending.pending_costs(run) == exact


def test_equal_costs_of_many_rows_are_summed_exactly(ledger: LedgerStore, row: MakeRow, start: Start) -> None:
    run = start(ledger, [row(who, cost=LARGEST) for who in range(999)])
    assert ledger.spending.pending_costs(run) == {"USD": Decimal("998999999999999999999.999999001")}


def test_only_pending_rows_have_pending_costs(ledger: LedgerStore, row: MakeRow, start: Start) -> None:
    run = start(ledger, [row(1), row(2, refused="No."), row(3), row(4, cost=None)])
    ledger.attempts.claim(run, 1)
    assert ledger.spending.pending_costs(run) == {"USD": Decimal(5)}


def test_a_run_is_found_by_its_full_name_or_by_a_unique_key(ledger: LedgerStore, row: MakeRow, start: Start) -> None:
    with pytest.raises(RunNotFoundError, match=r'No run "2026-11" in the ledger .*ledger\.db\. It has no runs\.'):
        ledger.runs.named("2026-11")
    november = start(ledger, [row(1)])
    assert ledger.runs.named("payroll/2026-11") == ledger.runs.named("2026-11") == november
    with pytest.raises(
        RunNotFoundError, match=r'No run "payrol/2026-11" in the ledger .*ledger\.db\. Did you mean payroll/2026-11\?'
    ):
        ledger.runs.named("payrol/2026-11")
    ledger.staging.clear()
    ledger.staging.merge(job="rewards", run_key="2026-11", environment="sandbox", list_path="x.csv", columns=())
    with pytest.raises(RunNotFoundError, match="payroll/2026-11, rewards/2026-11"):
        ledger.runs.named("2026-11")
    assert ledger.runs.named("payroll/2026-11") == november
    assert ledger.runs.find("payroll", "2026-12") is None


#: Statements that run often, on ledgers with millions of rows.
HOT = {
    "CLAIMABLE": sql.CLAIMABLE,
    "WRITE_INTENTS": sql.WRITE_INTENTS,
    "MARK_IN_FLIGHT": sql.MARK_IN_FLIGHT,
    "IN_FLIGHT": sql.IN_FLIGHT,
    "MOVE_ROW": sql.MOVE_ROW,
    "WRITE_FACTS": sql.WRITE_FACTS,
    "ACCEPTED": sql.ACCEPTED,
    "ACCEPTED_AMONG": sql.ACCEPTED_AMONG,
    "CHOOSE_RETRIES": retries._CHOOSE_ANY.replace("INSERT INTO temp.retried", ""),
    "COUNT_STATES": rows._COUNT_STATES,
    "OUTCOMES": outcomes.OUTCOMES,
    "EVENTS_OF_ROW": rows._EVENTS,
    "RUNS_NAMED": run_search.RUNS_NAMED,
    "RUNS_ONCE_NAMED": run_search.RUNS_ONCE_NAMED,
}


def plan_of(path: Path, statement: str, **prepared: str) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        values = dict.fromkeys(re.findall(r":(\w+)", statement)) | prepared
        return [line[3] for line in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    finally:
        connection.close()


@pytest.mark.parametrize("name", HOT)
def test_no_frequent_statement_reads_a_whole_table_or_sorts(
    ledger: LedgerStore, path: Path, row: MakeRow, start: Start, name: str
) -> None:
    start(ledger, [row(who) for who in range(50)])
    steps = plan_of(path, HOT[name], external_ids="[]")
    # A subquery holds the rows of a page that the other steps found.
    scans = [step for step in steps if step.startswith("SCAN") and not re.search("VIRTUAL TABLE|subquery", step)]
    assert scans == []
    assert [step for step in steps if "TEMP B-TREE" in step] == []


@pytest.mark.parametrize("name", ["CLAIMABLE", "IN_FLIGHT", "ACCEPTED", "CHOOSE_RETRIES"])
def test_rows_in_a_state_are_found_by_their_state(ledger: LedgerStore, path: Path, name: str) -> None:
    assert ledger.runs.all() == []
    steps = plan_of(path, HOT[name])
    assert any("run_id=? AND state=?" in step for step in steps), steps
