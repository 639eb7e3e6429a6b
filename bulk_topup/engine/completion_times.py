"""When transactions usually complete, learned per operator from rows that are polled often; pure.

A poll shows that some rows became final since the poll before it. They are assumed to have done so when others did, as
far as that is known, and otherwise just now. A mixture of quick and slow completions is learned as it is, for example
the 3 s, 20 s and 5 minutes of the sandbox's suffixes.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

#: The ends of the steps of age, in seconds: each a twentieth longer, from 20 ms to 24 hours.
_STEPS: Final = [0.02 * 1.05**step for step in range(315)]
#: Rows of an operator that must be seen before its own curve is used.
_ENOUGH: Final = 20
#: Rows polled last at less than this share of their age may have become final at any time since: nothing is learned.
_PRECISE: Final = 0.4


@dataclass(kw_only=True, slots=True)
class _Curve:
    """How rows become final with their age; a list has one entry per step of `_STEPS`."""

    seen: int = 0
    #: Rows that were open at the start of the step.
    open: list[float] = field(default_factory=lambda: [0.0] * (len(_STEPS) + 1))
    #: Rows that became final within the step.
    ended: list[float] = field(default_factory=lambda: [0.0] * (len(_STEPS) + 1))
    #: The share of rows that is still open after the step.
    left: list[float] = field(default_factory=lambda: [1.0] * (len(_STEPS) + 1))

    def record_results(self, before: float, age: float, number: int, ended: int) -> None:
        first, last = bisect_left(_STEPS, before), bisect_left(_STEPS, age)
        shares = [self._left_before(step) - self.left[step] for step in range(first, last + 1)]
        known = sum(shares)
        self.seen += number
        still_open = float(number)
        for step, share in enumerate(shares, first):
            now = ended * share / known if known else ended * (step == last)
            self.open[step] += still_open
            self.ended[step] += now
            still_open -= now
        hazards = (1 - ended / open_ if open_ else 1.0 for open_, ended in zip(self.open, self.ended, strict=True))
        self.left = list(accumulate(hazards, lambda left, hazard: left * hazard))

    def share(self, before: float, age: float) -> float:
        left_before = self._left_before(bisect_right(_STEPS, before))
        left_after = self._left_before(bisect_right(_STEPS, age))
        return 1 - left_after / left_before if left_before > 0 else 1.0

    def _left_before(self, step: int) -> float:
        return self.left[step - 1] if step else 1.0


class CompletionTimes:
    """Knows what share of open rows becomes final between two ages.

    Args:
        youth: the age, in seconds, up to which a first poll shows closely enough when a row became final.
    """

    def __init__(self, youth: float) -> None:
        self._youth = youth
        self._all = _Curve()
        self._curves: dict[int | None, _Curve] = {}
        #: The greatest age, in seconds, of any row that was polled.
        self.known_to = 0.0

    def record_results(self, operator_id: int | None, *, before: float, age: float, number: int, ended: int) -> None:
        """Record what a poll of rows of one age showed.

        Args:
            operator_id: the rows' operator.
            before: their age, in seconds, when they were polled last and were open; 0 for a first poll.
            age: their age now, in seconds.
            number: how many rows were polled.
            ended: how many of them are final.
        """
        self.known_to = max(self.known_to, age)
        if before < _PRECISE * age and (before or age > self._youth):
            return
        for curve in (self._all, self._curves.setdefault(operator_id, _Curve())):
            curve.record_results(before, age, number, ended)

    def share(self, operator_id: int | None, *, before: float, age: float) -> float:
        """Return the expected share of rows, open at the age `before`, that is final at `age`; both in seconds."""
        own = self._curves.get(operator_id)
        return (own if own and own.seen >= _ENOUGH else self._all).share(before, age)
