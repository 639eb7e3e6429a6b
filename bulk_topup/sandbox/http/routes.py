"""The endpoints: each reads one request, calls the provider or the catalogue, and returns a response."""

from datetime import datetime

from bulk_topup.dvs import codec
from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.errors import ConfigurationError
from bulk_topup.sandbox.catalogue.changes import read_changes
from bulk_topup.sandbox.errors import ErrorResponse
from bulk_topup.sandbox.fault_parser import read_faults
from bulk_topup.sandbox.faults import Faults
from bulk_topup.sandbox.http import catalogue_routes, lookup_routes
from bulk_topup.sandbox.http.bodies import balance_body, books_body, transaction_body
from bulk_topup.sandbox.http.messages import (
    Handler,
    Request,
    Response,
    SyncWait,
    list_response,
    page_response,
)
from bulk_topup.sandbox.http.query import Page
from bulk_topup.sandbox.http.rate_limit import RateWindow
from bulk_topup.sandbox.http.transaction_search import search
from bulk_topup.sandbox.provider.provider import Provider
from bulk_topup.sandbox.provider.requests import (
    CreditPartyBenefitsRequest,
    CreditPartyRequest,
    StatementRequest,
    read_body,
    read_create_request,
)
from bulk_topup.sandbox.provider.transaction import Transaction

MAX_INT64 = 2**63 - 1


