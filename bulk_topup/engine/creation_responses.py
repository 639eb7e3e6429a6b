"""What each response to a creation means for its row; sends look-ups, and records moves.

While the outcome of an attempt is unknown, nothing but the same request with the same external ID is sent for its row.
An outcome that stays unknown leaves the row in flight; a later pass or invocation sends it again. A refusal that
follows an unknown outcome starts a wait for proof, see `absence_proof`. Only a response in DVS's own form says
anything about a row; what is sent next is another decision, which refused credentials and rate limits of anybody make.
"""

from dataclasses import dataclass

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.moves import move_for
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import (
    DVSError,
    ExternalIdAlreadyUsedError,
    InsufficientBalanceError,
    InvalidResponseError,
    NextStep,
    TooManyRequestsError,
    UnauthorizedError,
    WaitTooLongError,
)
from bulk_topup.dvs.models.transaction import TransactionOutcome
from bulk_topup.engine.absence_proof import AbsenceProof
from bulk_topup.engine.control import StopReason
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.run_context import RunContext

#: Quick look-ups of an external ID that is used and not listed yet; a list that is further behind is awaited.
USED_ID_LOOKUPS = 4
#: Seconds before the second of them; doubles with each further one.
USED_ID_FIRST_WAIT = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Creation:
    """An attempt whose intent is on disk, and which may be sent."""

    attempt: Attempt
    #: DVS may have accepted an earlier request of this attempt.
    maybe_sent: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reading:
    """DVS's list, read for one external ID."""

    #: Its transaction; None if it lists none.
    found: TransactionOutcome | None


