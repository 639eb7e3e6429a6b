"""The API's resources as methods: each names its section of the reference; HTTP is the client's business."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Generic, Protocol, TypeVar
from urllib.parse import quote

from pydantic import TypeAdapter

from bulk_topup.dvs.models import (
    PRODUCT,
    Balance,
    BenefitType,
    Campaign,
    Country,
    CreditPartyBenefit,
    CreditPartyStatus,
    LookupOperator,
    Operator,
    Party,
    Product,
    ProductType,
    Promotion,
    Service,
    Statement,
    Transaction,
    TransactionOutcome,
    TransactionRequest,
)
from bulk_topup.dvs.pagination import Pages, PagesInParts
from bulk_topup.dvs.patterns import PER_PAGE_MAX
from bulk_topup.dvs.retries import RetryPolicy
from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.dvs.transport import Params

T = TypeVar("T")

_SERVICE = TypeAdapter(Service)
_COUNTRY = TypeAdapter(Country)
_OPERATOR = TypeAdapter(Operator)
_BENEFIT_TYPE = TypeAdapter(BenefitType)
_PROMOTION = TypeAdapter(Promotion)
_CAMPAIGN = TypeAdapter(Campaign)
_TRANSACTION = TypeAdapter(Transaction)
_TRANSACTION_OUTCOME = TypeAdapter(TransactionOutcome)
_BALANCE = TypeAdapter(Balance)
_LOOKUP_OPERATOR = TypeAdapter(LookupOperator)
_STATEMENT = TypeAdapter(Statement)
_CREDIT_PARTY_BENEFIT = TypeAdapter(CreditPartyBenefit)
_CREDIT_PARTY_STATUS = TypeAdapter(CreditPartyStatus)

#: The longest window of creation dates that DVS lists at once (reference: Transactions, list).
LONGEST_WINDOW = timedelta(hours=24)
MICROSECOND = timedelta(microseconds=1)
#: Seconds to wait for a synchronous answer: DVS holds the connection for up to 180 (reference: Synchronous).
SYNC_TIMEOUT = 190.0


class Caller(Protocol):
    """What a resource needs of the client."""

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
        """Make one call and give its body as a model."""
        ...

    def pages(
        self,
        path: str,
        item: TypeAdapter[T],
        *,
        params: Params | None = None,
        body: dict[str, object] | None = None,
        language: str | None = None,
        empty_code: ErrorCode | None,
        per_page: int = PER_PAGE_MAX,
    ) -> Pages[T]:
        """Give a paginated list."""
        ...


class Services:
    """Kinds of products (reference: Services)."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self, *, country_iso_code: str | None = None) -> Pages[Service]:
        """List services, of one country where it is given (ISO 3166-1 alpha-3)."""
        params = _query(country_iso_code=country_iso_code)
        return self._caller.pages("/services", _SERVICE, params=params, empty_code=ErrorCode.SERVICE_NOT_FOUND)

    async def get(self, service_id: int) -> Service:
        """Fetch one service.

        Raises:
            NotFoundError: there is no such service (1005004).
        """
        return await self._caller.request("GET", f"/services/{service_id}", _SERVICE)


class Countries:
    """Countries that products are for; GXX stands for all, EXX for Europe (reference: Countries)."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self, *, service_id: int | None = None, subservice_id: int | None = None) -> Pages[Country]:
        """List countries, those with products of a service or subservice where it is given."""
        params = _query(service_id=service_id, subservice_id=subservice_id)
        return self._caller.pages("/countries", _COUNTRY, params=params, empty_code=ErrorCode.COUNTRY_NOT_FOUND)

    async def get(self, country_iso_code: str) -> Country:
        """Fetch one country by its ISO 3166-1 alpha-3 code.

        Raises:
            NotFoundError: there is no such country (1005005).
        """
        return await self._caller.request("GET", f"/countries/{quote(country_iso_code, safe='')}", _COUNTRY)


class Operators:
    """Providers of the products' services (reference: Operators)."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        country_iso_code: str | None = None,
        service_id: int | None = None,
        subservice_id: int | None = None,
    ) -> Pages[Operator]:
        """List operators, filtered by what is given."""
        params = _query(country_iso_code=country_iso_code, service_id=service_id, subservice_id=subservice_id)
        return self._caller.pages("/operators", _OPERATOR, params=params, empty_code=ErrorCode.OPERATOR_NOT_FOUND)

    async def get(self, operator_id: int) -> Operator:
        """Fetch one operator.

        Raises:
            NotFoundError: there is no such operator (1005006).
        """
        return await self._caller.request("GET", f"/operators/{operator_id}", _OPERATOR)


