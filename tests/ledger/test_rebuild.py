"""A rebuild that was interrupted: nothing is sent before it ends, and rows that it has found stay told apart."""

import json
import sqlite3
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.earlier_identities import ListedTransaction
from bulk_topup.domain.identity import folded_party_identity, occurrence_identity, party_identity
from bulk_topup.domain.identity_version import IdentityVersion, RunIds
from bulk_topup.domain.run import Run
from bulk_topup.domain.sameness import account_key
from bulk_topup.domain.states import RowState
from bulk_topup.errors import LedgerWriteError
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import Clock
from tests.helpers.checked_rows import CheckedRow

PRODUCT = 6418
ACCOUNT = "A1"
#: As the lost run wrote it, which no version would guess.
SPELLED = "A  1"


def _ids_of(attempts: Collection[Attempt]) -> set[str]:
    return {attempt.external_id for attempt in attempts}


@pytest.mark.parametrize("state", [RowState.COMPLETED, RowState.FAILED, RowState.IN_FLIGHT])
def test_a_rebuild_that_continues_tells_equal_rows_apart_by_their_place(
    ledger: LedgerStore,
    row: Callable[..., CheckedRow],
    start: Callable[..., Run],
    move: Callable[..., Move],
    clock: Clock,
    state: RowState,
) -> None:
    party = folded_party_identity(PRODUCT, None, ACCOUNT, None, None)
    equals: dict[str, Any] = {"credit_party": ACCOUNT, "party_key": account_key(ACCOUNT)}
    run = start(ledger, [row(number, identity=occurrence_identity(party, number), **equals) for number in (1, 2)])
    written = party_identity(PRODUCT, (None, SPELLED, None))
    ids = RunIds.of_name(run.job, run.run_key, IdentityVersion.FOLDED_NAMES)
    first, second = (
        ListedTransaction(
            external_id=ids.external_id(occurrence_identity(written, number), 1),
            product_id=PRODUCT,
            party=(None, SPELLED, None),
            bill=None,
            created_at=clock.now(),
        )
        for number in (1, 2)
    )

    def read_list() -> list[tuple[Attempt, ...]]:
        ledger.rebuild.start(run)
        ledger.rebuild.save(run, [(first, b"{}"), (second, b"{}")])
        return ledger.rebuild.unsent(run, limit=9)

    of_first, of_second = read_list()
    assert first.external_id in _ids_of(of_first)
    assert second.external_id in _ids_of(of_second)
    [sent] = (attempt for attempt in of_first if attempt.external_id == first.external_id)
    ledger.rebuild.write_attempts([(sent, clock.now())], "rebuilt")
    if state is not RowState.IN_FLIGHT:
        ledger.attempts.record([move(sent, RowState.IN_FLIGHT, state)])
    [of_second] = read_list()
    assert second.external_id in _ids_of(of_second)
    assert first.external_id not in _ids_of(of_second)


def test_an_attempt_that_dvs_has_is_written_with_its_outcome_or_not_at_all(
    ledger: LedgerStore,
    row: Callable[..., CheckedRow],
    start: Callable[..., Run],
    move: Callable[..., Move],
    clock: Clock,
) -> None:
    """In flight under an ID that DVS lacks, a row that needs review would be sent."""
    run = start(ledger, [row(1)])
    ledger.rebuild.start(run)
    [(first, *_)] = ledger.rebuild.unsent(run, limit=9)
    found, review = [(first, clock.now())], move(first, RowState.IN_FLIGHT, RowState.CONFLICT)
    with pytest.raises(LedgerWriteError):
        ledger.rebuild.write_attempts(found, "rebuilt", [replace(review, attempt=2)])
    assert ledger.rows.counts(run)[RowState.PENDING] == 1
    ledger.rebuild.write_attempts(found, "rebuilt", [review])
    assert ledger.rows.counts(run)[RowState.CONFLICT] == 1


@pytest.fixture
def asked(ledger: LedgerStore, row: Callable[..., CheckedRow], start: Callable[..., Run]) -> Run:
    """A run of a version that folds no rows, with another row first, and one for whose bill DVS was asked."""
    request = {"product_id": PRODUCT, "credit_party_identifier": {"account_number": SPELLED}}
    request["statement_identifier"] = {"reference": "INV-1"}
    party: dict[str, Any] = {"credit_party": SPELLED, "party_key": account_key(SPELLED)}
    identity = party_identity(PRODUCT, (None, SPELLED, None))
    bill = row(2, identity=identity, amount_until="", request=json.dumps(request).encode(), **party)
    run = start(ledger, [row(1), bill])
    with closing(sqlite3.connect(ledger.path)) as connection, connection:
        connection.execute("UPDATE runs SET identity_version = ?", (IdentityVersion.FOLDED_NAMES,))
    found = ledger.runs.find(run.job, run.run_key)
    assert found is not None
    return found


def test_a_bill_that_was_asked_for_is_found_under_the_id_of_its_account(
    ledger: LedgerStore, asked: Run, clock: Clock
) -> None:
    """The key of its row has no bill, and its transaction has one."""
    identity = party_identity(PRODUCT, (None, SPELLED, None))
    paid = ListedTransaction(
        external_id=asked.ids.external_id(identity, 1),
        product_id=PRODUCT,
        party=(None, SPELLED, None),
        bill="INV-1",
        created_at=clock.now(),
    )
    ledger.rebuild.start(asked)
    ledger.rebuild.save(asked, [(paid, b"{}")])
    _, of_bill = ledger.rebuild.unsent(asked, limit=9)
    assert paid.external_id in _ids_of(of_bill)


def test_a_bill_that_was_asked_for_is_sent_under_an_id_that_a_rebuild_looks_up(
    ledger: LedgerStore, asked: Run, clock: Clock
) -> None:
    """Its own is taken by another row; the bill is no part of the one that it gets."""
    own = asked.ids.external_id(party_identity(PRODUCT, (None, SPELLED, None)), 1)
    ledger.rebuild.start(asked)
    (other, *_), _ = ledger.rebuild.unsent(asked, limit=9)
    ledger.rebuild.write_attempts([(replace(other, external_id=own), clock.now())], "rebuilt")
    ledger.rebuild.end(asked)
    with closing(sqlite3.connect(ledger.path)) as connection, connection:
        connection.execute("UPDATE rows SET amount_until = '9' WHERE amount_until IS NOT NULL")
    [sent] = ledger.attempts.claim(asked, 9)
    folded = folded_party_identity(PRODUCT, None, SPELLED, None, None)
    assert sent.external_id == RunIds.of_name(asked.job, asked.run_key).external_id(folded, 1)
