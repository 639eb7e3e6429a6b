"""Faults on request: what they are, which requests meet them, how they are written; touches only a file of them.

A decision depends on the fault and on how many requests it has met, and on nothing else: the same sequence of
requests meets the same faults, every time.
"""

import math
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from bulk_topup.errors import ConfigurationError

#: The longest wait that a fault takes, in seconds, whatever its distribution draws.
LONGEST_WAIT = 600
#: More faults than any trial needs.
MAX_FAULTS = 100
#: How a fault is written on a command line.
EXAMPLE = "drop POST /async/transactions probability=0.1 seed=7"

#: Of `exp`, whose result is then still a number.
_LARGEST_EXPONENT = 700
_API = "/v1"
_METHOD = re.compile(r"[A-Z]+")

Seconds = Annotated[float, Meta(ge=0, le=LONGEST_WAIT)]
Count = Annotated[int, Meta(ge=1)]
Status = Literal[500, 502, 503, 504]


class Fault(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="kind"
):
    """Which requests meet a fault; its kinds say what happens to them. Without a number it happens to all."""

    #: GET or POST; None is any.
    method: Literal["GET", "POST"] | None = None
    #: Below `/v1`; `*` stands for the name of one thing, and None for every path.
    path: Annotated[str, Meta(pattern=r"^/\S*\Z")] | None = None
    #: The share of requests that it happens to, by a draw for each.
    probability: Annotated[float, Meta(ge=0, le=1)] | None = None
    #: It happens to so many requests from the first on, and to none after.
    first: Count | None = None
    #: It happens to every so-manieth request.
    every: Count | None = None
    #: What draws begin from; other seeds meet other requests.
    seed: int = 0

    def __post_init__(self) -> None:
        if sum(number is not None for number in (self.probability, self.first, self.every)) > 1:
            raise ValueError("only one of probability, first and every can be given")

    def matches(self, method: str, path: str) -> bool:
        """Tell whether a request is one of those that it looks at; the path begins with `/v1`."""
        return self.method in {None, method} and (self.path is None or _pattern(self.path).fullmatch(path) is not None)

    def happens(self, number: int) -> bool:
        """Tell whether it happens to a request, by how many it has met, this one included."""
        if self.first is not None:
            return number <= self.first
        if self.every is not None:
            return number % self.every == 0
        return self.probability is None or self._draws(number).random() < self.probability

    def _draws(self, number: int) -> Random:
        """Give a source of draws that belongs to one request and is the same each time."""
        return Random(f"{self.seed} {type(self).__name__} {self.method} {self.path} {number}")  # noqa: S311 - no secret


class _Wait(Fault, frozen=True, kw_only=True):
    """A wait, in seconds of a real clock: the sandbox's time scale does not shorten it."""

    #: The wait itself; the middle of a uniform one, the mean of an exponential one, the median of a lognormal one.
    seconds: Seconds
    distribution: Literal["fixed", "uniform", "exponential", "lognormal"] = "fixed"
    #: Uniform: seconds to both sides of the middle. Lognormal: the standard deviation of the logarithm.
    spread: Annotated[float, Meta(ge=0, le=LONGEST_WAIT)] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.spread and self.distribution not in {"uniform", "lognormal"}:
            raise ValueError(f"a wait that is {self.distribution} has no spread")

    def wait(self, number: int) -> float:
        """Give the seconds that a request waits, by how many it has met, this one included."""
        draws = self._draws(number)
        draws.random()  # the one that decided whether it happens
        match self.distribution:
            case "fixed":
                drawn = self.seconds
            case "uniform":
                drawn = draws.uniform(self.seconds - self.spread, self.seconds + self.spread)
            case "exponential":
                drawn = draws.expovariate(1 / self.seconds) if self.seconds else 0.0
            case "lognormal":
                drawn = self.seconds * math.exp(min(draws.gauss(0, self.spread), _LARGEST_EXPONENT))
        return min(max(drawn, 0.0), LONGEST_WAIT)


class Latency(_Wait, frozen=True, kw_only=True, tag="latency"):
    """The request waits before it is looked at; other faults may follow."""


class Stall(_Wait, frozen=True, kw_only=True, tag="stall"):
    """The request is carried out, and its answer waits."""


class Reset(Fault, frozen=True, kw_only=True, tag="reset"):
    """The connection is reset before the request is looked at."""


class Drop(Fault, frozen=True, kw_only=True, tag="drop"):
    """The request is carried out, and the connection ends without an answer."""


class Half(Fault, frozen=True, kw_only=True, tag="half"):
    """The request is carried out, and the connection ends in the middle of the answer's body."""


class StatusBefore(Fault, frozen=True, kw_only=True, tag="status_before"):
    """The request is refused with a server's error, and not carried out."""

    status: Status = 503


class StatusAfter(Fault, frozen=True, kw_only=True, tag="status_after"):
    """The request is carried out, and answered with a server's error all the same."""

    status: Status = 502


class Throttle(Fault, frozen=True, kw_only=True, tag="throttle"):
    """The request is refused with 429, and not carried out."""

    #: Seconds in the header `Retry-After`; None leaves the header out.
    retry_after: Annotated[int, Meta(ge=0, le=LONGEST_WAIT)] | None = None


class SlowBody(Fault, frozen=True, kw_only=True, tag="slow_body"):
    """The request is carried out, and the answer's body comes in small parts."""

    parts: Annotated[int, Meta(ge=2, le=1000)] = 10
    #: Between two parts, of a real clock.
    seconds: Seconds = 0.1


