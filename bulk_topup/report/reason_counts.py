"""Reasons of rows that are not completed, counted in a bounded number of groups as rows stream by; pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from bulk_topup.domain.decline_advice import decline_sentence
from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.problem_groups import QUOTED, general_message
from bulk_topup.domain.problems import Problem
from bulk_topup.domain.states import RowState
from bulk_topup.report.reasons import reason

#: Groups with a reason of their own; rows with other reasons share one more group.
MAX_GROUPS: Final = 500
#: Lines that a group names.
LINES_NAMED: Final = 5
_OTHER: Final = "Other reasons; the results name each."

#: Reasons of rows that have no message.
_DEFAULTS: Final = {
    RowState.PENDING: "Not sent yet.",
    RowState.IN_FLIGHT: "Sent, outcome unknown. It may have been paid.",
    RowState.ACCEPTED: "DVS has accepted it; the transaction is not final.",
    RowState.REVERSED: "It was paid, and DVS reversed the payment.",
}


@dataclass(kw_only=True, slots=True)
class ReasonGroup:
    """Rows that are not completed for the same reason, apart from their own values."""

    state: RowState
    reason: str
    rows: int = 0
    #: The first of their lines in the list.
    lines: list[int] = field(default_factory=list)


class Reasons:
    """Counts rows that are not completed by reason."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], ReasonGroup] = {}

    def add(self, outcomes: Outcomes) -> None:
        """Count the rows that are not completed; a row with several problems counts for each of them."""
        completed = RowState.COMPLETED.value
        for index, state in enumerate(outcomes.state):
            if state != completed:
                for text in _reasons_of(outcomes, index):
                    self._count(state, text, outcomes.line[index])

    def _count(self, state: str, text: str, line: int) -> None:
        group = self._groups.get((state, text))
        if group is None:
            if len(self._groups) >= MAX_GROUPS:
                text = _OTHER
            group = self._groups.setdefault((state, text), ReasonGroup(state=RowState(state), reason=text))
        group.rows += 1
        if len(group.lines) < LINES_NAMED:
            group.lines.append(line)

    def most_common(self) -> list[ReasonGroup]:
        """Return the groups, the largest first."""
        return sorted(self._groups.values(), key=lambda group: -group.rows)


def _reasons_of(outcomes: Outcomes, index: int) -> Iterator[str]:
    state = RowState(outcomes.state[index])
    problems = outcomes.problems[index]
    if state is RowState.REFUSED and problems:
        yield from {_general_reason(problem): None for problem in problems}
        return
    status = outcomes.status_message[index]
    message = outcomes.message[index]
    if state in {RowState.FAILED, RowState.REVERSED} and status:
        yield decline_sentence(status)
    else:
        yield QUOTED.sub('"…"', message) if message else _DEFAULTS.get(state) or status or "No reason given."


def _general_reason(problem: Problem) -> str:
    return reason("", [replace(problem, message=general_message(problem.message))])
