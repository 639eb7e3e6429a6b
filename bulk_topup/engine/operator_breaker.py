"""Leaves an operator alone whose rows keep failing, and tries it again later with one row; touches only the clock."""

from collections.abc import Collection
from dataclasses import dataclass

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.guards import Operators
from bulk_topup.domain.retry_rules import OPERATOR_TROUBLES
from bulk_topup.domain.states import RowState
from bulk_topup.system.clock import Clock

#: How often a pause doubles; beyond it a run waits for no operator any more.
MOST_DOUBLINGS = 30


@dataclass(kw_only=True, slots=True)
class _Operator:
    #: Failures in a row that concern the operator.
    failures: int = 0
    pauses: int = 0
    #: When it is tried again; None while all is well.
    resume_at: float | None = None
    #: When its first pause began.
    troubled_since: float = 0.0
    #: The row that shows how it fares.
    probe: int | None = None


class OperatorBreaker:
    """Knows which operators are parked.

    Args:
        policy: when to park, and for how long.
        clock: where time comes from.
    """

    def __init__(self, policy: Operators, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._operators: dict[int, _Operator] = {}

    @property
    def parked(self) -> list[int]:
        """Operators whose rows wait: for a time, or for the row that was sent to try them."""
        now = self._clock.monotonic()
        return [
            id_
            for id_, operator in self._operators.items()
            if operator.resume_at is not None and (operator.probe is not None or operator.resume_at > now)
        ]

    @property
    def probed(self) -> list[int]:
        """Operators that are to be tried with one row."""
        parked = set(self.parked)
        return [
            id_ for id_, operator in self._operators.items() if operator.resume_at is not None and id_ not in parked
        ]

    @property
    def given_up(self) -> list[int]:
        """Operators that have been unavailable for longer than the run waits for them."""
        now = self._clock.monotonic()
        return [
            id_
            for id_, operator in self._operators.items()
            if operator.resume_at is not None and now - operator.troubled_since > self._policy.patience
        ]

    @property
    def resume_at(self) -> float | None:
        """When the next parked operator may be tried again; None when none is parked."""
        times = [
            operator.resume_at
            for operator in self._operators.values()
            if operator.resume_at is not None and operator.probe is None
        ]
        return min(times, default=None)

    @property
    def message(self) -> str:
        """One sentence about the parked operators; empty when there are none."""
        parked = self.parked
        return f"Operators parked because their rows keep failing: {', '.join(map(str, parked))}." if parked else ""

    def claimed(self, attempts: Collection[Attempt]) -> None:
        """Take in that these rows are on their way."""
        for attempt in attempts:
            operator = self._operators.get(attempt.operator_id or 0)
            if operator is not None and operator.resume_at is not None and operator.probe is None:
                operator.probe = attempt.row_id

    def moved(self, attempt: Attempt, move: Move) -> None:
        """Take in what became of a row."""
        if attempt.operator_id is None or move.after is RowState.ACCEPTED:
            return
        operator = self._operators.setdefault(attempt.operator_id, _Operator())
        is_probe = operator.probe == attempt.row_id
        if is_probe:
            operator.probe = None
        if move.after is RowState.COMPLETED:
            self._operators[attempt.operator_id] = _Operator()
        elif move.after is RowState.FAILED and move.facts and move.facts.status_message in OPERATOR_TROUBLES:
            operator.failures += 1
            if is_probe or (operator.resume_at is None and operator.failures >= self._policy.failures):
                self._park(operator)

    def _park(self, operator: _Operator) -> None:
        now = self._clock.monotonic()
        if operator.resume_at is None:
            operator.troubled_since = now
        operator.resume_at = now + self._policy.pause * 2.0 ** min(operator.pauses, MOST_DOUBLINGS)
        operator.pauses += 1