class Restart(Fault, frozen=True, kw_only=True, tag="restart"):
    """The request is carried out; then the sandbox drops all connections and starts again from its books."""

    #: How long it is away at least, of a real clock.
    seconds: Seconds = 0


AnyFault = Latency | Stall | Reset | Drop | Half | StatusBefore | StatusAfter | Throttle | SlowBody | Restart
#: What happens to a request besides waiting for it.
Ending = Stall | Reset | Drop | Half | StatusBefore | StatusAfter | Throttle | SlowBody | Restart

KINDS = tuple(str(kind.__struct_config__.tag) for kind in get_args(AnyFault))
_List = Annotated[list[AnyFault], Meta(max_length=MAX_FAULTS)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fate:
    """What happens to one request."""

    #: Seconds that it waits before it is looked at.
    latency: float
    #: The fault that it ends in; None answers it as ever.
    ending: Ending | None
    #: Seconds that its answer waits.
    stall: float


@dataclass(kw_only=True, slots=True)
class Counted:
    """A fault with how often it was looked at and how often it happened."""

    fault: AnyFault
    met: int = 0
    used: int = 0


class Faults:
    """The faults that are set, and what they have met; outlives restarts of the sandbox.

    Args:
        faults: in the order in which they are looked at.
        keeps_books: whether the sandbox has books that it can start again from.

    Raises:
        ConfigurationError: as `set` says.
    """

    def __init__(self, faults: Sequence[AnyFault], *, keeps_books: bool) -> None:
        self._keeps_books = keeps_books
        self.set(faults)

    def set(self, faults: Sequence[AnyFault]) -> None:
        """Put these faults in the place of those that were set.

        Raises:
            ConfigurationError: a restart without books would forget who was paid.
        """
        if not self._keeps_books and any(isinstance(fault, Restart) for fault in faults):
            raise ConfigurationError(
                "A sandbox without books forgets at a restart who was paid; give it a file with --books."
            )
        self.counted = [Counted(fault=fault) for fault in faults]

    def meet(self, method: str, path: str) -> Fate | None:
        """Give what happens to a request; None if nothing does.

        Latencies add up; of the other faults that would happen, the first one does.
        """
        latency, stall = 0.0, 0.0
        ending: Ending | None = None
        for counted in self.counted:
            fault = counted.fault
            if not fault.matches(method, path):
                continue
            counted.met += 1
            if not fault.happens(counted.met):
                continue
            if isinstance(fault, Latency):
                latency += fault.wait(counted.met)
            elif ending is None:
                ending = fault
                stall = fault.wait(counted.met) if isinstance(fault, Stall) else 0.0
            else:
                continue
            counted.used += 1
        return Fate(latency=latency, ending=ending, stall=stall) if latency or ending else None

    def report(self) -> list[dict[str, object]]:
        """Give each fault with its counts, as plain values."""
        return [
            {"fault": msgspec.to_builtins(counted.fault), "met": counted.met, "used": counted.used}
            for counted in self.counted
        ]


def parse_fault(text: str) -> AnyFault:
    """Read a fault from words: its kind, then a method, a path and settings like `probability=0.1`, where wanted.

    Raises:
        ConfigurationError: it is none; the message says why.
    """
    kind, *words = text.split() or [""]
    values: dict[str, str] = {"kind": kind}
    for word in words:
        name, equals, value = word.partition("=")
        if word.startswith("/"):
            name, value = "path", word
        elif not equals and _METHOD.fullmatch(word):
            name, value = "method", word
        elif not equals:
            raise ConfigurationError(f'Fault "{text}": "{word}" is no setting; write one like "{EXAMPLE}".')
        if name in values:
            raise ConfigurationError(f'Fault "{text}" has two of {name}; give one.')
        values[name] = value
    if kind not in KINDS:
        raise ConfigurationError(f'Fault "{text}" has no kind that there is; begin it with one of {", ".join(KINDS)}.')
    try:
        fault: AnyFault = msgspec.convert(values, AnyFault, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f'Fault "{text}": {error}; write one like "{EXAMPLE}".') from None
    return fault


def make_faults(values: object, where: str) -> list[AnyFault]:
    """Make faults of a list of plain values, as JSON and TOML give them.

    Args:
        values: what should be a list of tables.
        where: what holds it, the subject of the error's sentence.

    Raises:
        ConfigurationError: a fault is none; the message says which and why.
    """
    try:
        return msgspec.convert(values, _List)
    except msgspec.ValidationError as error:
        raise ConfigurationError(
            f"{where} holds something that is no list of faults: {error}. Kinds are {', '.join(KINDS)}."
        ) from None


def read_faults(body: bytes) -> list[AnyFault]:
    """Read a JSON list of faults.

    Raises:
        ConfigurationError: it is not JSON, or holds something else.
    """
    try:
        values = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"The body is not JSON: {error}.") from None
    return make_faults(values, "The body")


def load_faults(path: Path) -> list[AnyFault]:
    """Read the `[[fault]]` tables of a TOML file.

    Raises:
        ConfigurationError: the file cannot be read, is not TOML, or holds something else.
    """
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"The file of faults {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The file of faults {path} is not valid TOML: {error}.") from None
    if set(values) != {"fault"}:
        raise ConfigurationError(f"The file of faults {path} must hold [[fault]] tables and nothing else.")
    return make_faults(values["fault"], f"The file of faults {path}")


@lru_cache(maxsize=MAX_FAULTS)
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("[^/]+".join(re.escape(part) for part in (_API + path).split("*")))