class Routes:
    """The endpoints by path and method; `*` in a path matches one segment.

    Args:
        provider: the account's transactions and wallets.
        faults: the faults that can be set.
        window: the rate limit.
    """

    def __init__(self, provider: Provider, faults: Faults, window: RateWindow) -> None:
        self._provider = provider
        self._faults = faults
        self._window = window
        self._catalogue_routes = found = catalogue_routes.CatalogueRoutes(provider.catalogue)
        transactions = "/v1/async/transactions"
        self._table: dict[str, dict[str, Handler]] = {
            transactions: {"POST": self._create},
            f"{transactions}/*/confirm": {"POST": self._confirm},
            "/v1/sync/transactions": {"POST": self._create_sync},
            "/v1/sync/transactions/*/confirm": {"POST": self._confirm_sync},
            "/v1/transactions": {"GET": self._transactions},
            "/v1/transactions/*": {"GET": self._transaction},
            "/v1/transactions/*/cancel": {"POST": self._cancel},
            "/v1/balances": {"GET": self._balances},
            "/v1/products": {"GET": self._products},
            "/v1/products/*": {"GET": self._product},
            "/v1/promotions": {"GET": found.promotions},
            "/v1/promotions/*": {"GET": found.promotion},
            "/v1/campaigns": {"GET": self._campaigns},
            "/v1/campaigns/*": {"GET": found.campaign},
            "/v1/services": {"GET": found.services},
            "/v1/services/*": {"GET": catalogue_routes.service},
            "/v1/countries": {"GET": found.countries},
            "/v1/countries/*": {"GET": found.country},
            "/v1/operators": {"GET": found.operators},
            "/v1/operators/*": {"GET": found.operator},
            "/v1/benefit-types": {"GET": catalogue_routes.benefit_types},
            "/v1/lookup/mobile-number": {"POST": found.look_up_body},
            "/v1/lookup/mobile-number/*": {"GET": found.look_up_path},
            "/v1/lookup/statement-inquiry": {"POST": self._statements},
            "/v1/lookup/credit-party-benefits": {"POST": self._credit_party_benefits},
            "/v1/lookup/credit-party-status": {"POST": self._credit_party_status},
            "/sandbox/books": {"GET": self._books},
            "/sandbox/faults": {"GET": self._show_faults, "PUT": self._set_faults, "DELETE": self._clear_faults},
            "/sandbox/changes": {"GET": self._show_changes, "PUT": self._set_changes, "DELETE": self._clear_changes},
            "/sandbox/rate-limit": {"GET": self._show_limit, "PUT": self._set_limit},
            "/sandbox/transactions/*/reverse": {"POST": self._reverse},
        }

    def find(self, path: str, method: str) -> tuple[Handler, str]:
        """Return the endpoint of a path, and the segment that `*` matched.

        Raises:
            ErrorResponse: there is no such path (1000404), or it does not accept the method (1000400).
        """
        methods, name = self._methods(path)
        handler = methods.get(method)
        if handler is None:
            raise ErrorResponse(ErrorCode.BAD_REQUEST, f"this address accepts {' and '.join(methods)}")
        return handler, name

    def _methods(self, path: str) -> tuple[dict[str, Handler], str]:
        if (exact := self._table.get(path)) is not None:
            return exact, ""
        parent, _, last = path.rpartition("/")
        if (found := self._table.get(f"{parent}/*")) is not None and last:
            return found, last
        above, _, name = parent.rpartition("/")
        if (found := self._table.get(f"{above}/*/{last}")) is not None and name:
            return found, name
        raise ErrorResponse(ErrorCode.RESOURCE_NOT_FOUND)

    def _create(self, request: Request) -> Response:
        return self._changed(self._provider.create(read_create_request(request.body)), 201)

    def _confirm(self, request: Request) -> Response:
        return self._changed(self._provider.confirm(request.id(MAX_INT64)), 202)

    def _create_sync(self, request: Request) -> Response | SyncWait:
        transaction = self._provider.create(read_create_request(request.body))
        if transaction.confirmed_at is None:
            return self._changed(transaction, 201)
        return SyncWait(transaction=transaction, status=201)

    def _confirm_sync(self, request: Request) -> SyncWait:
        return SyncWait(transaction=self._provider.confirm(request.id(MAX_INT64)), status=202)

    def _cancel(self, request: Request) -> Response:
        return self._changed(self._provider.cancel(request.id(MAX_INT64)), 202)

    def _reverse(self, request: Request) -> Response:
        return self._changed(self._provider.reverse(request.id(MAX_INT64)), 202)

    def _transaction(self, request: Request) -> Response:
        provider, transaction = self._provider, self._provider.get(request.id(MAX_INT64))
        return Response(body=transaction_body(transaction, provider.now(), provider.pin_seed, is_fetched=True))

    def transaction_response(self, transaction: Transaction, status: int) -> Response:
        """Return a transaction as it is now, long after the request that changed it, with an HTTP status."""
        return self._response(transaction, self._provider.now(), status)

    def _changed(self, transaction: Transaction, status: int) -> Response:
        """Return a transaction as the request left it that changed it, however long its answer takes."""
        return self._response(transaction, self._provider.at_last_change(), status)

    def _response(self, transaction: Transaction, at: datetime, status: int) -> Response:
        return Response(body=transaction_body(transaction, at, self._provider.pin_seed), status=status)

    def _transactions(self, request: Request) -> Response:
        provider, query = self._provider, request.query
        page = query.page()
        found = search(provider, query)
        now, seed = provider.now(), provider.pin_seed
        bodies = [transaction_body(provider.get(id_), now, seed, is_fetched=True) for id_ in page.of(found)]
        return list_response(bodies, page, len(found))

    def _products(self, request: Request) -> Response:
        return self._catalogue_routes.products(request, self._provider.now())

    def _product(self, request: Request) -> Response:
        return self._catalogue_routes.product(request, self._provider.now())

    def _campaigns(self, request: Request) -> Response:
        return self._catalogue_routes.campaigns(request, self._provider.now())

    def _balances(self, request: Request) -> Response:
        query = request.query
        query.matching("unit_type", "CURRENCY")
        unit, page = query.text("unit"), query.page()
        self._provider.now()
        bodies = [
            balance_body(id_, name, wallet)
            for id_, (name, wallet) in enumerate(self._provider.wallets.items(), start=1)
            if unit in {None, name}
        ]
        if not bodies:
            raise ErrorResponse(ErrorCode.BALANCE_NOT_FOUND)
        return page_response(bodies, page)

    def _statements(self, request: Request) -> Response:
        lookup = read_body(request.body, StatementRequest)
        bodies = lookup_routes.statement_bodies(self._provider.catalogue, lookup, self._provider.now())
        return page_response(bodies, Page(number=lookup.page, size=lookup.per_page))

    def _credit_party_benefits(self, request: Request) -> Response:
        lookup = read_body(request.body, CreditPartyBenefitsRequest)
        bodies = lookup_routes.benefit_bodies(lookup, self._provider.now())
        return page_response(bodies, Page(number=lookup.page, size=lookup.per_page))

    def _credit_party_status(self, request: Request) -> Response:
        lookup = read_body(request.body, CreditPartyRequest)
        return Response(body=lookup_routes.status_body(lookup, self._provider.now()))

    def _books(self, request: Request) -> Response:
        del request
        return Response(body=books_body(self._provider))

    def _show_faults(self, request: Request) -> Response:
        del request
        return Response(body=codec.encode(self._faults.report()))

    def _set_faults(self, request: Request) -> Response:
        try:
            self._faults.set(read_faults(request.body))
        except ConfigurationError as error:
            raise ErrorResponse(ErrorCode.BAD_REQUEST, str(error)) from None
        return self._show_faults(request)

    def _clear_faults(self, request: Request) -> Response:
        self._faults.set(())
        return self._show_faults(request)

    def _show_changes(self, request: Request) -> Response:
        del request
        return Response(body=codec.encode(self._provider.catalogue.report_changes()))

    def _set_changes(self, request: Request) -> Response:
        try:
            self._provider.change_products(read_changes(request.body))
        except ConfigurationError as error:
            raise ErrorResponse(ErrorCode.BAD_REQUEST, str(error)) from None
        return self._show_changes(request)

    def _clear_changes(self, request: Request) -> Response:
        self._provider.change_products(())
        return self._show_changes(request)

    def _show_limit(self, request: Request) -> Response:
        del request
        return Response(body=codec.encode(self._window.report()))

    def _set_limit(self, request: Request) -> Response:
        try:
            self._window.set(request.body)
        except ConfigurationError as error:
            raise ErrorResponse(ErrorCode.BAD_REQUEST, str(error)) from None
        return self._show_limit(request)
