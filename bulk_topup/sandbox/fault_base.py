"""What all faults share: which requests they hit, and how waits are drawn; touches nothing.

A decision depends on the fault and on how many requests it has matched, and on nothing else: the same sequence of
requests meets the same faults every time.
"""

import math
import re
from functools import lru_cache
from random import Random
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

#: The longest wait of a fault, in seconds, whatever its distribution draws.
LONGEST_WAIT = 600
#: More faults than any trial needs.
MAX_FAULTS = 100

#: The largest argument of `exp` that does not overflow.
_LARGEST_EXPONENT = 700
_API = "/v1"

Seconds = Annotated[float, Meta(ge=0, le=LONGEST_WAIT)]
Count = Annotated[int, Meta(ge=1)]


class Fault(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="kind"
):
    """A fault, and which requests it hits; its kind decides what happens to them.

    Without `probability`, `first` and `every` it hits every request that matches.
    """

    #: GET or POST; None matches both.
    method: Literal["GET", "POST"] | None = None
    #: Path below `/v1`; `*` matches one segment, and None matches every path.
    path: Annotated[str, Meta(pattern=r"^/\S*\Z")] | None = None
    #: Share of the matching requests that are hit, drawn for each.
    probability: Annotated[float, Meta(ge=0, le=1)] | None = None
    #: How many matching requests are hit, from the first on.
    first: Count | None = None
    #: Every nth matching request is hit.
    every: Count | None = None
    #: Seed of the draws.
    seed: int = 0

    def __post_init__(self) -> None:
        if sum(number is not None for number in (self.probability, self.first, self.every)) > 1:
            raise ValueError("only one of probability, first and every can be given")

    def matches(self, method: str, path: str) -> bool:
        """Return True if method and path of a request match; the path begins with `/v1`."""
        return self.method in {None, method} and (self.path is None or _pattern(self.path).fullmatch(path) is not None)

    def hits(self, number: int) -> bool:
        """Return True if the nth matching request is hit, counted from 1."""
        if self.first is not None:
            return number <= self.first
        if self.every is not None:
            return number % self.every == 0
        return self.probability is None or self._random_for(number).random() < self.probability

    def _random_for(self, number: int) -> Random:
        """Return the random source of the nth matching request, the same each time."""
        return Random(f"{self.seed} {type(self).__name__} {self.method} {self.path} {number}")  # noqa: S311 - no secret


class Wait(Fault, frozen=True, kw_only=True):
    """A wait in real seconds: the time scale of the sandbox does not shorten it."""

    #: The wait if fixed; otherwise the middle (uniform), the mean (exponential) or the median (lognormal).
    seconds: Seconds
    distribution: Literal["fixed", "uniform", "exponential", "lognormal"] = "fixed"
    #: Uniform: seconds to either side of the middle. Lognormal: standard deviation of the logarithm.
    spread: Annotated[float, Meta(ge=0, le=LONGEST_WAIT)] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.spread and self.distribution not in {"uniform", "lognormal"}:
            raise ValueError(f"a wait that is {self.distribution} has no spread")

    def wait(self, number: int) -> float:
        """Return the seconds that the nth matching request waits."""
        random = self._random_for(number)
        random.random()  # the draw that `hits` used
        match self.distribution:
            case "fixed":
                drawn = self.seconds
            case "uniform":
                drawn = random.uniform(self.seconds - self.spread, self.seconds + self.spread)
            case "exponential":
                drawn = random.expovariate(1 / self.seconds) if self.seconds else 0.0
            case "lognormal":
                drawn = self.seconds * math.exp(min(random.gauss(0, self.spread), _LARGEST_EXPONENT))
        return min(max(drawn, 0.0), LONGEST_WAIT)


@lru_cache(maxsize=MAX_FAULTS)
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("[^/]+".join(re.escape(part) for part in (_API + path).split("*")))
