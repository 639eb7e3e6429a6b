"""What each response to a creation means for its row; sends look-ups, and records moves.

While the outcome of an attempt is unknown, nothing but the same request with the same external ID is sent for its row.
An outcome that stays unknown leaves the row in flight; a later pass or invocation sends it again.
"""

from dataclasses import dataclass

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.moves import move_for
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import (
    APIError,
    DVSError,
    ExternalIdAlreadyUsedError,
    InsufficientBalanceError,
    TooManyRequestsError,
    UnauthorizedError,
)
from bulk_topup.dvs.models.transaction import TransactionOutcome
from bulk_topup.engine.control import StopReason
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.run_context import RunContext

#: Look-ups of an external ID that is used but not listed yet.
USED_ID_LOOKUPS = 4
#: Seconds before the second of them; doubles with each further one.
USED_ID_FIRST_WAIT = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Creation:
    """An attempt whose intent is on disk, and which may be sent."""

    attempt: Attempt
    #: DVS may have accepted an earlier request of this attempt.
    maybe_sent: bool


class CreationResponses:
    """Records what the responses to creations mean for their rows.

    Args:
        context: what the parts of the run share.
        recorder: records moves.
    """

    def __init__(self, context: RunContext, recorder: MoveRecorder) -> None:
        self._dvs = context.dvs
        self._control = context.control
        self._recorder = recorder

    async def record(self, creation: Creation, response: TransactionOutcome | DVSError | None) -> None:
        """Record what a response means for its row.

        Args:
            creation: what was to be sent.
            response: the transaction or the error; None if the run stopped before the request was sent.
        """
        attempt = creation.attempt
        if isinstance(response, DVSError):
            await self._record_error(creation, response)
        elif response is not None:
            self._control.record_response()
            await self._record(attempt, move_for(attempt, RowState.IN_FLIGHT, response, "answer to the creation"))
        elif not creation.maybe_sent:
            await self._release(attempt, "not sent: the run was stopped")

    async def look_up(self, attempt: Attempt) -> None:
        """Record the outcome of an attempt of a closed run, which is not sent again: a transaction, or that none is.

        Args:
            attempt: the attempt, in flight.
        """
        if await self._is_proved_absent(attempt):
            await self._record(
                attempt,
                Move(
                    row_id=attempt.row_id,
                    attempt=attempt.number,
                    before=RowState.IN_FLIGHT,
                    after=RowState.FAILED,
                    cause="run closed, and no transaction is listed under the external id",
                    message=f"DVS has no transaction {attempt.external_id}, and the run is closed: not sent again.",
                ),
            )

    async def _record_error(self, creation: Creation, error: DVSError) -> None:
        attempt = creation.attempt
        if error.outcome_unknown:
            self._control.record_no_response(error)
            return
        maybe_sent = creation.maybe_sent or error.after_unknown
        if isinstance(error, TooManyRequestsError):
            self._control.record_no_response(error)
            if not maybe_sent:
                await self._release(attempt, "not taken: rate limit")
            return
        self._control.record_response()
        if isinstance(error, ExternalIdAlreadyUsedError):
            await self._adopt(attempt)
            return
        if isinstance(error, UnauthorizedError):
            self._control.stop_unauthorized(error)
            if not maybe_sent:
                await self._release(attempt, "not taken: the credentials were refused")
            return
        # A refusal without a readable reason may come from a proxy, or mean that an earlier request was accepted.
        maybe_sent = maybe_sent or (isinstance(error, APIError) and not error.details)
        if isinstance(error, InsufficientBalanceError):
            self._control.stop(StopReason.BALANCE, f"{error}. Sending stopped. Top up the wallet, then resume.")
        if maybe_sent and not await self._is_proved_absent(attempt):
            return
        if isinstance(error, InsufficientBalanceError):
            await self._release(attempt, "not taken: insufficient balance")
        else:
            await self._fail(attempt, error)

    async def _adopt(self, attempt: Attempt) -> None:
        """Fetch the transaction of a used external ID (1007001); it is ours only if it matches our request."""
        wait = USED_ID_FIRST_WAIT
        for _ in range(USED_ID_LOOKUPS):
            try:
                found = await self._find_listed(attempt)
            except DVSError as error:
                self._control.record_no_response(error)
                return
            if found is not None:
                await self._record_found(attempt, found, "external id already used: the transaction was fetched")
                return
            await self._control.sleep(wait)
            wait *= 2
        if self._control.is_stopping:
            return
        await self._record(
            attempt,
            Move(
                row_id=attempt.row_id,
                attempt=attempt.number,
                before=RowState.IN_FLIGHT,
                after=RowState.CONFLICT,
                cause="external id already used, and no transaction is listed under it",
                message=(
                    f"DVS reports external ID {attempt.external_id} as used, but lists no transaction with it. "
                    "Ask DT One for the outcome before paying again."
                ),
            ),
        )

    async def _is_proved_absent(self, attempt: Attempt) -> bool:
        """Return True if DVS is known not to have accepted an attempt that may have been sent before.

        A refusal alone proves nothing, as an earlier request may still arrive: one timeout after the last send,
        DVS's list must not show the external ID either. If the look-up fails, the outcome stays unknown.
        """
        await self._control.sleep(self._dvs.timeout)
        if self._control.is_stopping:
            return False
        try:
            found = await self._find_listed(attempt)
        except DVSError as error:
            self._control.record_no_response(error)
            return False
        if found is not None:
            cause = "found in the provider's list after a refusal"  # language: a cause that ledgers contain
            await self._record_found(attempt, found, cause)
        return found is None

    async def _record_found(self, attempt: Attempt, found: TransactionOutcome, cause: str) -> None:
        await self._record(attempt, move_for(attempt, RowState.IN_FLIGHT, found, cause, found_by_id=True))

    async def _find_listed(self, attempt: Attempt) -> TransactionOutcome | None:
        page = await self._dvs.transaction_outcomes.list(external_id=attempt.external_id).page()
        own = [found for found in page.items if found.external_id == attempt.external_id]
        return own[0] if own else None

    async def _release(self, attempt: Attempt, cause: str) -> None:
        await self._record(attempt, release(attempt, cause))

    async def _fail(self, attempt: Attempt, error: DVSError) -> None:
        reasons = "; ".join(f"{detail.message} ({detail.code})" for detail in getattr(error, "details", ()))
        why = f": {reasons}" if reasons else f". {error}"
        await self._record(
            attempt,
            Move(
                row_id=attempt.row_id,
                attempt=attempt.number,
                before=RowState.IN_FLIGHT,
                after=RowState.FAILED,
                cause="creation refused",
                message=f"DVS did not accept the transaction{why}.",
            ),
        )

    async def _record(self, attempt: Attempt, move: Move) -> None:
        await self._recorder.record((attempt, move))


def release(attempt: Attempt, cause: str) -> Move:
    """Return the move that sets a row back to pending because its request was not sent or not accepted.

    Args:
        attempt: the row's attempt, in flight.
        cause: why, for the event log.
    """
    return Move(
        row_id=attempt.row_id,
        attempt=attempt.number,
        before=RowState.IN_FLIGHT,
        after=RowState.PENDING,
        cause=cause,
    )
