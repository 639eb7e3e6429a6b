"""Why rows did not complete, in a bounded number of kinds, gathered as they stream by; pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.problems import Problem
from bulk_topup.domain.states import RowState
from bulk_topup.report.reasons import reason

#: Kinds of reason that are told apart; rows beyond them are counted under one that says so.
MAX_KINDS: Final = 500
#: Lines that a kind names.
LINES_NAMED: Final = 5
#: What a reason says of its one row: what is quoted, and in a refusal any figures but a product's number.
_QUOTED: Final = re.compile(r'"[^"]*"')
_FIGURES: Final = re.compile(r"(?<!Product )(?<![\w.])[0-9][0-9.,]*(?![\w])")
_OTHER: Final = "For other reasons; the results name each."

#: What is said of rows about which nobody said anything.
_UNSAID: Final = {
    RowState.PENDING: "It waits to be sent.",
    RowState.IN_FLIGHT: "The outcome is unknown; it may have been paid.",
    RowState.ACCEPTED: "The provider has accepted it and has not finished.",
    RowState.REVERSED: "It was paid, and the provider took the payment back.",
}


@dataclass(kw_only=True, slots=True)
class ReasonGroup:
    """Rows that did not complete for the same reason, but for their own values."""

    state: RowState
    reason: str
    rows: int = 0
    #: The first lines of the list among them.
    lines: list[int] = field(default_factory=list)


class Reasons:
    """Counts rows that did not complete by why they did not."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str], ReasonGroup] = {}

    def add(self, outcomes: Outcomes) -> None:
        """Count those of these rows that did not complete; a row with several problems counts for each of them."""
        completed = RowState.COMPLETED.value
        for place, state in enumerate(outcomes.state):
            if state != completed:
                for text in _reasons_of(outcomes, place):
                    self._count(state, text, outcomes.line[place])

    def _count(self, state: str, text: str, line: int) -> None:
        kind = self._kinds.get((state, text))
        if kind is None:
            if len(self._kinds) >= MAX_KINDS:
                text = _OTHER
            kind = self._kinds.setdefault((state, text), ReasonGroup(state=RowState(state), reason=text))
        kind.rows += 1
        if len(kind.lines) < LINES_NAMED:
            kind.lines.append(line)

    def most_common(self) -> list[ReasonGroup]:
        """Give the kinds, those of most rows first."""
        return sorted(self._kinds.values(), key=lambda kind: -kind.rows)


def _reasons_of(outcomes: Outcomes, place: int) -> Iterator[str]:
    state = RowState(outcomes.state[place])
    problems = outcomes.problems[place]
    if state is RowState.REFUSED and problems:
        yield from {_kind_of(problem): None for problem in problems}
        return
    status = outcomes.status_message[place]
    said = outcomes.message[place]
    if state in {RowState.FAILED, RowState.REVERSED} and status:
        yield status
    else:
        yield _QUOTED.sub('"…"', said) if said else _UNSAID.get(state) or status or "Nothing was said."


def _kind_of(problem: Problem) -> str:
    general = _FIGURES.sub("…", _QUOTED.sub('"…"', problem.message))
    return reason("", [replace(problem, message=general)])
