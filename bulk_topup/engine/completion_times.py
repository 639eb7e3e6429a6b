"""When transactions usually end: learned from those that were looked at often, for each operator; touches nothing.

A look at rows tells that some of them ended between the last look and this one. What ended is taken to have done so
when others did, as far as that is known, and else just now. A mixture of quick and slow endings is learned as it is,
e.g. the 3 s, 20 s and 5 minutes of the sandbox's suffixes.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

#: Ages, in seconds, at which what is known is told apart: steps of a twentieth from 20 ms to 24 hours.
_STEPS: Final = [0.02 * 1.05**step for step in range(315)]
#: Rows of an operator that have to be seen before it is told apart from the others.
_ENOUGH: Final = 20
#: Rows looked at last at less than this part of their age may have ended at any time since: they teach nothing.
_PRECISE: Final = 0.4


@dataclass(kw_only=True, slots=True)
class _Curve:
    seen: int = 0
    #: By step, which ends with the age of `_STEPS`: rows that were open when it began, and those that ended within it.
    open: list[float] = field(default_factory=lambda: [0.0] * (len(_STEPS) + 1))
    ended: list[float] = field(default_factory=lambda: [0.0] * (len(_STEPS) + 1))
    #: What share is still open after each step.
    left: list[float] = field(default_factory=lambda: [1.0] * (len(_STEPS) + 1))

    def record_results(self, before: float, age: float, number: int, ended: int) -> None:
        first, last = bisect_left(_STEPS, before), bisect_left(_STEPS, age)
        shares = [self._left_before(step) - self.left[step] for step in range(first, last + 1)]
        known = sum(shares)
        self.seen += number
        going = float(number)
        for step, share in enumerate(shares, first):
            now = ended * share / known if known else ended * (step == last)
            self.open[step] += going
            self.ended[step] += now
            going -= now
        hazards = (1 - ended / open_ if open_ else 1.0 for open_, ended in zip(self.open, self.ended, strict=True))
        self.left = list(accumulate(hazards, lambda left, hazard: left * hazard))

    def share(self, before: float, age: float) -> float:
        left_before = self._left_before(bisect_right(_STEPS, before))
        left_after = self._left_before(bisect_right(_STEPS, age))
        return 1 - left_after / left_before if left_before > 0 else 1.0

    def _left_before(self, step: int) -> float:
        return self.left[step - 1] if step else 1.0


class CompletionTimes:
    """Knows what share of open rows ends between two ages.

    Args:
        youth: the age, in seconds, up to which a first look says when a row ended closely enough.
    """

    def __init__(self, youth: float) -> None:
        self._youth = youth
        self._all = _Curve()
        self._curves: dict[int | None, _Curve] = {}
        #: The greatest age, in seconds, of which anything is known.
        self.known_to = 0.0

    def record_results(self, operator_id: int | None, *, before: float, age: float, number: int, ended: int) -> None:
        """Take in what a look at rows of one age showed.

        Args:
            operator_id: whose rows they are.
            before: their age, in seconds, when they were looked at last and were open; 0 for a first look.
            age: their age now.
            number: how many they are.
            ended: how many of them are final.
        """
        self.known_to = max(self.known_to, age)
        if before < _PRECISE * age and (before or age > self._youth):
            return
        for curve in (self._all, self._curves.setdefault(operator_id, _Curve())):
            curve.record_results(before, age, number, ended)

    def share(self, operator_id: int | None, *, before: float, age: float) -> float:
        """Give the share of rows, open at one age, that is expected to have ended at another."""
        own = self._curves.get(operator_id)
        return (own if own and own.seen >= _ENOUGH else self._all).share(before, age)
