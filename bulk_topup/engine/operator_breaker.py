"""Circuit breaker per operator: pauses one whose rows keep failing, then probes it with one row; touches the clock."""

from collections.abc import Collection
from dataclasses import dataclass

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.guards import Operators
from bulk_topup.domain.retry_rules import OPERATOR_TROUBLES
from bulk_topup.domain.states import RowState
from bulk_topup.system.clock import Clock

#: Maximum doublings of a pause; a run does not wait for longer ones.
MOST_DOUBLINGS = 30


@dataclass(kw_only=True, slots=True)
class _Operator:
    #: Failures in a row that concern the operator and not the row.
    failures: int = 0
    pauses: int = 0
    #: When it is probed; None while it is not paused.
    resume_at: float | None = None
    #: When its first pause started.
    paused_since: float = 0.0
    #: The row that was sent to probe it.
    probe: int | None = None


class OperatorBreaker:
    """Knows which operators are paused.

    Args:
        policy: when to pause, and for how long.
        clock: where time comes from.
    """

    def __init__(self, policy: Operators, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._operators: dict[int, _Operator] = {}

    @property
    def paused(self) -> list[int]:
        """Operators whose rows wait: for the end of the pause, or for the outcome of the probe."""
        now = self._clock.monotonic()
        return [
            id_
            for id_, operator in self._operators.items()
            if operator.resume_at is not None and (operator.probe is not None or operator.resume_at > now)
        ]

    @property
    def probed(self) -> list[int]:
        """Operators that one row has to probe now."""
        paused = set(self.paused)
        return [
            id_ for id_, operator in self._operators.items() if operator.resume_at is not None and id_ not in paused
        ]

    @property
    def given_up(self) -> list[int]:
        """Operators that have been paused for longer than the run waits."""
        now = self._clock.monotonic()
        return [
            id_
            for id_, operator in self._operators.items()
            if operator.resume_at is not None and now - operator.paused_since > self._policy.patience
        ]

    @property
    def resume_at(self) -> float | None:
        """When the next paused operator may be probed; None if none is paused."""
        times = [
            operator.resume_at
            for operator in self._operators.values()
            if operator.resume_at is not None and operator.probe is None
        ]
        return min(times, default=None)

    @property
    def message(self) -> str:
        """A sentence about the paused operators; empty if there are none."""
        paused = self.paused
        return f"Operators paused after repeated failures: {', '.join(map(str, paused))}." if paused else ""

    def record_claim(self, attempts: Collection[Attempt]) -> None:
        """Record that rows are about to be sent; the first one of a paused operator is its probe."""
        for attempt in attempts:
            operator = self._operators.get(attempt.operator_id or 0)
            if operator is not None and operator.resume_at is not None and operator.probe is None:
                operator.probe = attempt.row_id

    def record_move(self, attempt: Attempt, move: Move) -> None:
        """Record a move, which may pause its operator or end the pause."""
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
                self._pause(operator)

    def _pause(self, operator: _Operator) -> None:
        now = self._clock.monotonic()
        if operator.resume_at is None:
            operator.paused_since = now
        operator.resume_at = now + self._policy.pause * 2.0 ** min(operator.pauses, MOST_DOUBLINGS)
        operator.pauses += 1
