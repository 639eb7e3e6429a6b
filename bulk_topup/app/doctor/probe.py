"""Probes a test environment: creates a few transactions with DVS's test numbers, and compares them with beliefs.

Nothing of the account and of people is kept: only statuses, codes, times, and the names and types of fields.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from bulk_topup.app.doctor.beliefs import Belief, ProbeFinding
from bulk_topup.app.doctor.probe_product import ProbeRequest, choose_request
from bulk_topup.app.doctor.raw_answer import RawAnswer, ask
from bulk_topup.app.doctor.shapes import shape_of
from bulk_topup.domain.environment import Environment, ProviderOptions
from bulk_topup.dvs import AsyncDVS, ErrorCode
from bulk_topup.dvs.models.base import Moment
from bulk_topup.dvs.pagination import header_number
from bulk_topup.dvs.provider_clock import parse_date
from bulk_topup.errors import BulkTopupError, ConfigurationError
from bulk_topup.security.redaction import redact_secrets
from bulk_topup.security.terminal_text import printable
from bulk_topup.system.clock import Clock

#: Most seconds that the list or a final status is waited for, and between two looks.
PATIENCE: Final = 60.0
LOOK_INTERVAL: Final = 0.5
#: Requests that show the period of the rate limit, and the seconds between two of them.
RATE_REQUESTS: Final = 30
RATE_INTERVAL: Final = 0.1
#: Greatest difference of the two clocks, in seconds.
CLOCK_TOLERANCE: Final = 30.0
#: The usual time for the confirmation of a transaction, and how much it may differ, in seconds.
EXPIRY: Final = 3_600.0
EXPIRY_TOLERANCE: Final = 5.0
#: Ends of test numbers: completed, and declined as an invalid credit party, both after 3 s.
COMPLETED: Final = "100"
DECLINED: Final = "102"
#: An ID that no product and no transaction has.
NO_ID: Final = 999_999_999
_MAX_TEXT: Final = 200
_MOMENT: TypeAdapter[Any] = TypeAdapter(Moment)


@dataclass(kw_only=True, slots=True)
class ProbeReport:
    """What a probe has seen."""

    findings: list[ProbeFinding] = field(default_factory=list)
    #: The names and types of the fields of some bodies, by what they are.
    shapes: dict[str, object] = field(default_factory=dict)

    @property
    def differences(self) -> int:
        """The number of beliefs that what was seen contradicts."""
        return sum(each.agrees is False for each in self.findings)


def check_may_probe(options: ProviderOptions) -> None:
    """Raise ConfigurationError in production, where a probe would spend money.

    Args:
        options: the provider.
    """
    if Environment.PRODUCTION in {options.environment, options.environment_of_address}:
        raise ConfigurationError(
            "A probe creates test transactions, which production would pay. Run it with --env preprod."
        )


async def probe_provider(dvs: AsyncDVS, clock: Clock, *, nonce: str) -> ProbeReport:
    """Check what is believed of a test environment, with a few transactions of test numbers.

    Args:
        dvs: an open client of a test environment.
        clock: this machine's clock.
        nonce: makes the external IDs of this probe unique.

    Raises:
        NoResponseError: DVS does not respond.
        UnauthorizedError: DVS refused the API credentials.
    """
    await dvs.balances.list().page()  # raises where nothing else would work
    probe = _Prober(dvs, clock, nonce)
    for step in (probe.headers, probe.refusals, probe.unconfirmed, probe.final):
        try:
            async for finding in step():
                probe.report.findings.append(finding)
        except (BulkTopupError, ArithmeticError, TypeError, ValueError) as error:
            probe.report.shapes[f"stopped in {step.__name__}"] = redact_secrets(printable(str(error)[:_MAX_TEXT]))
    seen = {each.belief for each in probe.report.findings}
    missing = (ProbeFinding(belief=each, seen="not checked", agrees=None) for each in Belief if each not in seen)
    probe.report.findings += missing
    return probe.report


class _Prober:
    """One probe, in steps."""

    def __init__(self, dvs: AsyncDVS, clock: Clock, nonce: str) -> None:
        self._dvs = dvs
        self._clock = clock
        self._nonce = nonce
        self._created = 0
        self.report = ProbeReport()

    async def headers(self) -> AsyncIterator[ProbeFinding]:
        """Check what the headers of responses say."""
        answer = await ask(self._dvs, "GET", "/products", params={"page": "1", "per_page": "1"})
        limit = header_number(answer.headers, "x-ratelimit-limit")
        yield _seen(Belief.RATE_LIMIT_STATED, "none" if limit is None else f"{limit}", limit is not None)
        date = parse_date(answer.headers.get("date", ""))
        off = None if date is None else abs((self._clock.now() - date).total_seconds())
        text = "no Date" if off is None else f"{off:.0f} s apart"
        yield _seen(Belief.CLOCK, text, off is not None and off <= CLOCK_TOLERANCE)
        names = ("x-total", "x-total-pages", "x-page", "x-per-page")
        missing = [name for name in names if header_number(answer.headers, name) is None]
        yield _seen(Belief.PAGE_HEADERS, f"missing: {', '.join(missing) or 'none'}", not missing)
        yield await self._period(limit)

    async def _period(self, limit: int | None) -> ProbeFinding:
        """Find out whether the remaining requests of the limit start again each second."""
        left: list[int] = []
        for _ in range(RATE_REQUESTS):
            answer = await ask(self._dvs, "GET", "/services", params={"page": "1", "per_page": "1"})
            remaining = header_number(answer.headers, "x-ratelimit-remaining")
            if limit is None or remaining is None:
                return _seen(Belief.RATE_LIMIT_PERIOD, "X-Ratelimit-Remaining is not stated", None)
            left.append(limit - remaining)
            await self._clock.sleep(RATE_INTERVAL)
        seconds = RATE_REQUESTS * RATE_INTERVAL
        text = f"{RATE_REQUESTS} requests in {seconds:.0f} s or more: at most {max(left)} counted together"
        return _seen(Belief.RATE_LIMIT_PERIOD, text, max(left) < RATE_REQUESTS / 2)

    async def refusals(self) -> AsyncIterator[ProbeFinding]:
        """Check how requests are refused that can pay nobody."""
        body = {"external_id": self._id("x"), "product_id": NO_ID, "auto_confirm": False}
        answer = await ask(self._dvs, "POST", "/async/transactions", body=body)
        is_known = (answer.status, ErrorCode.PRODUCT_NOT_AVAILABLE in answer.codes) == (404, True)
        yield _seen(Belief.UNKNOWN_PRODUCT, answer.named(), is_known)
        answer = await ask(self._dvs, "GET", f"/transactions/{NO_ID}")
        is_known = (answer.status, ErrorCode.TRANSACTION_NOT_FOUND in answer.codes) == (404, True)
        yield _seen(Belief.UNKNOWN_TRANSACTION, answer.named(), is_known)
        answer = await ask(self._dvs, "POST", "/async/transactions", body={"external_id": self._id("y")})
        yield _seen(Belief.INVALID_REQUEST, answer.named(), answer.status == 400 and bool(answer.codes))

    async def unconfirmed(self) -> AsyncIterator[ProbeFinding]:
        """Check a transaction that is created, sent again, listed and cancelled, and never confirmed."""
        request = await choose_request(self._dvs)
        before = await self._holding(request)
        body = request.body(self._id("a"), COMPLETED, auto_confirm=False)
        created = await ask(self._dvs, "POST", "/async/transactions", body=body)
        self.report.shapes["created"] = shape_of(created.value)
        for finding in _echoes(created, body, request):
            yield finding
        id_ = created.get("id")
        yield await self._lag(str(body["external_id"]))
        held = await self._holding(request)
        price = created.get("prices", "wholesale", "amount")
        yield _moved(Belief.BALANCE_HOLD, before, held, price)
        again = await ask(self._dvs, "POST", "/async/transactions", body=body)
        yield _used(Belief.DUPLICATE_ANSWER, again)
        other = await ask(self._dvs, "POST", "/async/transactions", body={**body, **request.other_party(DECLINED)})
        yield _used(Belief.DUPLICATE_OTHER_BODY, other)
        cancelled = await ask(self._dvs, "POST", f"/transactions/{id_}/cancel")
        class_ = cancelled.get("status", "class", "message")
        yield _seen(Belief.CANCELLATION, f"{cancelled.named()}, class {class_}", class_ == "CANCELLED")
        late = await ask(self._dvs, "POST", f"/async/transactions/{id_}/confirm")
        yield _seen(Belief.CONFIRMATION_TOO_LATE, late.named(), late.status == 400 and bool(late.codes))
        yield _moved(Belief.BALANCE_RELEASE, held, await self._holding(request), None if price is None else -price)

    async def final(self) -> AsyncIterator[ProbeFinding]:
        """Check test numbers until their transactions are final."""
        request = await choose_request(self._dvs)
        for belief, end, wanted in (
            (Belief.FINAL_COMPLETED, COMPLETED, "COMPLETED"),
            (Belief.FINAL_DECLINED, DECLINED, "DECLINED-INVALID-CREDIT-PARTY"),
        ):
            body = request.body(self._id(end), end, auto_confirm=True)
            answer = await ask(self._dvs, "POST", "/async/transactions", body=body)
            id_, began = answer.get("id"), self._clock.monotonic()
            while answer.status < 300 and answer.get("status", "class", "message") not in {"COMPLETED", "DECLINED"}:
                if self._clock.monotonic() - began > PATIENCE:
                    break
                await self._clock.sleep(LOOK_INTERVAL)
                answer = await ask(self._dvs, "GET", f"/transactions/{id_}")
            seconds = self._clock.monotonic() - began
            message = answer.get("status", "message")
            self.report.shapes[wanted.lower()] = shape_of(answer.value)
            text = f"{answer.named()}, {printable(str(message)[:_MAX_TEXT])} after {seconds:.1f} s"
            yield _seen(belief, text, message == wanted)

    async def _lag(self, external_id: str) -> ProbeFinding:
        began = self._clock.monotonic()
        while (seconds := self._clock.monotonic() - began) <= PATIENCE:
            answer = await ask(self._dvs, "GET", "/transactions", params={"external_id": external_id})
            if isinstance(answer.value, list) and answer.value and answer.status < 300:
                self.report.shapes["listed"] = shape_of(answer.value[0])
                return _seen(Belief.LIST_LAG, f"listed after {seconds:.1f} s", agrees=True)
            await self._clock.sleep(LOOK_INTERVAL)
        return _seen(Belief.LIST_LAG, f"not listed within {PATIENCE:.0f} s", agrees=False)

    async def _holding(self, request: ProbeRequest) -> Decimal | None:
        """Return what is on hold in the wallet of the product's price."""
        wallets = [wallet async for wallet in self._dvs.balances.list(unit=request.price_unit)]
        return next((wallet.holding for wallet in wallets), None)

    def _id(self, name: str) -> str:
        return f"probe-{self._nonce}-{name}"


