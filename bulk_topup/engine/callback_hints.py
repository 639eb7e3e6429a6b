"""What callbacks hint at: each transaction is fetched from the API before the ledger moves."""

from bulk_topup.domain.attempt import HintedAttempt, Move
from bulk_topup.domain.guards import Mode, guards_of
from bulk_topup.domain.moves import move_for, reversal_of_forgotten
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS, NotFoundError
from bulk_topup.engine.concurrency import concurrency_for, gather_sum
from bulk_topup.engine.control import CircuitPolicy, Control
from bulk_topup.engine.journal import Journal
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import Clock

#: Hints that are followed before anything else has its turn.
HINTS_AT_ONCE = 100
_CAUSE = "status read after a callback"


async def follow_hints(run: Run, *, dvs: AsyncDVS, ledger: LedgerStore, clock: Clock) -> int:
    """Follow what callbacks hinted at about a run that is not on, and give how many rows moved.

    Args:
        run: the run, whose lock the caller holds.
        dvs: an open client.
        ledger: an open ledger.
        clock: where time comes from.

    Raises:
        DVSError: the API did not answer; the hints stay.
    """
    journal = Journal(ledger, run, clock)
    guards = guards_of(run.guards)
    settlement = MoveRecorder(
        ledger=ledger,
        journal=journal,
        run=run,
        control=Control(clock, CircuitPolicy()),
        clock=clock,
        guards=guards,
    )
    hints = CallbackHints(
        dvs=dvs,
        ledger=ledger,
        journal=journal,
        settlement=settlement,
        run=run,
        exclude_held=guards.mode is Mode.HOLD,
    )
    try:
        return await hints.follow(at_once=concurrency_for(dvs.limiter))
    finally:
        await journal.close()


class CallbackHints:
    """Follows the hints about one run.

    Args:
        dvs: the client.
        ledger: where hints are kept.
        journal: where the ledger is called.
        settlement: where moves are written.
        run: the run, whose lock the caller holds.
        exclude_held: whether transactions that wait to be confirmed are somebody else's to follow.
    """

    def __init__(
        self,
        *,
        dvs: AsyncDVS,
        ledger: LedgerStore,
        journal: Journal,
        settlement: MoveRecorder,
        run: Run,
        exclude_held: bool = False,
    ) -> None:
        self._dvs = dvs
        self._ledger = ledger
        self._journal = journal
        self._settlement = settlement
        self._run = run
        self._exclude_held = exclude_held

    async def follow(self, *, at_once: int) -> int:
        """Ask for the transactions that callbacks spoke of, so many at once, and give how many rows moved.

        Raises:
            DVSError: the API did not answer; the hints stay.
        """
        hints = await self._journal.call(
            self._ledger.hints.attempts, self._run, limit=HINTS_AT_ONCE, exclude_held=self._exclude_held
        )
        return await gather_sum(self._follow, hints, at_once=at_once)

    async def _follow(self, hint: HintedAttempt) -> int:
        move = await self._move(hint)
        if move is not None:
            await self._settlement.record((hint.attempt, move))
        await self._journal.call(self._ledger.hints.delete, [hint])
        return move is not None

    async def _move(self, hint: HintedAttempt) -> Move | None:
        try:
            transaction = await self._dvs.transaction_outcomes.get(hint.transaction_id)
        except NotFoundError:
            return None  # no proof of anything
        if self._run.purged_at is not None:
            return reversal_of_forgotten(hint, transaction, _CAUSE)
        move = move_for(hint.attempt, hint.state, transaction, _CAUSE)
        if hint.state is RowState.COMPLETED:
            # Only a reversal undoes a payment; whatever else is said of a paid row is for a person to compare.
            return move if move.after is RowState.REVERSED else None
        return move if move.after is not RowState.ACCEPTED else None
