"""Probes a test environment: creates a few transactions with DVS's test numbers, and compares them with beliefs.

Nothing of the account and of people is kept: only statuses, codes, times, and the names and types of fields.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from bulk_topup.app.doctor.beliefs import Belief, ProbeFinding
from bulk_topup.app.doctor.probe_findings import (
    OF_CREATED,
    finding_of,
    finding_of_answer,
    finding_of_duplicate,
    finding_of_holding,
    findings_of_echo,
    hindrance,
    unchecked_finding,
)
from bulk_topup.app.doctor.probe_product import ProbeRequest, choose_request
from bulk_topup.app.doctor.raw_answer import ask
from bulk_topup.app.doctor.shapes import shape_of
from bulk_topup.domain.environment import Environment, ProviderOptions
from bulk_topup.dvs import AsyncDVS, DVSError, ErrorCode, WaitTooLongError
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
#: Ends of test numbers: completed, and declined as an invalid credit party, both after 3 s.
COMPLETED: Final = "100"
DECLINED: Final = "102"
#: An ID that no product and no transaction has.
NO_ID: Final = 999_999_999
_MAX_TEXT: Final = 200


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
        WaitTooLongError: DVS throttles the account for too long.
    """
    await dvs.balances.list().page()  # raises where nothing else would work
    probe = _Prober(dvs, clock, nonce)
    whys: list[str] = []
    for step in (probe.headers, probe.refusals, probe.unconfirmed, probe.final):
        try:
            async for finding in step():
                probe.report.findings.append(finding)
        except (BulkTopupError, ArithmeticError, TypeError, ValueError) as error:
            probe.report.shapes[f"stopped in {step.__name__}"] = redact_secrets(printable(str(error)[:_MAX_TEXT]))
            whys.append("rate limit" if isinstance(error, WaitTooLongError) else "a step stopped")
    seen = {each.belief for each in probe.report.findings}
    why = ", ".join(dict.fromkeys(whys))
    probe.report.findings += (unchecked_finding(each, why) for each in Belief if each not in seen)
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
        if answer.failure:
            for belief in (Belief.RATE_LIMIT_STATED, Belief.RATE_LIMIT_PERIOD, Belief.CLOCK, Belief.PAGE_HEADERS):
                yield unchecked_finding(belief, answer.failure)
            return
        limit = header_number(answer.headers, "x-ratelimit-limit")
        yield finding_of(Belief.RATE_LIMIT_STATED, "none" if limit is None else f"{limit}", limit is not None)
        date = parse_date(answer.headers.get("date", ""))
        off = None if date is None else abs((self._clock.now() - date).total_seconds())
        text = "no Date" if off is None else f"{off:.0f} s apart"
        yield finding_of(Belief.CLOCK, text, off is not None and off <= CLOCK_TOLERANCE)
        names = ("x-total", "x-total-pages", "x-page", "x-per-page")
        missing = [name for name in names if header_number(answer.headers, name) is None]
        yield finding_of(Belief.PAGE_HEADERS, f"missing: {', '.join(missing) or 'none'}", not missing)
        yield await self._period(limit)

    async def _period(self, limit: int | None) -> ProbeFinding:
        """Find out whether the remaining requests of the limit start again each second."""
        left: list[int] = []
        for _ in range(RATE_REQUESTS):
            answer = await ask(self._dvs, "GET", "/services", params={"page": "1", "per_page": "1"})
            if answer.failure:
                return unchecked_finding(Belief.RATE_LIMIT_PERIOD, answer.failure)
            remaining = header_number(answer.headers, "x-ratelimit-remaining")
            if limit is None or remaining is None:
                return finding_of(Belief.RATE_LIMIT_PERIOD, "X-Ratelimit-Remaining is not stated", None)
            left.append(limit - remaining)
            await self._clock.sleep(RATE_INTERVAL)
        seconds = RATE_REQUESTS * RATE_INTERVAL
        text = f"{RATE_REQUESTS} requests in {seconds:.0f} s or more: at most {max(left)} counted together"
        return finding_of(Belief.RATE_LIMIT_PERIOD, text, max(left) < RATE_REQUESTS / 2)

    async def refusals(self) -> AsyncIterator[ProbeFinding]:
        """Check how requests are refused that can pay nobody."""
        body = {"external_id": self._id("x"), "product_id": NO_ID, "auto_confirm": False}
        answer = await ask(self._dvs, "POST", "/async/transactions", body=body)
        is_known = (answer.status, ErrorCode.PRODUCT_NOT_AVAILABLE in answer.codes) == (404, True)
        yield finding_of_answer(Belief.UNKNOWN_PRODUCT, answer, answer.named(), is_known)
        answer = await ask(self._dvs, "GET", f"/transactions/{NO_ID}")
        is_known = (answer.status, ErrorCode.TRANSACTION_NOT_FOUND in answer.codes) == (404, True)
        yield finding_of_answer(Belief.UNKNOWN_TRANSACTION, answer, answer.named(), is_known)
        answer = await ask(self._dvs, "POST", "/async/transactions", body={"external_id": self._id("y")})
        is_known = answer.status == 400 and bool(answer.codes)
        yield finding_of_answer(Belief.INVALID_REQUEST, answer, answer.named(), is_known)

    async def unconfirmed(self) -> AsyncIterator[ProbeFinding]:
        """Check a transaction that is created, sent again, listed and cancelled, and never confirmed."""
        request = await choose_request(self._dvs)
        before = await self._holding(request)
        body = request.body(self._id("a"), COMPLETED, auto_confirm=False)
        created = await ask(self._dvs, "POST", "/async/transactions", body=body)
        self.report.shapes["created"] = shape_of(created.value)
        if created.failure:
            for belief in OF_CREATED:
                yield unchecked_finding(belief, f"creation: {created.failure}")
            return
        for finding in findings_of_echo(created, body, request):
            yield finding
        id_ = created.id_of(str(body["external_id"]))
        yield await self._lag(str(body["external_id"]))
        held = await self._holding(request)
        price = created.get("prices", "wholesale", "amount")
        yield finding_of_holding(Belief.BALANCE_HOLD, before, held, price)
        again = await ask(self._dvs, "POST", "/async/transactions", body=body)
        yield finding_of_duplicate(Belief.DUPLICATE_ANSWER, again)
        other = await ask(self._dvs, "POST", "/async/transactions", body={**body, **request.other_party(DECLINED)})
        yield finding_of_duplicate(Belief.DUPLICATE_OTHER_BODY, other)
        if id_ is None:  # it may be another's, whom a cancellation would harm
            for belief in (Belief.CANCELLATION, Belief.CONFIRMATION_TOO_LATE, Belief.BALANCE_RELEASE):
                yield unchecked_finding(belief, "the answer is not about the probe's transaction")
            return
        cancelled = await ask(self._dvs, "POST", f"/transactions/{id_}/cancel")
        class_ = cancelled.get("status", "class", "message")
        is_cancelled = class_ == "CANCELLED" and cancelled.get("id") == id_
        yield finding_of_answer(Belief.CANCELLATION, cancelled, f"{cancelled.named()}, class {class_}", is_cancelled)
        if not is_cancelled:  # a confirmation would pay
            for belief in (Belief.CONFIRMATION_TOO_LATE, Belief.BALANCE_RELEASE):
                yield unchecked_finding(belief, "not known to be cancelled")
            return
        late = await ask(self._dvs, "POST", f"/async/transactions/{id_}/confirm")
        is_refused = late.status == 400 and bool(late.codes)
        yield finding_of_answer(Belief.CONFIRMATION_TOO_LATE, late, late.named(), is_refused)
        yield finding_of_holding(
            Belief.BALANCE_RELEASE, held, await self._holding(request), None if price is None else -price
        )

    async def final(self) -> AsyncIterator[ProbeFinding]:
        """Check test numbers until their transactions are final."""
        request = await choose_request(self._dvs)
        for belief, end, wanted in (
            (Belief.FINAL_COMPLETED, COMPLETED, "COMPLETED"),
            (Belief.FINAL_DECLINED, DECLINED, "DECLINED-INVALID-CREDIT-PARTY"),
        ):
            body = request.body(self._id(end), end, auto_confirm=True)
            answer = await ask(self._dvs, "POST", "/async/transactions", body=body)
            if answer.failure:
                yield unchecked_finding(belief, f"creation: {answer.failure}")
                continue
            if (id_ := answer.id_of(str(body["external_id"]))) is None:
                yield unchecked_finding(belief, "the answer is not about the probe's transaction")
                continue
            began, why_late = self._clock.monotonic(), ""
            while answer.get("status", "class", "message") not in {"COMPLETED", "DECLINED"}:
                if self._clock.monotonic() - began > PATIENCE:
                    break
                await self._clock.sleep(LOOK_INTERVAL)
                answer = await ask(self._dvs, "GET", f"/transactions/{id_}")
                why_late = why_late or hindrance(answer)
            seconds = self._clock.monotonic() - began
            message = answer.get("status", "message")
            self.report.shapes[wanted.lower()] = shape_of(answer.value)
            text = f"{answer.named()}, {printable(str(message)[:_MAX_TEXT])} after {seconds:.1f} s"
            is_final = answer.get("status", "class", "message") in {"COMPLETED", "DECLINED"}
            yield (
                unchecked_finding(belief, why_late)
                if why_late and not is_final
                else finding_of(belief, text, message == wanted)
            )

    async def _lag(self, external_id: str) -> ProbeFinding:
        began, why_late = self._clock.monotonic(), ""
        while (seconds := self._clock.monotonic() - began) <= PATIENCE:
            answer = await ask(self._dvs, "GET", "/transactions", params={"external_id": external_id})
            if isinstance(answer.value, list) and answer.value and answer.status < 300:
                self.report.shapes["listed"] = shape_of(answer.value[0])
                return finding_of(Belief.LIST_LAG, f"listed after {seconds:.1f} s", agrees=True)
            why_late = why_late or hindrance(answer)
            await self._clock.sleep(LOOK_INTERVAL)
        if why_late:
            return unchecked_finding(Belief.LIST_LAG, why_late)
        return finding_of(Belief.LIST_LAG, f"not listed within {PATIENCE:.0f} s", agrees=False)

    async def _holding(self, request: ProbeRequest) -> Decimal | None:
        """Return what is on hold in the wallet of the product's price; None if DVS does not say it."""
        try:
            wallets = [wallet async for wallet in self._dvs.balances.list(unit=request.price_unit)]
        except DVSError:
            return None
        return next((wallet.holding for wallet in wallets), None)

    def _id(self, name: str) -> str:
        return f"probe-{self._nonce}-{name}"