class BenefitTypes:
    """Kinds of benefits (reference: Benefit types)."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self) -> Pages[BenefitType]:
        """List the benefit types of the account's products."""
        return self._caller.pages("/benefit-types", _BENEFIT_TYPE, empty_code=ErrorCode.BENEFITS_NOT_DEFINED)


class Promotions:
    """Operators' promotions (reference: Promotions)."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        country_iso_code: str | None = None,
        operator_id: int | None = None,
        product_id: int | None = None,
        language: str | None = None,
    ) -> Pages[Promotion]:
        """List promotions, filtered by what is given, in a preferred language (as `Accept-Language` takes it)."""
        params = _query(country_iso_code=country_iso_code, operator_id=operator_id, product_id=product_id)
        return self._caller.pages(
            "/promotions", _PROMOTION, params=params, language=language, empty_code=ErrorCode.PROMOTION_NOT_FOUND
        )

    async def get(self, promotion_id: int, *, language: str | None = None) -> Promotion:
        """Fetch one promotion.

        Raises:
            NotFoundError: there is no such promotion (1003201).
        """
        return await self._caller.request("GET", f"/promotions/{promotion_id}", _PROMOTION, language=language)


class Campaigns:
    """Campaigns over products (reference: Campaigns)."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        country_iso_code: str | None = None,
        operator_id: int | None = None,
        product_id: int | None = None,
    ) -> Pages[Campaign]:
        """List campaigns, filtered by what is given."""
        params = _query(country_iso_code=country_iso_code, operator_id=operator_id, product_id=product_id)
        return self._caller.pages("/campaigns", _CAMPAIGN, params=params, empty_code=ErrorCode.CAMPAIGN_NOT_FOUND)

    async def get(self, campaign_id: int) -> Campaign:
        """Fetch one campaign.

        Raises:
            NotFoundError: there is no such campaign (1003301).
        """
        return await self._caller.request("GET", f"/campaigns/{campaign_id}", _CAMPAIGN)


