"""A purge: the data that it deletes from the file, the data that stays, and the runs that it refuses."""

import json
import sqlite3
import subprocess
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app.purge import candidates, purge
from bulk_topup.domain.attempt import Facts, Move
from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.problems import Problem
from bulk_topup.domain.purchase_secrets import SECRET_FIELDS
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.summary import summarise
from bulk_topup.errors import LedgerError, PurgedRunError
from bulk_topup.ledger import LedgerStore, RetryChoice
from tests.helpers.checked_rows import CheckedRow

#: Personal data in the file before a purge.
NAMES = ("Ann Example", "Oak Street 7", "+6595123", "R-77-Ann", "a note on Ann")
#: What was bought, encrypted in the file.
SECRETS = {name: f"secret {name}" for name in SECRET_FIELDS}

Finish = Callable[[LedgerStore], Run]


@pytest.fixture
def finish(
    start: Callable[..., Run], row: Callable[..., CheckedRow], facts: Callable[..., Facts], move: Callable[..., Move]
) -> Finish:
    """Return a function that creates a finished run: completed, failed, reversed and refused rows."""

    def request(who: int, amount: str) -> bytes:
        sender = {"first_name": "Ann Example", "address_text": "Oak Street 7"}
        destination = f'{{"unit_type": "CURRENCY", "unit": "SGD", "amount": {amount}}}'
        party = f'{{"mobile_number": "+6595123{who:03}"}}'
        return (
            f'{{"product_id": 6418, "auto_confirm": true, "calculation_mode": "DESTINATION_AMOUNT", '
            f'"destination": {destination}, "credit_party_identifier": {party}, "sender": {json.dumps(sender)}}}'
        ).encode()

    def made(who: int, amount: str = "10", **changes: Any) -> CheckedRow:
        cells = json.dumps([f"+6595123{who:03}", "Ann Example"])
        values = {"identity": f"reference:R-77-Ann-{who}", "cells": cells, "request": request(who, amount), **changes}
        return row(who, amount, **values)

    def run(ledger: LedgerStore) -> Run:
        refused = made(9, request=None, cost=None, problems=(Problem(column="Ann Example", message="a note on Ann"),))
        rows = [made(1, "0.1000000000000000001"), made(2), made(3), refused]
        job = {"reading": '{"constants": {"sender.first_name": "Ann Example"}}', "reporting": '{"folder": "/report"}'}
        begun = start(ledger, rows, columns=("phone", "Ann"), **job)
        paid, failed, taken = ledger.attempts.claim(begun, 9)
        with_pin = facts(status_class="COMPLETED", **SECRETS)
        ledger.attempts.record(
            [
                move(paid, RowState.IN_FLIGHT, RowState.COMPLETED, facts=with_pin),
                move(failed, RowState.IN_FLIGHT, RowState.FAILED, message="no: +6595123002 of Ann Example"),
                move(taken, RowState.IN_FLIGHT, RowState.REVERSED),
            ]
        )
        return begun

    return run


def bytes_of(path: Path) -> bytes:
    """Read the ledger's files in another process, because this one must not release its locks on them."""

    files = sorted(path.parent.glob(f"{path.name}*"))
    return subprocess.run(["cat", *files], capture_output=True, check=True).stdout


def test_no_file_of_the_ledger_has_personal_data(ledger: LedgerStore, path: Path, finish: Finish) -> None:
    run = finish(ledger)
    found = bytes_of(path)
    assert [text for text in NAMES if text.encode() not in found] == []
    assert [secret for secret in SECRETS.values() if secret.encode() in found] == []
    assert found.count(b"sealed-pin:1:") >= len(SECRETS)
    ledger.purges.purge(run)
    ledger.purges.scrub()
    found = bytes_of(path)
    assert [text for text in NAMES if text.encode() in found] == []
    assert b"sealed-pin:1:" not in found
    assert b"6595123" not in found
    assert b"Ann" not in found


def test_the_reading_of_the_list_is_deleted_and_the_report_folder_stays(ledger: LedgerStore, finish: Finish) -> None:
    run = finish(ledger)
    assert run.reading is not None
    purged = ledger.purges.purge(run)
    assert (purged.reading, purged.reporting) == (None, '{"folder": "/report"}')


def test_reasons_that_an_approval_covers_are_deleted_and_the_approver_stays(
    ledger: LedgerStore, row: Callable[..., CheckedRow], start: Callable[..., Run]
) -> None:
    statement = {"job": "payroll", "paid_again": [{"run": "payroll/may", "rows": 1, "reason": "Ann asked"}]}
    approval = {"statement": statement, "approval": {"approved_by": "ben"}}
    run = start(ledger, [row(1, refused="No.")], approval=json.dumps(approval))
    purged = ledger.purges.purge(run)
    assert json.loads(purged.approval or "") == {**approval, "statement": {"job": "payroll"}}


