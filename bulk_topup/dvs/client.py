"""Define the DVS client: credentials, rate limit, retries and typed bodies around a transport; usable alone.

async with AsyncDVS("https://preprod-dvs-api.dtone.com/v1", key, secret) as dvs:
    async for product in dvs.products.list(country_iso_code="SGP"):
        print(product.id, product.name)
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TypeVar

from pydantic import SecretStr, TypeAdapter

from bulk_topup.__version__ import __version__
from bulk_topup.dvs import codec
from bulk_topup.dvs.errors import NoResponseError, NotFoundError, UnreadableBodyError
from bulk_topup.dvs.field_limits import PER_PAGE_MAX
from bulk_topup.dvs.limiter import RateLimiter
from bulk_topup.dvs.pagination import Page, Pages, header_number
from bulk_topup.dvs.probe import Probe, encryption_of, probe_of
from bulk_topup.dvs.provider_clock import ProviderClock
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
from bulk_topup.dvs.responses import raise_for_error, read_model, read_page
from bulk_topup.dvs.retry_after import retry_after
from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.dvs.traffic import Traffic
from bulk_topup.dvs.transports.base import Account, HTTPRequest, HTTPResponse, Params, Transport
from bulk_topup.dvs.transports.choice import DEFAULT_TRANSPORT, TransportName, transport_for
from bulk_topup.dvs.unreadable import UnreadableEntries, UnreadableEntry
from bulk_topup.dvs.waits import DEFAULT_MAX_WAIT, Waits
from bulk_topup.system.clock import Clock, SystemClock

T = TypeVar("T")

#: Seconds to wait for a response, as in the clients of DT One.
DEFAULT_TIMEOUT = 60.0
DEFAULT_CONNECTIONS = 64

TOO_MANY_REQUESTS, SERVER_ERROR = 429, 500
_RATE_HEADERS = ("limit", "remaining")
#: The path of one entry of a list, by DVS's ID.
_BY_ID = re.compile(r"(/[a-z-]+)/([0-9]{1,19})")


class AsyncDVS:
    """A client of the DVS API for one account (reference: Authentication).

    Args:
        base_url: address up to and with `/v1`; https, or http on a loopback address.
        api_key: the API key.
        api_secret: the API secret; never shown in a repr, log or error.
        timeout: seconds to wait for a response.
        rate: most requests per second; None for what `X-Ratelimit-Limit` allows.
        connections: most open connections.
        retries: how often to repeat requests without a response, with a 429 or with a transient server error.
        clock: the source of time.
        transport: the HTTP client that sends.
        max_wait: most seconds of all waits after HTTP 429; then requests raise WaitTooLongError.

    Raises:
        ConfigurationError: the base URL or the transport can't be used.
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
        max_wait: float = DEFAULT_MAX_WAIT,
    ) -> None:
        secret = api_secret if isinstance(api_secret, SecretStr) else SecretStr(api_secret)
        self.timeout = timeout
        #: The address and a hash of the API key: names the account without revealing the key.
        self.account = f"{base_url.rstrip('/')} (key {hashlib.sha256(api_key.encode()).hexdigest()[:8]})"
        self._base_url = base_url
        self.traffic = Traffic()
        self._clock = clock or SystemClock()
        self.limiter = RateLimiter(self._clock, rate)
        #: The provider's time, for what it limits in time.
        self.provider_clock = ProviderClock(self._clock)
        self.waits = Waits(self._clock, max_wait)
        #: Called after each try with method, path, HTTP status (None without a response) and seconds; must not raise.
        self.on_try: Callable[[str, str, int | None, float], None] | None = None
        #: The entries of lists that could not be read.
        self.unreadable = UnreadableEntries()
        #: Called with each of them once; must not raise.
        self.on_unreadable: Callable[[UnreadableEntry], None] | None = None
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
        timeout: float | None = None,  # noqa: ASYNC109 - of one response, not of all tries
        admitted: bool = False,
    ) -> T:
        """Send one request, repeated as the policy allows, and return the body of its response as a model.

        Args:
            method: HTTP method.
            path: the path below the base URL.
            model: the model of the response's body.
            params: query parameters.
            body: the request's body, sent as JSON.
            language: preferred languages, as in `Accept-Language`.
            retries: a policy instead of the client's.
            timeout: seconds to wait for the response, instead of the client's.
            admitted: whether the caller has already waited with `limiter.acquire`.

        Raises:
            NoResponseError, InvalidResponseError: the outcome of the request is unknown.
            APIError: DVS answered with an error.
        """
        request = HTTPRequest(
            method=method,
            path=path,
            params=params,
            body=None if body is None else codec.encode(body),
            language=language,
            timeout=timeout,
        )
        response = await self._send(request, retries or self._retries, admitted=admitted)
        try:
            return read_model(response, model)
        except UnreadableBodyError as error:
            if by_id := _BY_ID.fullmatch(path):
                entry = UnreadableEntry(path=by_id[1], id=int(by_id[2]), external_id=None, problem=str(error))
                self._report_unreadable(entry)
            raise

    async def probe(self) -> Probe:
        """Fetch the balances once, and return what the response says beside them, whatever its status.

        Raises:
            NoResponseError: there was no response.
        """
        self.traffic.requests += 1
        response = await self._transport.send(HTTPRequest(method="GET", path="/balances"))
        return probe_of(response, self._base_url, await encryption_of(self._base_url))

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
        """Return a paginated list (reference: Pagination): read by GET, or by POST with the page number in the body.

        Args:
            path: the path below the base URL.
            item: the model of each entry.
            params: query parameters.
            body: the request's body, sent as JSON; None to read by GET.
            language: preferred languages, as in `Accept-Language`.
            empty_code: the 404 code of this list for no match.
            per_page: most entries of a page.
        """

        async def fetch(number: int) -> Page[T]:
            if body is None:
                query = {**(params or {}), "page": str(number), "per_page": str(per_page)}
                request = HTTPRequest(method="GET", path=path, params=query, language=language)
            else:
                content = codec.encode({**body, "page": number, "per_page": per_page})
                request = HTTPRequest(method="POST", path=path, body=content, language=language)
            try:
                response = await self._send(request, self._retries)
            except NotFoundError as error:
                if empty_code is None or not error.has_code(empty_code):
                    raise
                return Page(items=(), number=number, per_page=per_page, total=0, total_pages=0)
            page = read_page(response, item, path=path, number=number, per_page=per_page)
            for entry in page.unreadable:
                self._report_unreadable(entry)
            return page

        def resized(number: int) -> Pages[T]:
            return self.pages(
                path, item, params=params, body=body, language=language, empty_code=empty_code, per_page=number
            )

        return Pages(fetch, resized)

    async def exchange(self, request: HTTPRequest, *, admitted: bool = False) -> HTTPResponse:
        """Send one request once, within the rate limit, and return its response, whatever its status.

        Args:
            request: the request.
            admitted: whether the caller has already waited with `limiter.acquire`.

        Raises:
            NoResponseError: there was no response.
            WaitTooLongError: DVS throttles the account for too long; nothing was sent.
        """
        if not admitted:
            self.waits.check()
            # Requests that pay go before those that read, except the balance, on which it depends whether they pay.
            await self.limiter.acquire(first=request.method != "GET", urgent=request.path == "/balances")
        self.traffic.requests += 1
        sent_at = self.limiter.sent()
        try:
            response = await self._transport.send(request)
        except NoResponseError:
            self.traffic.unanswered += 1
            self.limiter.learn(None, None, sent_at, is_good=False)
            self._report_try(request, None, sent_at)
            raise
        self.traffic.answered += 1
        self._report_try(request, response.status_code, sent_at)
        limit, remaining = (header_number(response.headers, f"x-ratelimit-{name}") for name in _RATE_HEADERS)
        if response.status_code == TOO_MANY_REQUESTS:
            self.traffic.throttled += 1
            self.waits.start(self.limiter.throttled(retry_after(response.headers, self._clock.now()), limit, sent_at))
        else:
            self.waits.record_response()
            self.limiter.learn(limit, remaining, sent_at, is_good=response.status_code < SERVER_ERROR)
        return response

    async def _send(self, request: HTTPRequest, retries: RetryPolicy, *, admitted: bool = False) -> HTTPResponse:
        async def send_once() -> HTTPResponse:
            nonlocal admitted
            is_admitted, admitted = admitted, False
            response = await self.exchange(request, admitted=is_admitted)
            raise_for_error(response, self._clock.now())
            self.provider_clock.record(response.headers.get("date", ""))
            return response

        return await with_retries(send_once, retries, self._clock)

    def _report_unreadable(self, entry: UnreadableEntry) -> None:
        if self.unreadable.add(entry) and self.on_unreadable is not None:
            self.on_unreadable(entry)

    def _report_try(self, request: HTTPRequest, status: int | None, sent_at: float) -> None:
        if self.on_try is not None:
            self.on_try(request.method, request.path, status, self._clock.monotonic() - sent_at)


#: The async client under another name.
DVSClient = AsyncDVS