class Products:
    """Products of the account (reference: Products)."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        type: ProductType | None = None,  # noqa: A002 - the API's own name
        service_id: int | None = None,
        subservice_id: int | None = None,
        tags: list[str] | None = None,
        country_iso_code: str | None = None,
        operator_id: int | None = None,
        region: str | None = None,
        benefit_types: list[str] | None = None,
        language: str | None = None,
    ) -> Pages[Product]:
        """List products, filtered by what is given, in a preferred language (as `Accept-Language` takes it)."""
        params = _query(
            type=type,
            service_id=service_id,
            subservice_id=subservice_id,
            country_iso_code=country_iso_code,
            operator_id=operator_id,
            region=region,
        )
        # Lists are separated by commas in one parameter.
        params |= {
            name: ",".join(values) for name, values in (("tags", tags), ("benefit_types", benefit_types)) if values
        }
        return self._caller.pages(
            "/products", PRODUCT, params=params, language=language, empty_code=ErrorCode.PRODUCT_NOT_AVAILABLE
        )

    async def get(self, product_id: int, *, language: str | None = None) -> Product:
        """Fetch one product.

        Raises:
            NotFoundError: the product is not in this account (1003001).
        """
        return await self._caller.request("GET", f"/products/{product_id}", PRODUCT, language=language)


class _Transactions(Generic[T]):
    def __init__(self, caller: Caller, model: TypeAdapter[T]) -> None:
        self._caller = caller
        self._model = model

    async def create_async(
        self,
        request: TransactionRequest | Mapping[str, object],
        *,
        retries: RetryPolicy | None = None,
        admitted: bool = False,
    ) -> T:
        """Create a transaction in asynchronous mode; read the status of what comes back, it may be a refusal.

        Tries again with the same external id, which DVS accepts once only.

        Args:
            request: the transaction; or its body in plain values, which is sent as it stands.
            retries: another policy than the client's.
            admitted: the caller has waited for its place in time, with the client's `limiter.acquire`.

        Raises:
            NoResponseError, InvalidResponseError, ServerError: nobody knows whether it was created.
            ExternalIdAlreadyUsedError: a transaction with this external id exists (1007001).
            InsufficientBalanceError: the wallet does not hold enough (1006001).
            BadRequestError, NotFoundError: DVS refused it; unless `after_unknown`, nothing was created.
        """
        body = request if isinstance(request, Mapping) else request.model_dump(exclude_none=True)
        return await self._caller.request(
            "POST", "/async/transactions", self._model, body=body, retries=retries, admitted=admitted
        )

    async def create_sync(self, request: TransactionRequest, *, retries: RetryPolicy | None = None) -> T:
        """Create a transaction in synchronous mode: with `auto_confirm` DVS answers once it is final, or after 180 s.

        Raises:
            The same as `create_async`.
        """
        body = request.model_dump(exclude_none=True, exclude={"callback_url"})
        return await self._caller.request(
            "POST", "/sync/transactions", self._model, body=body, retries=retries, timeout=SYNC_TIMEOUT
        )

    async def confirm_async(self, transaction_id: int) -> T:
        """Confirm a CREATED transaction before its `confirmation_expiration_date`.

        Raises:
            BadRequestError: it was confirmed already (1007002) or can no longer be (1007004).
            NotFoundError: there is no such transaction (1008004).
        """
        return await self._caller.request("POST", f"/async/transactions/{transaction_id}/confirm", self._model)

    async def confirm_sync(self, transaction_id: int) -> T:
        """Confirm a CREATED transaction; DVS answers once it is final, or after 180 s.

        Raises:
            The same as `confirm_async`.
        """
        path = f"/sync/transactions/{transaction_id}/confirm"
        return await self._caller.request("POST", path, self._model, timeout=SYNC_TIMEOUT)

    async def cancel(self, transaction_id: int) -> T:
        """Cancel a CREATED transaction, which releases the held balance.

        Raises:
            BadRequestError: it was cancelled already (1007005) or can no longer be (1007007).
            NotFoundError: there is no such transaction (1008004).
        """
        return await self._caller.request("POST", f"/transactions/{transaction_id}/cancel", self._model)

    async def get(self, transaction_id: int) -> T:
        """Fetch one transaction by the provider's id.

        Raises:
            NotFoundError: there is no such transaction (1008004).
        """
        return await self._caller.request("GET", f"/transactions/{transaction_id}", self._model)

    def list(
        self,
        *,
        external_id: str | None = None,
        product_type: ProductType | None = None,
        service_id: int | None = None,
        subservice_id: int | None = None,
        country_iso_code: str | None = None,
        operator_id: int | None = None,
        status_id: int | None = None,
        credit_party_mobile_number: str | None = None,
        credit_party_account_number: str | None = None,
        from_date: datetime | None = None,
        to_date: datetime | None = None,
    ) -> Pages[T]:
        """List transactions; dates (timezone-aware) bound the creation date, inclusive.

        DVS lists at most 24 hours at once: dates that are further apart are asked for window by window, oldest first.
        With neither a date nor an external id, DVS gives the last 24 hours.

        Raises:
            ValueError: `to_date` is before `from_date`.
        """
        filters = _query(
            external_id=external_id,
            product_type=product_type,
            service_id=service_id,
            subservice_id=subservice_id,
            country_iso_code=country_iso_code,
            operator_id=operator_id,
            status_id=status_id,
            credit_party_mobile_number=credit_party_mobile_number,
            credit_party_account_number=credit_party_account_number,
        )
        parts = [
            self._caller.pages(
                "/transactions",
                self._model,
                params=filters | _query(from_date=start and rfc3339(start), to_date=end and rfc3339(end, through=True)),
                empty_code=ErrorCode.TRANSACTION_NOT_FOUND,
            )
            for start, end in windows(from_date, to_date)
        ]
        return parts[0] if len(parts) == 1 else PagesInParts(parts)


class Transactions(_Transactions[Transaction]):
    """Transfers of value to beneficiaries (reference: Transactions)."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(caller, _TRANSACTION)


