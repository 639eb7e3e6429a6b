"""Define the endpoints of the catalogue."""

from urllib.parse import quote

from pydantic import TypeAdapter

from bulk_topup.dvs.errors import UnreadableBodyError
from bulk_topup.dvs.models.catalogue import BenefitType, Campaign, Country, Operator, Promotion, Service
from bulk_topup.dvs.models.product import PRODUCT, Product, ProductType
from bulk_topup.dvs.pagination import Pages
from bulk_topup.dvs.resources.caller import Caller, query_params
from bulk_topup.dvs.statuses import ErrorCode

_SERVICE = TypeAdapter(Service)
_COUNTRY = TypeAdapter(Country)
_OPERATOR = TypeAdapter(Operator)
_BENEFIT_TYPE = TypeAdapter(BenefitType)
_PROMOTION = TypeAdapter(Promotion)
_CAMPAIGN = TypeAdapter(Campaign)


def _check_service(service_id: int | None, subservice_id: int | None) -> None:
    if subservice_id is not None and service_id is None:
        raise ValueError("A subservice needs its service. Add service_id.")


class Services:
    """Categories of products (reference: Services)."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self, *, country_iso_code: str | None = None) -> Pages[Service]:
        """List services, all or of one country (ISO 3166-1 alpha-3)."""
        params = query_params(country_iso_code=country_iso_code)
        return self._caller.pages("/services", _SERVICE, params=params, empty_code=ErrorCode.SERVICE_NOT_FOUND)

    async def get(self, service_id: int) -> Service:
        """Fetch one service.

        Raises:
            NotFoundError: there is no such service (1005004).
        """
        return await self._caller.request("GET", f"/services/{service_id}", _SERVICE)


class Countries:
    """Countries of products; GXX is global, EXX is Europe (reference: Countries)."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self, *, service_id: int | None = None, subservice_id: int | None = None) -> Pages[Country]:
        """List countries, all or those with products of a service or subservice.

        Raises:
            ValueError: `subservice_id` without `service_id`, which DVS refuses.
        """
        _check_service(service_id, subservice_id)
        params = query_params(service_id=service_id, subservice_id=subservice_id)
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
        """List operators, by any of these filters.

        Raises:
            ValueError: `subservice_id` without `service_id`, which DVS refuses.
        """
        _check_service(service_id, subservice_id)
        params = query_params(country_iso_code=country_iso_code, service_id=service_id, subservice_id=subservice_id)
        return self._caller.pages("/operators", _OPERATOR, params=params, empty_code=ErrorCode.OPERATOR_NOT_FOUND)

    async def get(self, operator_id: int) -> Operator:
        """Fetch one operator.

        Raises:
            NotFoundError: there is no such operator (1005006).
        """
        return await self._caller.request("GET", f"/operators/{operator_id}", _OPERATOR)


class BenefitTypes:
    """Types of benefits (reference: Benefit types)."""

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
        """List promotions, by any of these filters, in a preferred language (as in `Accept-Language`)."""
        params = query_params(country_iso_code=country_iso_code, operator_id=operator_id, product_id=product_id)
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
        """List campaigns, by any of these filters."""
        params = query_params(country_iso_code=country_iso_code, operator_id=operator_id, product_id=product_id)
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
        sort: list[str] | None = None,
        language: str | None = None,
    ) -> Pages[Product]:
        """List products, by any of these filters, in a preferred language (as in `Accept-Language`).

        Args:
            type: and all up to `benefit_types`: what a product must match.
            sort: `id`, `name` or `amount` (of the destination), the first key first; `-amount` is the largest first.
            language: preferred languages of the texts.

        Raises:
            ValueError: `subservice_id` without `service_id`, which DVS refuses.
        """
        _check_service(service_id, subservice_id)
        params = query_params(
            type=type,
            service_id=service_id,
            subservice_id=subservice_id,
            country_iso_code=country_iso_code,
            operator_id=operator_id,
            region=region,
        )
        # Lists are separated by commas in one parameter.
        params |= {
            name: ",".join(values)
            for name, values in (("tags", tags), ("benefit_types", benefit_types), ("sort", sort))
            if values
        }
        return self._caller.pages(
            "/products", PRODUCT, params=params, language=language, empty_code=ErrorCode.PRODUCT_NOT_AVAILABLE
        )

    async def get(self, product_id: int, *, language: str | None = None) -> Product:
        """Fetch one product.

        Raises:
            NotFoundError: the product is not in this account (1003001).
            UnreadableBodyError: DVS answered with another product.
        """
        found = await self._caller.request("GET", f"/products/{product_id}", PRODUCT, language=language)
        if found.id != product_id:
            # Its price and its requirements are not those of the product that would be paid.
            raise UnreadableBodyError(f"DVS answered a request about product {product_id} with product {found.id}.")
        return found
