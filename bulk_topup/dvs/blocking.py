"""Define the blocking client for scripts and notebooks: `DVS` runs `AsyncDVS` in a thread and waits for it.

with DVS("https://preprod-dvs-api.dtone.com/v1", key, secret) as dvs:
    for product in dvs.products.list(country_iso_code="SGP"):
        print(product.id, product.name)

There is one implementation: each method here runs the async one and waits for its result.
"""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from functools import update_wrapper
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal
from pydantic import SecretStr

from bulk_topup.dvs import resources
from bulk_topup.dvs.client import DEFAULT_CONNECTIONS, DEFAULT_TIMEOUT, AsyncDVS
from bulk_topup.dvs.pagination import Page, Pages
from bulk_topup.dvs.request_retries import RetryPolicy
from bulk_topup.dvs.transports.choice import DEFAULT_TRANSPORT, TransportName
from bulk_topup.dvs.unreadable import UnreadableEntry
from bulk_topup.dvs.waits import DEFAULT_MAX_WAIT
from bulk_topup.system.clock import Clock

P = ParamSpec("P")
R = TypeVar("R", covariant=True)
T = TypeVar("T")


class BlockingPages(Generic[T]):
    """A list that is fetched while it is iterated: `for item in pages`, or `pages.page(2)`."""

    def __init__(self, pages: Pages[T], portal: BlockingPortal) -> None:
        self._pages = pages
        self._portal = portal

    def page(self, number: int = 1) -> Page[T]:
        """Fetch one page, counted from 1."""
        return self._portal.call(self._pages.page, number)

    def per_page(self, number: int) -> "BlockingPages[T]":
        """Return the same list with other pages; see `Pages.per_page`."""
        return BlockingPages(self._pages.per_page(number), self._portal)

    def pages(self, *, at_once: int = 1) -> Iterator[Page[T]]:
        """Yield all pages in order.

        Args:
            at_once: most concurrent requests, once the number of pages is known.
        """
        pages = self._pages.pages(at_once=at_once)

        async def fetch_next() -> Page[T] | None:
            return await anext(pages, None)

        try:
            while (page := self._portal.call(fetch_next)) is not None:
                yield page
        finally:
            self._portal.call(pages.aclose)

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page.items


class _Resource(Generic[R]):
    """A resource of the async client, and the portal to its thread."""

    def __init__(self, resource: R, portal: BlockingPortal) -> None:
        self._resource = resource
        self._portal = portal


