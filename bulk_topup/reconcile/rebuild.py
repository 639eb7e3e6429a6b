"""Rebuilds a run's attempts from the transactions that DVS has for its external IDs; sends no payment."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bulk_topup.domain.attempt import REBUILT, Attempt, Move
from bulk_topup.domain.identity import MAX_ATTEMPTS, stem_of
from bulk_topup.domain.moves import move_for
from bulk_topup.domain.run import Run, possible_ids
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.transaction import Transaction
from bulk_topup.dvs.pagination import PAGES_AT_ONCE
from bulk_topup.ledger import LedgerStore
from bulk_topup.reconcile.lookup import find_by_external_id, listed_transaction, read_again
from bulk_topup.reconcile.open_amounts import with_amount_of

#: The cause in the event log of everything that is written here.
CAUSE: Final = REBUILT
#: Rows that are looked up concurrently.
ROWS_AT_ONCE: Final = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class _FoundAttempt:
    """One attempt of a row that DVS has."""

    attempt: Attempt
    creation_date: datetime
    move: Move


async def rebuild_attempts(run: Run, *, dvs: AsyncDVS, ledger: LedgerStore, start: datetime, end: datetime) -> int:
    """Look up every row at DVS, and write its attempts with their outcomes.

    DVS's list of the window is read first; a row that was never sent and that it does not show is looked up by its
    external ID. Rows that DVS does not know stay pending. Of rows that were sent, later attempts of the list are added.
    A row that a listed transaction of no row may have paid needs review.

    The caller ends the rebuild. Until then, nothing of a list that was merged for it is sent.

    Args:
        run: the run, with its list merged, whose lock the caller holds.
        dvs: an open client.
        ledger: an open ledger.
        start, end: the window of creation dates, in UTC.

    Returns:
        How many rows were found.

    Raises:
        DVSError: DVS did not respond; rows that were written are kept.
    """
    ledger.rebuild.start(run)
    jobs = {run.job, *(ids.job for ids in possible_ids(run))}
    listed = dvs.transactions.list(from_date=start, to_date=end)
    async with aclosing(listed.pages(at_once=PAGES_AT_ONCE)) as pages:
        async for page in pages:
            # One that is skipped would count as absent, and its row might be paid again.
            items = [*page.items, *await read_again(dvs, page.unreadable, jobs)]
            ledger.rebuild.save(run, [(listed_transaction(each), _saved_body(each)) for each in items])
    rebuilt = after_row = 0
    while rows := ledger.rebuild.unsent(run, after_row=after_row, limit=ROWS_AT_ONCE):
        after_row = rows[-1][0].row_id
        found = ledger.rebuild.saved([attempts[0].row_id for attempts in rows])
        chains = await asyncio.gather(*(_chain_of_row(dvs, attempts, found) for attempts in rows))
        _write([chain for chain in chains if chain], ledger)
        rebuilt += sum(bool(chain) for chain in chains)
    _ask_about_others(run, ledger)
    return rebuilt + await _rebuild_later(run, dvs, ledger)


def _ask_about_others(run: Run, ledger: LedgerStore) -> None:
    """Let rows be reviewed that may have been paid under IDs which nobody can compute, e.g. of another reference."""
    found = ledger.rebuild.may_be_paid(run)
    moves = [
        Move(
            row_id=attempt.row_id,
            attempt=attempt.number,
            before=RowState.IN_FLIGHT,
            after=RowState.CONFLICT,
            cause=CAUSE,
            message=(
                f"DVS has {external_id}, which pays the same and is of no row of the list. If that was this row's "
                "payment, under another run key or spelling, resolve it as completed, else as failed."
            ),
        )
        for attempt, external_id, _ in found
    ]
    ledger.rebuild.write_attempts([(attempt, created_at) for attempt, _, created_at in found], CAUSE, moves)


async def _rebuild_later(run: Run, dvs: AsyncDVS, ledger: LedgerStore) -> int:
    """Write the attempts that follow those of the ledger, where the list of the window has such; return the rows."""
    rebuilt = after_row = 0
    while rows := ledger.rebuild.reached(run, after_row=after_row, limit=ROWS_AT_ONCE):
        after_row = rows[-1][0].row_id
        found = ledger.rebuild.saved([known.row_id for known, _, _ in rows])
        chains = []
        for known, later, state in rows:
            if state in {RowState.IN_FLIGHT, RowState.ACCEPTED}:
                move = await _end_of_known(dvs, known, state, later)
                ledger.attempts.record([move])
                state = move.after
            if state is RowState.FAILED:
                ledger.attempts.record([_move_to_pending(known)])
            if state in {RowState.FAILED, RowState.PENDING}:
                chains.append(await _chain(dvs, later, found.get(stem_of(later.external_id), {})))
        _write([chain for chain in chains if chain], ledger)
        rebuilt += len(rows)
    return rebuilt


async def _end_of_known(dvs: AsyncDVS, known: Attempt, state: RowState, later: Attempt) -> Move:
    """Return the move of an open row of which DVS has a later attempt: its known one failed, or it needs review."""
    transaction = await find_by_external_id(dvs, known.external_id)
    if transaction is not None:
        move = move_for(known, state, transaction, CAUSE, found_by_id=True)
        if move.after is RowState.FAILED:
            return move
    message = (
        f"DVS also has {later.external_id} for this row, and {known.external_id} has not failed. It may be paid more "
        "than once. Ask DT One now."
    )
    return Move(
        row_id=known.row_id,
        attempt=known.number,
        before=state,
        after=RowState.CONFLICT,
        cause=CAUSE,
        message=message,
    )


def _move_to_pending(known: Attempt) -> Move:
    return Move(row_id=known.row_id, attempt=known.number, before=RowState.FAILED, after=RowState.PENDING, cause=CAUSE)


async def _chain_of_row(
    dvs: AsyncDVS, firsts: Sequence[Attempt], found: Mapping[str, Mapping[int, bytes | None]]
) -> list[_FoundAttempt]:
    """Return the attempts of a row under the IDs that DVS knows; those that did not fail come before failed ones.

    If it was sent under two and neither has failed, it may be paid twice, so its last attempt needs review.
    """
    chains = await asyncio.gather(*(_chain(dvs, each, found.get(stem_of(each.external_id), {})) for each in firsts))
    known = [chain for chain in chains if chain]
    if not known:
        return []
    taken = [chain for chain in known if chain[-1].move.after is not RowState.FAILED]
    chain, others = (taken or known)[0], taken[1:]
    if others:
        ids = ", ".join(each[-1].attempt.external_id for each in others)
        message = f"DVS also has {ids} for this row. It may be paid more than once. Ask DT One now."
        move = replace(chain[-1].move, after=RowState.CONFLICT, message=message)
        chain[-1] = replace(chain[-1], move=move)
    return chain


async def _chain(dvs: AsyncDVS, first: Attempt, found: Mapping[int, bytes | None]) -> list[_FoundAttempt]:
    """Return a row's attempts from one of them to the one that did not fail, or to the last that DVS has."""
    chain: list[_FoundAttempt] = []
    stem = stem_of(first.external_id)
    for number in range(first.number, MAX_ATTEMPTS + 1):
        attempt = replace(first, number=number, external_id=f"{stem}-{number}")
        transaction = await _transaction(dvs, attempt, found.get(number))
        if transaction is not None:
            if attempt.is_amount_open:
                attempt = with_amount_of(attempt, transaction)
            move = move_for(attempt, RowState.IN_FLIGHT, transaction, CAUSE, found_by_id=True)
            chain.append(_FoundAttempt(attempt=attempt, creation_date=transaction.creation_date, move=move))
        is_over = transaction is None or chain[-1].move.after is not RowState.FAILED
        # An attempt may be missing before a later one: its record is gone, or its ID belonged to another transaction.
        if is_over and (transaction is not None or number >= max(found, default=0)):
            break
    return chain


def _saved_body(transaction: Transaction) -> bytes | None:
    """Return what the ledger saves of a transaction; None for one with secrets, which is fetched again."""
    return None if transaction.has_secrets else transaction.model_dump_json(by_alias=True).encode()


async def _transaction(dvs: AsyncDVS, attempt: Attempt, body: bytes | None) -> Transaction | None:
    if body is not None:
        return Transaction.model_validate_json(body)
    return await find_by_external_id(dvs, attempt.external_id)


def _write(chains: list[list[_FoundAttempt]], ledger: LedgerStore) -> None:
    """Write the rows' attempts, first attempts first."""
    for index in range(max(map(len, chains), default=0)):
        found = [chain[index] for chain in chains if len(chain) > index]
        ledger.attempts.record(
            [_move_to_pending(chain[index - 1].attempt) for chain in chains if len(chain) > index > 0]
        )
        ledger.rebuild.write_attempts(
            [(each.attempt, each.creation_date) for each in found], CAUSE, [each.move for each in found]
        )
