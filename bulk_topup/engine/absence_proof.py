"""Proof that DVS has no transaction of an attempt; sends look-ups, and keeps the waits in the ledger.

A refusal after a request of unknown outcome proves nothing, as that request may still arrive. Only DVS's list proves
it: it must not show the external ID at two looks, the first a minute after the last send. Nothing is sent for the row
until then, and no option shortens the wait.
"""

from datetime import datetime, timedelta
from typing import Final

from bulk_topup.domain.attempt import MAY_ARRIVE, Absence, Attempt, Move
from bulk_topup.domain.moves import move_for
from bulk_topup.domain.states import RowState
from bulk_topup.domain.verdict import format_rows
from bulk_topup.dvs import DVSError, InvalidResponseError
from bulk_topup.engine.concurrency import gather_sum
from bulk_topup.engine.control import StopReason
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.run_context import RunContext

#: Seconds between the last send of an attempt and the first look at DVS's list.
ABSENCE_WAIT: Final = 60.0
#: Looks that must not show the attempt.
LOOKS: Final = 2
#: Seconds between them, since a list can be behind for a moment.
BETWEEN_LOOKS: Final = 15.0
#: Attempts that are looked up before the next ones are read from the ledger.
LOOKS_AT_ONCE: Final = 250


class AbsenceProof:
    """Waits until DVS is known to have no transaction of attempts that it refused after a request of unknown outcome.

    Args:
        context: what the parts of the run share.
        recorder: records moves.
    """

    def __init__(self, context: RunContext, recorder: MoveRecorder) -> None:
        self._context = context
        self._control = context.control
        self._ledger = context.ledger
        self._journal = context.journal
        self._run = context.run
        self._recorder = recorder
        #: When the monotonic clock was 0: a clock that is set during the run shortens no wait.
        self._epoch = context.clock.now() - timedelta(seconds=context.clock.monotonic())
        #: Attempts that wait.
        self.waiting = 0

    @property
    def message(self) -> str:
        """A sentence about the attempts that wait; empty without any."""
        verb = "waits" if self.waiting == 1 else "wait"
        return f"{format_rows(self.waiting)} {verb} for proof that DVS has no transaction." if self.waiting else ""

    async def resume(self) -> None:
        """Continue the waits of earlier invocations, each from its last send."""
        latest = self._now() + timedelta(seconds=ABSENCE_WAIT)
        self.waiting = await self._journal.call(self._ledger.absences.resume, self._run, latest=latest)

    async def start(self, attempt: Attempt, *, after: RowState, message: str) -> None:
        """Start the wait of an attempt whose last send has just ended; its row stays in flight.

        Args:
            attempt: the attempt.
            after: the row's state once absence is proved: a conflict if DVS has said that there is a transaction.
            message: its message then.
        """
        now = self._now()
        await self._journal.call(
            self._ledger.absences.start,
            attempt,
            sent_at=now,
            due_at=now + timedelta(seconds=ABSENCE_WAIT),
            after=after,
            message=message,
        )
        self.waiting += 1

    async def stop_if_withheld(self) -> None:
        """Stop if the rows that are left wait because an earlier request of another content may still arrive."""
        rows, due = await self._journal.call(self._ledger.absences.withheld, self._run)
        if due is not None:
            verb = "was" if rows == 1 else "were"
            self._control.stop(
                StopReason.WITHHELD,
                f"{format_rows(rows)} {verb} corrected after a request that may still arrive. Not sent before "
                f"{due:%Y-%m-%d %H:%M} UTC. Resume then: {self._context.resume_command}",
            )

    async def look(self) -> None:
        """Look up the attempts whose time has come, and move the rows of those that are found or proved absent."""
        while self.waiting and not (self._control.is_stopping or self._control.is_paused):
            due = await self._journal.call(self._ledger.absences.due, self._run, self._now(), limit=LOOKS_AT_ONCE)
            if not due:
                return
            try:
                self.waiting -= await gather_sum(self._look_at, due, concurrency=self._context.concurrency)
            except DVSError as error:
                # Without a look there is no proof: those that were not looked up stay due.
                self._control.record_error(error)
                await self.resume()
                return

    async def _look_at(self, absence: Absence) -> int:
        """Look up an attempt once; return 1 if its wait is over."""
        if self._control.is_stopping:
            return 0
        attempt = absence.attempt
        found, others = await self._context.dvs.transaction_outcomes.find(attempt.external_id)
        if found is None and others:
            raise InvalidResponseError(f"DVS listed other transactions than {attempt.external_id}.")
        self._control.record_response()
        if found is not None:
            cause = "found in the provider's list after a refusal"  # language: a cause that ledgers contain
            await self._recorder.record(
                (attempt, move_for(attempt, RowState.IN_FLIGHT, found, cause, found_by_id=True))
            )
            return 1
        if absence.looks + 1 < LOOKS:
            due_at = self._now() + timedelta(seconds=BETWEEN_LOOKS)
            await self._journal.call(self._ledger.absences.save_look, attempt, due_at=due_at)
            return 0
        await self._recorder.record((attempt, _move_of_absent(absence, is_closed=self._run.closing is not None)))
        return 1

    def _now(self) -> datetime:
        return self._epoch + timedelta(seconds=self._context.clock.monotonic())


def _move_of_absent(absence: Absence, *, is_closed: bool) -> Move:
    """Return the move of a row whose attempt is proved to be absent; no row of a closed run is sent again."""
    message, cause, after = absence.message, "not taken: DVS has no transaction", absence.after
    if after is RowState.CONFLICT:  # DVS has said that there is one, so absence from its list proves nothing
        cause = "DVS has a transaction of it, and lists none"
    elif is_closed or after is RowState.FAILED:
        why = message or f"DVS has no transaction {absence.attempt.external_id}, and the run is closed."
        until = absence.sent_at + MAY_ARRIVE
        late = f" Its request may still arrive: do not pay it by other means before {until:%Y-%m-%d %H:%M} UTC."
        message, cause, after = f"{why}{late}", "creation refused", RowState.FAILED
    return Move(
        row_id=absence.attempt.row_id,
        attempt=absence.attempt.number,
        before=RowState.IN_FLIGHT,
        after=after,
        cause=cause,
        message=message,
    )