class CreationResponses:
    """Records what the responses to creations mean for their rows.

    Args:
        context: what the parts of the run share.
        recorder: records moves.
        proof: waits for proof that DVS has no transaction of an attempt.
    """

    def __init__(self, context: RunContext, recorder: MoveRecorder, proof: AbsenceProof) -> None:
        self._dvs = context.dvs
        self._control = context.control
        self._recorder = recorder
        self._proof = proof
        #: Rows of unknown outcome, each with the number of outages when it was last sent or looked up.
        self._outages_seen: dict[int, int] = {}

    async def may_send(self, creation: Creation) -> bool:
        """Return True if an attempt may be sent now; look up one of unknown outcome before it is sent again.

        That is done once after a restart and once after each outage, not before each send. An attempt that is not
        listed is sent again: that is no proof that DVS will not have it. A transaction that is listed is recorded.
        While the list can't be read, the attempt is not sent.
        """
        attempt, outages = creation.attempt, self._control.outages
        if not creation.maybe_sent or self._outages_seen.get(attempt.row_id) == outages:
            self._outages_seen[attempt.row_id] = outages
            return True
        if not self._control.may_submit or not (reading := await self._read_list(attempt)):
            return False
        self._outages_seen[attempt.row_id] = outages
        if reading.found is not None:
            await self._record_found(attempt, reading.found, "found in DVS's list before it was sent again")
        return reading.found is None

    async def record(self, creation: Creation, response: TransactionOutcome | DVSError | None) -> None:
        """Record what a response means for its row.

        Args:
            creation: what was to be sent.
            response: the transaction or the error; None if the run stopped before the request was sent.
        """
        attempt = creation.attempt
        if isinstance(response, DVSError):
            await self._record_error(creation, response)
        elif response is not None and response.external_id != attempt.external_id:
            await self._look_up_own(attempt, response)
        elif response is not None:
            self._control.record_response()
            await self._record(attempt, move_for(attempt, RowState.IN_FLIGHT, response, "answer to the creation"))
        elif not creation.maybe_sent:
            await self._release(attempt, "not sent: the run was stopped")

    async def look_up(self, attempt: Attempt, *, is_closed: bool) -> None:
        """Find the outcome of an attempt that is not sent again: a transaction, or proof of none.

        Args:
            attempt: the attempt, in flight.
            is_closed: whether its run is closed, so that no later invocation sends it either.
        """
        if not (reading := await self._read_list(attempt)):
            return
        if reading.found is not None:
            when = "after the run was closed" if is_closed else "before a start that sends nothing"
            await self._record_found(attempt, reading.found, f"found in DVS's list {when}")
            return
        if not is_closed:
            await self._proof.start(attempt, after=RowState.PENDING, message="")
            return
        message = f"DVS has no transaction {attempt.external_id}, and the run is closed: not sent again."
        await self._proof.start(attempt, after=RowState.FAILED, message=message)

    async def _record_error(self, creation: Creation, error: DVSError) -> None:
        """Decide what is sent next, and then, apart from that, what is known of the row."""
        attempt, maybe_sent = creation.attempt, creation.maybe_sent or error.after_unknown
        if isinstance(error, WaitTooLongError):
            self._control.record_error(error)  # the row stays in flight: an earlier try may have been accepted
            return
        self._decide_next(error)
        if isinstance(error, ExternalIdAlreadyUsedError):
            await self._adopt(attempt)
        elif error.outcome_unknown:
            return
        elif isinstance(error, TooManyRequestsError | UnauthorizedError):
            if not maybe_sent:
                is_throttled = isinstance(error, TooManyRequestsError)
                why = "rate limit" if is_throttled else "the credentials were refused"
                await self._release(attempt, f"not taken: {why}")
        else:
            await self._record_refusal(attempt, error, maybe_sent=maybe_sent)

    def _decide_next(self, error: DVSError) -> None:
        if error.next_step is NextStep.CONTINUE:
            self._control.record_response()
        else:
            self._control.record_error(error)
        if isinstance(error, InsufficientBalanceError):
            self._control.stop(StopReason.BALANCE, f"{error}. Sending stopped. Top up the wallet, then resume.")

    async def _record_refusal(self, attempt: Attempt, error: DVSError, *, maybe_sent: bool) -> None:
        """Record that DVS refused a request; after one of unknown outcome that alone says nothing."""
        if isinstance(error, InsufficientBalanceError):
            if maybe_sent:
                await self._proof.start(attempt, after=RowState.PENDING, message="")
            else:
                await self._release(attempt, "not taken: insufficient balance")
            return
        reasons = "; ".join(f"{detail.message} ({detail.code})" for detail in getattr(error, "details", ()))
        message = f"DVS did not accept the transaction{f': {reasons}' if reasons else f'. {error}'}."
        if maybe_sent:
            await self._proof.start(attempt, after=RowState.FAILED, message=message)
            return
        await self._record(
            attempt,
            Move(
                row_id=attempt.row_id,
                attempt=attempt.number,
                before=RowState.IN_FLIGHT,
                after=RowState.FAILED,
                cause="creation refused",
                message=message,
            ),
        )

    async def _look_up_own(self, attempt: Attempt, other: TransactionOutcome) -> None:
        """Find an attempt whose creation was answered with another transaction, which says nothing of ours.

        If DVS does not list ours, the row stays in flight, and the same request is sent again.
        """
        self._control.record_no_response(
            InvalidResponseError(
                f"DVS answered the creation of {attempt.external_id} with transaction {other.id} of external ID "
                f"{other.external_id}"
            )
        )
        await self._control.wait_until_closed()
        if self._control.is_stopping:
            return
        try:
            found, _ = await self._dvs.transaction_outcomes.find(attempt.external_id)
        except DVSError as error:
            self._control.record_error(error)
            return
        if found is not None:  # else the circuit counts the answer, although the list could be read
            await self._record_found(attempt, found, "the answer was another transaction: ours was fetched")

    async def _adopt(self, attempt: Attempt) -> None:
        """Fetch the transaction that DVS says to have with an attempt's external ID.

        It is ours only if it matches our request. DVS's list may be behind, so the row is a conflict only when the
        list still lacks it a minute later.
        """
        wait = USED_ID_FIRST_WAIT
        for number in range(USED_ID_LOOKUPS):
            if number:
                await self._control.sleep(wait)
                wait *= 2
            if not (reading := await self._read_list(attempt)):
                return
            if reading.found is not None:
                cause = "external id already used: the transaction was fetched"
                await self._record_found(attempt, reading.found, cause)
                return
        message = (
            f"DVS reports external ID {attempt.external_id} as used, but lists no transaction with it. "
            "Ask DT One for the outcome before paying again."
        )
        await self._proof.start(attempt, after=RowState.CONFLICT, message=message)

    async def _read_list(self, attempt: Attempt) -> _Reading | None:
        """Return what DVS lists under an attempt's external ID, once the circuit is closed; None if it can't be read.

        A run that stops reads nothing more; one that only submits no more rows still does.
        """
        await self._control.wait_until_closed()
        if self._control.is_stopping:
            return None
        try:
            found, _ = await self._dvs.transaction_outcomes.find(attempt.external_id)
        except DVSError as error:
            self._control.record_error(error)
            return None
        self._control.record_response()
        return _Reading(found=found)

    async def _record_found(self, attempt: Attempt, found: TransactionOutcome, cause: str) -> None:
        await self._record(attempt, move_for(attempt, RowState.IN_FLIGHT, found, cause, found_by_id=True))

    async def _release(self, attempt: Attempt, cause: str) -> None:
        await self._record(attempt, release(attempt, cause))

    async def _record(self, attempt: Attempt, move: Move) -> None:
        self._outages_seen.pop(attempt.row_id, None)
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