def _block_on(
    method: Callable[Concatenate[R, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[_Resource[R], P], T]:
    def call(self: _Resource[R], /, *args: P.args, **kwargs: P.kwargs) -> T:
        async def run() -> T:
            return await method(self._resource, *args, **kwargs)

        return self._portal.call(run)

    update_wrapper(call, method)
    return call


def _block_on_pages(
    method: Callable[Concatenate[R, P], Pages[T]],
) -> Callable[Concatenate[_Resource[R], P], BlockingPages[T]]:
    def call(self: _Resource[R], /, *args: P.args, **kwargs: P.kwargs) -> BlockingPages[T]:
        return BlockingPages(method(self._resource, *args, **kwargs), self._portal)

    update_wrapper(call, method)
    return call


class Services(_Resource[resources.Services]):
    """Categories of products (reference: Services)."""

    list = _block_on_pages(resources.Services.list)
    get = _block_on(resources.Services.get)


class Countries(_Resource[resources.Countries]):
    """Countries of products (reference: Countries)."""

    list = _block_on_pages(resources.Countries.list)
    get = _block_on(resources.Countries.get)


class Operators(_Resource[resources.Operators]):
    """Providers of the products' services (reference: Operators)."""

    list = _block_on_pages(resources.Operators.list)
    get = _block_on(resources.Operators.get)


class BenefitTypes(_Resource[resources.BenefitTypes]):
    """Types of benefits (reference: Benefit types)."""

    list = _block_on_pages(resources.BenefitTypes.list)


class Promotions(_Resource[resources.Promotions]):
    """Operators' promotions (reference: Promotions)."""

    list = _block_on_pages(resources.Promotions.list)
    get = _block_on(resources.Promotions.get)


class Campaigns(_Resource[resources.Campaigns]):
    """Campaigns over products (reference: Campaigns)."""

    list = _block_on_pages(resources.Campaigns.list)
    get = _block_on(resources.Campaigns.get)


class Products(_Resource[resources.Products]):
    """Products of the account (reference: Products)."""

    list = _block_on_pages(resources.Products.list)
    get = _block_on(resources.Products.get)


class Transactions(_Resource[resources.Transactions]):
    """Transfers of value to beneficiaries (reference: Transactions)."""

    create_async = _block_on(resources.Transactions.create_async)
    create_sync = _block_on(resources.Transactions.create_sync)
    confirm_async = _block_on(resources.Transactions.confirm_async)
    confirm_sync = _block_on(resources.Transactions.confirm_sync)
    cancel = _block_on(resources.Transactions.cancel)
    get = _block_on(resources.Transactions.get)
    find = _block_on(resources.Transactions.find)
    read_again = _block_on(resources.Transactions.read_again)
    list = _block_on_pages(resources.Transactions.list)


class TransactionOutcomes(_Resource[resources.TransactionOutcomes]):
    """The same endpoints, for many payments: only the fields that decide the outcome are read."""

    create_async = _block_on(resources.TransactionOutcomes.create_async)
    create_sync = _block_on(resources.TransactionOutcomes.create_sync)
    confirm_async = _block_on(resources.TransactionOutcomes.confirm_async)
    confirm_sync = _block_on(resources.TransactionOutcomes.confirm_sync)
    cancel = _block_on(resources.TransactionOutcomes.cancel)
    get = _block_on(resources.TransactionOutcomes.get)
    find = _block_on(resources.TransactionOutcomes.find)
    read_again = _block_on(resources.TransactionOutcomes.read_again)
    list = _block_on_pages(resources.TransactionOutcomes.list)


class Balances(_Resource[resources.Balances]):
    """The account's wallets (reference: Balances)."""

    list = _block_on_pages(resources.Balances.list)


class Lookup(_Resource[resources.Lookup]):
    """Look-ups of credit parties (reference: Look up)."""

    mobile_number = _block_on_pages(resources.Lookup.mobile_number)
    statement_inquiry = _block_on_pages(resources.Lookup.statement_inquiry)
    credit_party_benefits = _block_on_pages(resources.Lookup.credit_party_benefits)
    credit_party_status = _block_on(resources.Lookup.credit_party_status)


class DVS(_Resource[AsyncDVS]):
    """A blocking client of the DVS API for one account; open it with `with` (reference: Authentication).

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

    request = _block_on(AsyncDVS.request)
    exchange = _block_on(AsyncDVS.exchange)
    probe = _block_on(AsyncDVS.probe)
    pages = _block_on_pages(AsyncDVS.pages)

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
        self._resource = AsyncDVS(
            base_url,
            api_key,
            api_secret,
            timeout=timeout,
            rate=rate,
            connections=connections,
            retries=retries,
            clock=clock,
            transport=transport,
            max_wait=max_wait,
        )
        self._open = ExitStack()
        client = self._resource
        self.account = client.account
        self.timeout = client.timeout
        #: What the client counts and knows; read it, and wait for nothing in it.
        self.traffic = client.traffic
        self.limiter = client.limiter
        self.provider_clock = client.provider_clock
        self.waits = client.waits
        self.unreadable = client.unreadable

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            portal = stack.enter_context(start_blocking_portal())
            stack.enter_context(portal.wrap_async_context_manager(self._resource))
            self._open = stack.pop_all()
        self._portal, client = portal, self._resource
        self.services = Services(client.services, portal)
        self.countries = Countries(client.countries, portal)
        self.operators = Operators(client.operators, portal)
        self.benefit_types = BenefitTypes(client.benefit_types, portal)
        self.promotions = Promotions(client.promotions, portal)
        self.campaigns = Campaigns(client.campaigns, portal)
        self.products = Products(client.products, portal)
        self.transactions = Transactions(client.transactions, portal)
        self.transaction_outcomes = TransactionOutcomes(client.transaction_outcomes, portal)
        self.balances = Balances(client.balances, portal)
        self.lookup = Lookup(client.lookup, portal)
        return self

    @property
    def on_try(self) -> Callable[[str, str, int | None, float], None] | None:
        """See `AsyncDVS`; called in the thread of the requests."""
        return self._resource.on_try

    @on_try.setter
    def on_try(self, call: Callable[[str, str, int | None, float], None] | None) -> None:
        self._resource.on_try = call

    @property
    def on_unreadable(self) -> Callable[[UnreadableEntry], None] | None:
        """See `AsyncDVS`; called in the thread of the requests."""
        return self._resource.on_unreadable

    @on_unreadable.setter
    def on_unreadable(self, call: Callable[[UnreadableEntry], None] | None) -> None:
        self._resource.on_unreadable = call

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)
