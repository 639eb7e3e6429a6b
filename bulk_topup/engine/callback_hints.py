"""Follows callback hints: fetches each transaction from the API before the ledger moves."""

from bulk_topup.domain.attempt import HintedAttempt, Move
from bulk_topup.domain.guards import guards_of
from bulk_topup.domain.moves import move_for, reversal_of_forgotten
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS, NotFoundError, UnreadableBodyError
from bulk_topup.engine.concurrency import gather_sum
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.run_context import RunContext
from bulk_topup.engine.run_options import RunOptions
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import Clock

#: Maximum hints that are followed in one turn of the tracker.
MAX_HINTS = 100
_CAUSE = "status read after a callback"


async def follow_hints(run: Run, *, dvs: AsyncDVS, ledger: LedgerStore, clock: Clock) -> int:
    """Follow the callback hints about a run that is not running.

    Args:
        run: the run, whose lock the caller holds.
        dvs: an open client.
        ledger: an open ledger.
        clock: where time comes from.

    Returns:
        How many rows moved.

    Raises:
        DVSError: the API did not respond; the hints are kept.
    """
    options = RunOptions(guards=guards_of(run.guards))
    context = RunContext.create(run=run, dvs=dvs, ledger=ledger, options=options, clock=clock)
    hints = CallbackHints(context, MoveRecorder(context))
    try:
        return await hints.follow(concurrency=context.concurrency)
    finally:
        await context.journal.close()


class CallbackHints:
    """Follows the callback hints about one run.

    Args:
        context: what the parts of the run share.
        recorder: records moves.
    """

    def __init__(self, context: RunContext, recorder: MoveRecorder) -> None:
        self._dvs = context.dvs
        self._ledger = context.ledger
        self._journal = context.journal
        self._run = context.run
        #: Whether to leave out unconfirmed transactions: only the hold coordinator moves them.
        self._exclude_unconfirmed = context.is_hold_mode
        self._recorder = recorder

    async def follow(self, *, concurrency: int) -> int:
        """Fetch the transactions that callbacks named, and record their moves.

        Args:
            concurrency: maximum concurrent requests.

        Returns:
            How many rows moved.

        Raises:
            DVSError: the API did not respond; the hints are kept.
        """
        hints = await self._journal.call(
            self._ledger.hints.attempts, self._run, limit=MAX_HINTS, exclude_held=self._exclude_unconfirmed
        )
        return await gather_sum(self._follow, hints, concurrency=concurrency)

    async def _follow(self, hint: HintedAttempt) -> int:
        try:
            move = await self._move(hint)
        except UnreadableBodyError:
            return 0  # the hint is kept: another response, or another version, may be readable
        if move is not None:
            await self._recorder.record((hint.attempt, move))
        await self._journal.call(self._ledger.hints.delete, [hint])
        return move is not None

    async def _move(self, hint: HintedAttempt) -> Move | None:
        try:
            transaction = await self._dvs.transaction_outcomes.get(hint.transaction_id)
        except NotFoundError:
            return None  # proves nothing
        if self._run.purged_at is not None:
            return reversal_of_forgotten(hint, transaction, _CAUSE)
        move = move_for(hint.attempt, hint.state, transaction, _CAUSE)
        if hint.state is RowState.COMPLETED:
            # Only a reversal undoes a payment; `reconcile` shows any other status of a paid row.
            return move if move.after is RowState.REVERSED else None
        return move if move.after is not RowState.ACCEPTED else None