def _seen(belief: Belief, seen: str, agrees: bool | None) -> ProbeFinding:
    return ProbeFinding(belief=belief, seen=seen, agrees=agrees)


def _used(belief: Belief, answer: RawAnswer) -> ProbeFinding:
    return _seen(belief, answer.named(), ErrorCode.EXTERNAL_ID_ALREADY_USED in answer.codes)


def _moved(belief: Belief, before: Decimal | None, after: Decimal | None, price: Any) -> ProbeFinding:  # noqa: ANN401
    """Return whether the amount on hold moved by a price; other programs may use the account meanwhile."""
    if before is None or after is None or not isinstance(price, int | Decimal):
        return _seen(belief, "no wallet or no price", None)
    has_moved = after - before == price
    return _seen(belief, "moved by the price" if has_moved else "moved by another amount", has_moved)


def _echoes(created: RawAnswer, body: Mapping[str, Any], request: ProbeRequest) -> list[ProbeFinding]:
    """Return how the answer to a creation repeats its request."""
    same = {True: "the same", False: "another", None: "not stated"}

    def echo(belief: Belief, sent: object, *path: str) -> ProbeFinding:
        found = created.get(*path)
        is_same = None if found is None else found == sent
        return _seen(belief, same[is_same], is_same is True)

    number = body["credit_party_identifier"]["mobile_number"]
    side = body.get("destination")
    stated = created.get("requested_values", "destination", "amount")
    amount = "fixed product" if side is None else same[None if stated is None else stated == side["amount"]]
    price = created.get("prices", "wholesale", "amount")
    try:
        first, last = (_MOMENT.validate_python(created.get(name)) for name in _EXPIRY_FIELDS)
        hour: float | None = (last - first).total_seconds()
    except ValidationError:
        hour = None
    return [
        echo(Belief.ECHO_EXTERNAL_ID, body["external_id"], "external_id"),
        echo(Belief.ECHO_PRODUCT, request.product_id, "product", "id"),
        echo(Belief.ECHO_CREDIT_PARTY, number, "credit_party_identifier", "mobile_number"),
        _seen(Belief.ECHO_AMOUNT, amount, None if side is None else stated == side["amount"]),
        _seen(Belief.PRICE_STATED, "not stated" if price is None else "stated", price is not None),
        _seen(
            Belief.EXPIRY,
            "not stated" if hour is None else f"{hour:.0f} s",
            None if hour is None else abs(hour - EXPIRY) <= EXPIRY_TOLERANCE,
        ),
    ]


_EXPIRY_FIELDS: Final = ("creation_date", "confirmation_expiration_date")
