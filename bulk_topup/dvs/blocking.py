"""The same client for scripts and notebooks: `DVS` runs `AsyncDVS` in a thread of its own and waits for it.

with DVS("https://preprod-dvs-api.dtone.com/v1", key, secret) as dvs:
    for product in dvs.products.list(country_iso_code="SGP"):
        print(product.id, product.name)

There is one implementation: each resource's method here is the async one, awaited.
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

    def pages(self) -> Iterator[Page[T]]:
        """Fetch page after page, to the last."""
        pages = self._pages.pages()

        async def following() -> Page[T] | None:
            return await anext(pages, None)

        try:
            while (page := self._portal.call(following)) is not None:
                yield page
        finally:
            self._portal.call(pages.aclose)

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page.items


class _Resource(Generic[R]):
    """A resource of the async client, and the portal to the thread where it lives."""

    def __init__(self, resource: R, portal: BlockingPortal) -> None:
        self._resource = resource
        self._portal = portal


def _awaited(
    method: Callable[Concatenate[R, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[_Resource[R], P], T]:
    def call(self: _Resource[R], /, *args: P.args, **kwargs: P.kwargs) -> T:
        async def run() -> T:
            return await method(self._resource, *args, **kwargs)

        return self._portal.call(run)

    update_wrapper(call, method)
    return call


def _listed(method: Callable[Concatenate[R, P], Pages[T]]) -> Callable[Concatenate[_Resource[R], P], BlockingPages[T]]:
    def call(self: _Resource[R], /, *args: P.args, **kwargs: P.kwargs) -> BlockingPages[T]:
        return BlockingPages(method(self._resource, *args, **kwargs), self._portal)

    update_wrapper(call, method)
    return call


class Services(_Resource[resources.Services]):
    """Kinds of products (reference: Services)."""

    list = _listed(resources.Services.list)
    get = _awaited(resources.Services.get)


class Countries(_Resource[resources.Countries]):
    """Countries that products are for (reference: Countries)."""

    list = _listed(resources.Countries.list)
    get = _awaited(resources.Countries.get)


class Operators(_Resource[resources.Operators]):
    """Providers of the products' services (reference: Operators)."""

    list = _listed(resources.Operators.list)
    get = _awaited(resources.Operators.get)


class BenefitTypes(_Resource[resources.BenefitTypes]):
    """Kinds of benefits (reference: Benefit types)."""

    list = _listed(resources.BenefitTypes.list)


class Promotions(_Resource[resources.Promotions]):
    """Operators' promotions (reference: Promotions)."""

    list = _listed(resources.Promotions.list)
    get = _awaited(resources.Promotions.get)


class Campaigns(_Resource[resources.Campaigns]):
    """Campaigns over products (reference: Campaigns)."""

    list = _listed(resources.Campaigns.list)
    get = _awaited(resources.Campaigns.get)


class Products(_Resource[resources.Products]):
    """Products of the account (reference: Products)."""

    list = _listed(resources.Products.list)
    get = _awaited(resources.Products.get)


class Transactions(_Resource[resources.Transactions]):
    """Transfers of value to beneficiaries (reference: Transactions)."""

    create_async = _awaited(resources.Transactions.create_async)
    create_sync = _awaited(resources.Transactions.create_sync)
    confirm_async = _awaited(resources.Transactions.confirm_async)
    confirm_sync = _awaited(resources.Transactions.confirm_sync)
    cancel = _awaited(resources.Transactions.cancel)
    get = _awaited(resources.Transactions.get)
    list = _listed(resources.Transactions.list)


class Balances(_Resource[resources.Balances]):
    """The account's wallets (reference: Balances)."""

    list = _listed(resources.Balances.list)


class Lookup(_Resource[resources.Lookup]):
    """Questions about credit parties (reference: Look up)."""

    mobile_number = _listed(resources.Lookup.mobile_number)
    statement_inquiry = _listed(resources.Lookup.statement_inquiry)
    credit_party_benefits = _listed(resources.Lookup.credit_party_benefits)
    credit_party_status = _awaited(resources.Lookup.credit_party_status)


class DVS:
    """A client of the DVS API that blocks; open it with `with`.

    Args:
        base_url: address up to and with `/v1`; https, or http on a loopback address.
        api_key: the API key.
        api_secret: the API secret; never shown in a repr, log or error.
        timeout: seconds to wait for an answer.
        rate: requests a second never to be exceeded; None takes what `X-Ratelimit-Limit` allows.
        connections: how many connections may be open at once.
        retries: how stubborn to be with requests that get no answer, a 429 or a passing server error.
        clock: where time comes from.

    Raises:
        ConfigurationError: the base URL is not usable.
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
        self._client = AsyncDVS(
            base_url,
            api_key,
            api_secret,
            timeout=timeout,
            rate=rate,
            connections=connections,
            retries=retries,
            clock=clock,
            transport=transport,
        )
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            portal = opening.enter_context(start_blocking_portal())
            opening.enter_context(portal.wrap_async_context_manager(self._client))
            self._open = opening.pop_all()
        client = self._client
        self.services = Services(client.services, portal)
        self.countries = Countries(client.countries, portal)
        self.operators = Operators(client.operators, portal)
        self.benefit_types = BenefitTypes(client.benefit_types, portal)
        self.promotions = Promotions(client.promotions, portal)
        self.campaigns = Campaigns(client.campaigns, portal)
        self.products = Products(client.products, portal)
        self.transactions = Transactions(client.transactions, portal)
        self.balances = Balances(client.balances, portal)
        self.lookup = Lookup(client.lookup, portal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)
