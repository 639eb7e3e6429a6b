"""The DVS client: credentials, pacing, retries and typed bodies around the transport; usable alone.

async with AsyncDVS("https://preprod-dvs-api.dtone.com/v1", key, secret) as dvs:
    async for product in dvs.products.list(country_iso_code="SGP"):
        print(product.id, product.name)
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from pydantic import SecretStr, TypeAdapter, ValidationError

from bulk_topup.__version__ import __version__
from bulk_topup.dvs import codec
from bulk_topup.dvs.errors import (
    QUOTED_CHARACTERS,
    ErrorDetail,
    InvalidResponseError,
    NoResponseError,
    NotFoundError,
    error_for,
)
from bulk_topup.dvs.field_limits import PER_PAGE_MAX
from bulk_topup.dvs.limiter import RateLimiter
from bulk_topup.dvs.pagination import Page, Pages, header_number
from bulk_topup.dvs.probe import Probe, encryption_of, probe_of
from bulk_topup.dvs.request_retries import RetryPolicy, with_retries
from bulk_topup.dvs.resources.account import Balances, Lookup
from bulk_topup.dvs.resources.catalogue import (
    BenefitTypes,
    Campaigns,
    Countries,
    Operators,
    Products,
    Promotions,
    Services,
)
from bulk_topup.dvs.resources.transactions import TransactionOutcomes, Transactions
from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.dvs.transports.base import Account, HTTPRequest, HTTPResponse, Params, Transport
from bulk_topup.dvs.transports.choice import DEFAULT_TRANSPORT, TransportName, transport_for
from bulk_topup.security.terminal_text import printable
from bulk_topup.system.clock import Clock, SystemClock

T = TypeVar("T")

#: Seconds to wait for an answer: what the provider's own clients use.
DEFAULT_TIMEOUT = 60.0
DEFAULT_CONNECTIONS = 64

TOO_MANY_REQUESTS = 429
#: Entries of an error body that are looked at.
MAX_ERROR_DETAILS: Final = 20
_RATE_HEADERS = ("limit", "remaining")


@dataclass(kw_only=True, slots=True)
class Traffic:
    """Running counts of what went over the wire."""

    #: Requests sent, tries counted singly.
    requests: int = 0
    #: Answers with HTTP 429.
    throttled: int = 0
    #: Requests that no answer came for.
    unanswered: int = 0


class AsyncDVS:
    """A client of the DVS API for one key pair.

    Args:
        base_url: address up to and with `/v1`; https, or http on a loopback address.
        api_key: the API key.
        api_secret: the API secret; never shown in a repr, log or error.
        timeout: seconds to wait for an answer.
        rate: requests a second never to be exceeded; None takes what `X-Ratelimit-Limit` allows.
        connections: how many connections may be open at once.
        retries: how stubborn to be with requests that get no answer, a 429 or a passing server error.
        clock: where time comes from.
        transport: which HTTP client sends.

    Raises:
        ConfigurationError: the base URL, or the transport, is not usable.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        api_secret: str | SecretStr,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        rate: float | None = None,
        connections: int = DEFAULT_CONNECTIONS,
        retries: RetryPolicy | None = None,
        clock: Clock | None = None,
        transport: TransportName = DEFAULT_TRANSPORT,
    ) -> None:
        secret = api_secret if isinstance(api_secret, SecretStr) else SecretStr(api_secret)
        self.timeout = timeout
        #: Names the account without giving its key away: the address, and which key pair.
        self.account = f"{base_url.rstrip('/')} (key {hashlib.sha256(api_key.encode()).hexdigest()[:8]})"
        self._base_url = base_url
        self.traffic = Traffic()
        self._clock = clock or SystemClock()
        self.limiter = RateLimiter(self._clock, rate)
        #: Is told of each try: method, path, HTTP status (None where no answer came), seconds; must not raise.
        self.on_try: Callable[[str, str, int | None, float], None] | None = None
        self._retries = retries or RetryPolicy()
        account = Account(
            base_url=base_url,
            api_key=api_key,
            api_secret=secret,
            timeout=timeout,
            connections=connections,
            user_agent=f"bulk-topup/{__version__}",
        )
        self._transport: Transport = transport_for(account, transport)
        self.services = Services(self)
        self.countries = Countries(self)
        self.operators = Operators(self)
        self.benefit_types = BenefitTypes(self)
        self.promotions = Promotions(self)
        self.campaigns = Campaigns(self)
        self.products = Products(self)
        self.transactions = Transactions(self)
        self.transaction_outcomes = TransactionOutcomes(self)
        self.balances = Balances(self)
        self.lookup = Lookup(self)

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.__aexit__(kind, error, trace)

    async def request(
        self,
        method: str,
        path: str,
        model: TypeAdapter[T],
        *,
        params: Params | None = None,
        body: object | None = None,
        language: str | None = None,
        retries: RetryPolicy | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - of one answer, whatever its tries take
        admitted: bool = False,
    ) -> T:
        """Make one call and give its body as a model.

        Args:
            method: HTTP method.
            path: below the base URL.
            model: what the body is.
            params: query parameters.
            body: what is sent as JSON.
            language: preferred languages, as `Accept-Language` takes them.
            retries: another policy than the client's.
            timeout: seconds to wait for the answer, instead of the client's.
            admitted: the caller has waited for its place in time, with `limiter.acquire`.

        Raises:
            NoResponseError, InvalidResponseError: the outcome of the call is unknown.
            APIError: DVS answered with an error.
        """
        call = HTTPRequest(
            method=method,
            path=path,
            params=params,
            body=None if body is None else codec.encode(body),
            language=language,
            timeout=timeout,
        )
        answer = await self._send(call, retries or self._retries, admitted=admitted)
        return _validate(answer, model, _localised(answer, _decode(answer)))

    async def probe(self) -> Probe:
        """Ask for the balances once, and tell what the answer says beside them, whatever its status.

        Raises:
            NoResponseError: there was none.
        """
        self.traffic.requests += 1
        answer = await self._transport.send(HTTPRequest(method="GET", path="/balances"))
        return probe_of(answer, self._base_url, await encryption_of(self._base_url))

    def pages(
        self,
        path: str,
        item: TypeAdapter[T],
        *,
        params: Params | None = None,
        body: Mapping[str, object] | None = None,
        language: str | None = None,
        empty_code: ErrorCode | None = None,
        per_page: int = PER_PAGE_MAX,
    ) -> Pages[T]:
        """Give a paginated list: read by GET, or by POST where there is a body, which then takes the page number.

        Args:
            path: below the base URL.
            item: what each entry is.
            params: query parameters.
            body: what is sent as JSON.
            language: preferred languages, as `Accept-Language` takes them.
            empty_code: the 404 code by which this list says that nothing matches.
            per_page: entries of a page.
        """

        async def fetch(number: int) -> Page[T]:
            if body is None:
                query = {**(params or {}), "page": str(number), "per_page": str(per_page)}
                call = HTTPRequest(method="GET", path=path, params=query, language=language)
            else:
                content = codec.encode({**body, "page": number, "per_page": per_page})
                call = HTTPRequest(method="POST", path=path, body=content, language=language)
            try:
                answer = await self._send(call, self._retries)
            except NotFoundError as error:
                if empty_code is None or not error.has_code(empty_code):
                    raise
                return Page(items=(), number=number, per_page=per_page, total=0, total_pages=0)
            stated = header_number(answer.headers, "x-page")
            if stated not in {None, number}:
                raise InvalidResponseError(
                    f"DVS answered with page {stated} of a list when page {number} was asked for."
                )
            return Page(
                items=tuple(_validate(answer, item, _localised(answer, value)) for value in _decode_list(answer)),
                number=number,
                per_page=min(header_number(answer.headers, "x-per-page") or per_page, per_page),
                total=header_number(answer.headers, "x-total"),
                total_pages=header_number(answer.headers, "x-total-pages"),
                content_language=answer.headers.get("content-language"),
            )

        return Pages(fetch)

    async def _send(self, call: HTTPRequest, retries: RetryPolicy, *, admitted: bool = False) -> HTTPResponse:
        async def one_try() -> HTTPResponse:
            nonlocal admitted
            if not admitted:
                # What asks waits behind what pays.
                await self.limiter.acquire(first=call.method != "GET")
            admitted = False
            self.traffic.requests += 1
            sent_at = self.limiter.sent()
            try:
                answer = await self._transport.send(call)
            except NoResponseError:
                self.traffic.unanswered += 1
                self._tell(call, None, sent_at)
                raise
            self._tell(call, answer.status_code, sent_at)
            limit, remaining = (header_number(answer.headers, f"x-ratelimit-{name}") for name in _RATE_HEADERS)
            if answer.status_code == TOO_MANY_REQUESTS:
                self.traffic.throttled += 1
                self.limiter.throttled(_retry_after(answer.headers), limit, sent_at)
            else:
                self.limiter.learn(limit, remaining, sent_at)
            _raise_for_error(answer)
            return answer

        return await with_retries(one_try, retries, self._clock)

    def _tell(self, call: HTTPRequest, status: int | None, sent_at: float) -> None:
        if self.on_try is not None:
            self.on_try(call.method, call.path, status, self._clock.monotonic() - sent_at)