def test_pins_are_deleted(ledger: LedgerStore, finish: Finish) -> None:
    run = finish(ledger)
    ledger.purges.purge(run)
    assert {(each.pin_code, each.pin_serial) for each in ledger.outcomes.rows(run)} == {(None, None)}


def test_money_ids_states_and_events_stay_to_the_last_digit(ledger: LedgerStore, finish: Finish) -> None:
    run = finish(ledger)
    before = list(ledger.outcomes.rows(run))
    totals = summarise(run, [Outcomes.of(before)]).as_json()
    spent, history = ledger.spending.spent(run), [ledger.rows.events(row_id) for row_id in range(1, 5)]
    purged = ledger.purges.purge(run)
    after = list(ledger.outcomes.rows(purged))
    assert summarise(run, [Outcomes.of(after)]).as_json() == totals
    assert ledger.spending.spent(purged) == spent
    assert [ledger.rows.events(row_id) for row_id in range(1, 5)] == history
    kept = ("line", "state", "product_id", "amount", "unit", "external_id", "transaction_id", "status_message", "price",
            "fee", "price_unit", "creation_date", "final_at", "attempt")  # fmt: skip
    for one, other in zip(before, after, strict=True):
        assert [getattr(one, name) for name in kept] == [getattr(other, name) for name in kept]
    assert after[0].amount == Decimal("0.1000000000000000001")
    requests = [row[0] for row in ledger.file.fetch_all("SELECT request FROM attempts ORDER BY id")]
    assert '"amount":0.1000000000000000001' in requests[0].replace(" ", "")
    assert json.loads(requests[1]) == {
        "product_id": 6418,
        "calculation_mode": "DESTINATION_AMOUNT",
        "source": None,
        "destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": 10},
    }


def test_other_runs_do_not_change(
    ledger: LedgerStore, finish: Finish, start: Callable[..., Run], row: Callable[..., CheckedRow]
) -> None:
    run = finish(ledger)
    other = start(ledger, [row(500)], run_key="2026-12")
    before = list(ledger.outcomes.rows(other))
    ledger.purges.purge(run)
    assert list(ledger.outcomes.rows(other)) == before
    assert len(ledger.attempts.claim(other, 9)) == 1


@pytest.mark.parametrize("state", [RowState.PENDING, RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.CONFLICT])
def test_a_run_with_unfinished_rows_is_never_purged(
    ledger: LedgerStore,
    start: Callable[..., Run],
    row: Callable[..., CheckedRow],
    move: Callable[..., Move],
    state: RowState,
) -> None:
    run = start(ledger, [row(1)])
    if state is not RowState.PENDING:
        [attempt] = ledger.attempts.claim(run, 9)
        if state is not RowState.IN_FLIGHT:
            ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, state)])
    before = list(ledger.outcomes.rows(run))
    assert ledger.purges.activity(run).unfinished == 1
    with pytest.raises(LedgerError, match="1 row not final"):
        ledger.purges.purge(run)
    assert list(ledger.outcomes.rows(run)) == before


def test_a_purged_run_accepts_no_list_and_no_retry(
    ledger: LedgerStore, finish: Finish, start: Callable[..., Run], row: Callable[..., CheckedRow]
) -> None:
    purged = ledger.purges.purge(finish(ledger))
    with pytest.raises(PurgedRunError):
        start(ledger, [row(1)])
    assert ledger.retries.choose(purged, RetryChoice()) == (0, {})
    assert ledger.attempts.claim(purged, 9) == []


def test_the_last_payment_of_purged_runs_is_known(ledger: LedgerStore, finish: Finish, clock: Any) -> None:
    run = finish(ledger)
    assert ledger.purges.last_payment() is None
    sent = clock.now()
    clock.seconds += 500
    ledger.purges.purge(run)
    assert ledger.purges.last_payment() == sent


def test_the_file_is_scrubbed_only_once_no_other_process_reads_it(
    ledger: LedgerStore, path: Path, finish: Finish
) -> None:
    run = finish(ledger)
    ledger.file.connection.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM rows").fetchone()
        ledger.purges.purge(run)
        with pytest.raises(LedgerError, match="Another process is reading"):
            ledger.purges.scrub()
    finally:
        other.close()
    ledger.purges.scrub()
    assert b"6595123" not in bytes_of(path)


def test_kept_numbers_are_deleted_once_whatever_the_number_of_runs(
    ledger: LedgerStore, finish: Finish, row: Callable[..., CheckedRow], start: Callable[..., Run]
) -> None:
    runs = [finish(ledger), start(ledger, [row(1, refused="No.")], run_key="2")]
    statements: list[str] = []
    ledger.file.connection.set_trace_callback(statements.append)
    now = ledger.file.clock.now() + timedelta(days=400)
    day = timedelta(days=1)
    done = purge(ledger, candidates(ledger, runs, older_than=day, now=now), older_than=day, now=now)
    ledger.file.connection.set_trace_callback(None)
    assert [each.why_not for each in done] == [""] * 2
    assert sum("DELETE FROM kept_operators" in each for each in statements) == 1