class TransactionOutcomes(_Transactions[TransactionOutcome]):
    """The same calls for who pays many: of each transaction only what decides over its payment is read."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(caller, _TRANSACTION_OUTCOME)


class Balances:
    """The account's wallets (reference: Balances)."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self, *, unit_type: str | None = None, unit: str | None = None) -> Pages[Balance]:
        """List balances, of one unit (ISO 4217) where it is given."""
        params = _query(unit_type=unit_type, unit=unit)
        return self._caller.pages("/balances", _BALANCE, params=params, empty_code=ErrorCode.BALANCE_NOT_FOUND)


class Lookup:
    """Questions about credit parties (reference: Look up)."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def mobile_number(self, mobile_number: str, *, post: bool = False) -> Pages[LookupOperator]:
        """List the operators of a number's country; `identified` marks the number's own.

        Args:
            mobile_number: E.164, with +.
            post: send the number in a body, so that it stands in no address and no access log.
        """
        path = "/lookup/mobile-number"
        if post:
            body: dict[str, object] = {"mobile_number": mobile_number}
            return self._caller.pages(path, _LOOKUP_OPERATOR, body=body, empty_code=ErrorCode.OPERATOR_NOT_FOUND)
        path = f"{path}/{quote(mobile_number, safe='+')}"
        return self._caller.pages(path, _LOOKUP_OPERATOR, empty_code=ErrorCode.OPERATOR_NOT_FOUND)

    def statement_inquiry(
        self, product_id: int, account_number: str, *, account_qualifier: str | None = None
    ) -> Pages[Statement]:
        """List the open statements (bills) of an account with a payment product.

        Raises:
            BadRequestError: the operator does not support this (1007500).
        """
        body = _body(product_id=product_id, account_number=account_number, account_qualifier=account_qualifier)
        return self._caller.pages("/lookup/statement-inquiry", _STATEMENT, body=body, empty_code=None)

    def credit_party_benefits(self, service_id: int, credit_party: Party) -> Pages[CreditPartyBenefit]:
        """List the benefits that a credit party has at present.

        Raises:
            BadRequestError: the operator does not support this (1007500).
        """
        return self._caller.pages(
            "/lookup/credit-party/benefits",
            _CREDIT_PARTY_BENEFIT,
            body=_body(service_id=service_id, credit_party_identifier=credit_party.model_dump(exclude_none=True)),
            empty_code=None,
        )

    async def credit_party_status(self, service_id: int, credit_party: Party) -> CreditPartyStatus:
        """Tell when a credit party's eSIM was installed and activated.

        Raises:
            BadRequestError: the operator does not support this (1007500).
        """
        return await self._caller.request(
            "POST",
            "/lookup/credit-party/status",
            _CREDIT_PARTY_STATUS,
            body=_body(service_id=service_id, credit_party_identifier=credit_party.model_dump(exclude_none=True)),
        )


def windows(start: datetime | None, end: datetime | None) -> list[tuple[datetime | None, datetime | None]]:
    """Cut a time span into windows that DVS lists, each of whole microseconds, without gap or overlap.

    Raises:
        ValueError: the end is before the start.
    """
    if start is None or end is None:
        return [(start, end)]
    if end < start:
        raise ValueError(f"to_date {end.isoformat()} is before from_date {start.isoformat()}")
    found: list[tuple[datetime | None, datetime | None]] = []
    while start <= end:
        last = min(end, start + LONGEST_WINDOW - MICROSECOND)
        found.append((start, last))
        start = last + MICROSECOND
    return found


def rfc3339(moment: datetime, *, through: bool = False) -> str:
    """Write a timezone-aware time as DVS writes its own: UTC, nine digits of fraction, Z.

    Args:
        moment: the time, in microseconds.
        through: write the end of that microsecond instead of its beginning, as DVS counts nanoseconds.

    Raises:
        ValueError: the time has no time zone, so nobody can know which moment it is.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; state one, e.g. datetime.now(UTC)")
    return moment.astimezone(UTC).strftime(f"%Y-%m-%dT%H:%M:%S.%f{'999' if through else '000'}Z")


def _query(**values: object) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None}


def _body(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