#: The async client under another name.
DVSClient = AsyncDVS


def _decode(answer: HTTPResponse) -> Any:  # noqa: ANN401 - JSON can be anything
    try:
        return codec.decode(answer.body)
    except codec.InvalidJSON:
        # The cause is left out here and below: its text can quote the body, which can hold a PIN.
        raise InvalidResponseError(f"DVS answered HTTP {answer.status_code} with a body that is not JSON.") from None


def _decode_list(answer: HTTPResponse) -> list[Any]:
    values = _decode(answer)
    if not isinstance(values, list):
        raise InvalidResponseError(f"DVS answered HTTP {answer.status_code} with something else than a list.")
    return values


def _localised(answer: HTTPResponse, value: Any) -> Any:  # noqa: ANN401
    """Give the value with the language of its texts, for the models that keep it."""
    language = answer.headers.get("content-language")
    return {**value, "content_language": language} if language and isinstance(value, dict) else value


def _validate(answer: HTTPResponse, model: TypeAdapter[T], value: object) -> T:
    try:
        return model.validate_python(value)
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors(include_input=False)
        )
        raise InvalidResponseError(
            f"DVS answered HTTP {answer.status_code} with an unexpected body: {places[:QUOTED_CHARACTERS]}"
        ) from None


def _raise_for_error(answer: HTTPResponse) -> None:
    if 200 <= answer.status_code < 300:
        return
    if answer.status_code < 400:
        raise InvalidResponseError(f"DVS answered HTTP {answer.status_code}, a redirect, which is never followed.")
    raise error_for(answer.status_code, _details(answer.body), _retry_after(answer.headers))


def _details(body: bytes) -> tuple[ErrorDetail, ...]:
    try:
        value: Any = codec.decode(body)
        return tuple(
            ErrorDetail(code=int(item["code"]), message=printable(str(item["message"])[:QUOTED_CHARACTERS]))
            for item in value["errors"][:MAX_ERROR_DETAILS]
        )
    except (codec.InvalidJSON, TypeError, KeyError, ValueError):
        return ()


def _retry_after(headers: Mapping[str, str]) -> float | None:
    seconds = header_number(headers, "retry-after")
    return None if seconds is None else float(seconds)
