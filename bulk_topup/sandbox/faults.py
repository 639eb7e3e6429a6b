"""The faults that the sandbox can inject, and which requests they hit; touches nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from bulk_topup.errors import ConfigurationError
from bulk_topup.sandbox.fault_base import LONGEST_WAIT, Fault, Seconds, Wait

Status = Literal[500, 502, 503, 504]
ErrorStatus = Annotated[int, Meta(ge=400, le=599)]


class Latency(Wait, frozen=True, kw_only=True, tag="latency"):
    """The request waits before it is processed; another fault may follow."""


class Stall(Wait, frozen=True, kw_only=True, tag="stall"):
    """The request is processed, and its response waits."""


class Reset(Fault, frozen=True, kw_only=True, tag="reset"):
    """The connection is reset before the request is processed."""


class Drop(Fault, frozen=True, kw_only=True, tag="drop"):
    """The request is processed, and the connection closes without a response."""


class Half(Fault, frozen=True, kw_only=True, tag="half"):
    """The request is processed, and the connection closes in the middle of the response body."""


class StatusBefore(Fault, frozen=True, kw_only=True, tag="status_before"):
    """The request is answered with a server error and not processed."""

    status: Status = 503


class StatusAfter(Fault, frozen=True, kw_only=True, tag="status_after"):
    """The request is processed, and answered with a server error nevertheless."""

    status: Status = 502


class Throttle(Fault, frozen=True, kw_only=True, tag="throttle"):
    """The request is answered with 429 and not processed."""

    #: Seconds in the header `Retry-After`; None omits the header.
    retry_after: Annotated[int, Meta(ge=0, le=LONGEST_WAIT)] | None = None


class SlowBody(Fault, frozen=True, kw_only=True, tag="slow_body"):
    """The request is processed, and the response body arrives in small parts."""

    parts: Annotated[int, Meta(ge=2, le=1000)] = 10
    #: Real seconds between two parts.
    seconds: Seconds = 0.1


class Restart(Fault, frozen=True, kw_only=True, tag="restart"):
    """The request is processed; then the sandbox drops all connections and restarts from its books."""

    #: Real seconds that it is down, at least.
    seconds: Seconds = 0


class _Page(Fault, frozen=True, kw_only=True):
    """A page of a gateway, which is not in the form of DVS."""

    status: ErrorStatus = 404
    #: What it contains: HTML, plain text, JSON of its own, or nothing.
    body: Literal["html", "text", "json", "empty"] = "html"


class PageBefore(_Page, frozen=True, kw_only=True, tag="page_before"):
    """The request is answered by a gateway and not processed."""


class PageAfter(_Page, frozen=True, kw_only=True, tag="page_after"):
    """The request is processed, and answered by a gateway nevertheless."""


class OddStatus(Fault, frozen=True, kw_only=True, tag="odd_status"):
    """The request is processed; an error of DVS keeps its code and has another status."""

    status: ErrorStatus = 409


class Echo(Fault, frozen=True, kw_only=True, tag="echo"):
    """The request is processed, and its response spells credited mobile numbers otherwise."""

    #: Without plus, with spaces, with 00, as in Singapore, absent, or another number.
    spelling: Literal["digits", "spaced", "dialled", "national", "null", "another"] = "digits"


class Lag(Fault, frozen=True, kw_only=True, tag="lag"):
    """The request is processed, and a list lacks the transactions of the last seconds of the sandbox's clock."""

    seconds: Seconds = 60


class Prices(Fault, frozen=True, kw_only=True, tag="prices"):
    """The request is processed, and its response states no price of transactions, a negative or a foreign one."""

    price: Literal["missing", "negative", "foreign"] = "missing"
    #: In which transactions: completed ones, others, or all.
    when: Literal["final", "open", "always"] = "always"


class Foreign(Fault, frozen=True, kw_only=True, tag="foreign"):
    """The request is processed, and a list of transactions begins with entries of others that can't be read."""


class Shift(Fault, frozen=True, kw_only=True, tag="shift"):
    """The request is processed, and a page of a list repeats its first entry, or lacks it, as if pages had shifted.

    A page with one entry alone stays as it is.
    """

    entries: Literal["repeated", "lost"] = "repeated"


class OddHeader(Fault, frozen=True, kw_only=True, tag="odd_header"):
    """The request is processed, and a header of its response has an absurd value."""

    name: Literal["X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Total-Pages", "X-Total", "Date"] = (
        "X-Ratelimit-Limit"
    )
    value: Literal["text", "zero", "negative", "huge", "exponent", "empty"] = "text"


#: The faults that change the response of a request which was processed.
ProcessedFault = (
    Stall
    | Drop
    | Half
    | StatusAfter
    | SlowBody
    | Restart
    | PageAfter
    | OddStatus
    | OddHeader
    | Echo
    | Lag
    | Shift
    | Foreign
    | Prices
)
#: The faults that decide the response; latencies only delay it.
ResponseFault = ProcessedFault | Reset | StatusBefore | Throttle | PageBefore
AnyFault = Latency | ResponseFault

KINDS = tuple(str(kind.__struct_config__.tag) for kind in get_args(AnyFault))


@dataclass(frozen=True, kw_only=True, slots=True)
class Injection:
    """What is injected into one request."""

    #: Seconds that the request waits before it is processed.
    latency: float
    #: The fault that decides the response; None for the normal response.
    fault: ResponseFault | None
    #: Seconds that the response waits.
    stall: float


@dataclass(kw_only=True, slots=True)
class FaultCount:
    """A fault and its counts."""

    fault: AnyFault
    #: Requests that matched.
    met: int = 0
    #: Requests that were hit.
    used: int = 0


class Faults:
    """The faults that are set, with their counts; they outlive restarts of the sandbox.

    Args:
        faults: in the order in which they are tried.
        keeps_books: whether the sandbox has books to restart from.

    Raises:
        ConfigurationError: see `set`.
    """

    def __init__(self, faults: Sequence[AnyFault], *, keeps_books: bool) -> None:
        self._keeps_books = keeps_books
        self.set(faults)

    def set(self, faults: Sequence[AnyFault]) -> None:
        """Replace the faults, with counts of 0.

        Raises:
            ConfigurationError: a restart without books would lose the payments.
        """
        if not self._keeps_books and any(isinstance(fault, Restart) for fault in faults):
            raise ConfigurationError("A restart without books loses all payments. Add --books.")
        self.counts = [FaultCount(fault=fault) for fault in faults]

    def inject(self, method: str, path: str) -> Injection | None:
        """Count a request, and return what is injected into it; None for nothing.

        Latencies add up; of the other faults that hit it, the first is injected.
        """
        latency, stall = 0.0, 0.0
        response_fault: ResponseFault | None = None
        for count in self.counts:
            fault = count.fault
            if not fault.matches(method, path):
                continue
            count.met += 1
            if not fault.hits(count.met):
                continue
            if isinstance(fault, Latency):
                latency += fault.wait(count.met)
            elif response_fault is None:
                response_fault = fault
                stall = fault.wait(count.met) if isinstance(fault, Stall) else 0.0
            else:
                continue
            count.used += 1
        return Injection(latency=latency, fault=response_fault, stall=stall) if latency or response_fault else None

    def report(self) -> list[dict[str, object]]:
        """Return each fault with its counts, as plain values."""
        return [
            {"fault": msgspec.to_builtins(count.fault), "met": count.met, "used": count.used} for count in self.counts
        ]
