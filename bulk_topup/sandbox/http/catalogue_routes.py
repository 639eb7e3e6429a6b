"""The endpoints of the catalogue, which do not depend on what the account has done; touch nothing."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pydantic import BaseModel

from bulk_topup.dvs import field_limits
from bulk_topup.dvs.models.product import ProductType
from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.sandbox.catalogue.catalogue import BENEFIT_TYPE_BODIES, Catalogue, service_body
from bulk_topup.sandbox.catalogue.entries import BENEFIT_TYPES, SORT_KEYS
from bulk_topup.sandbox.catalogue.languages import language_of
from bulk_topup.sandbox.catalogue.model_bodies import encode
from bulk_topup.sandbox.catalogue.promotions import CAMPAIGNS, PROMOTIONS
from bulk_topup.sandbox.errors import ErrorResponse
from bulk_topup.sandbox.http.catalogue_bodies import CatalogueBodies, Filters
from bulk_topup.sandbox.http.messages import Request, Response, language_headers, list_response, page_response
from bulk_topup.sandbox.http.query import Page, Query
from bulk_topup.sandbox.provider.requests import MAX_INT32, LookupRequest, read_body


class CatalogueRoutes:
    """The endpoints of a catalogue.

    Args:
        catalogue: what the account can buy.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.bodies = CatalogueBodies(catalogue)

    def promotions(self, request: Request) -> Response:
        """List promotions (reference: Promotions)."""
        query, language = request.query, language_of(request.headers)
        found = self.bodies.matching(PROMOTIONS.values(), _offer_filters(query))
        return page_response([self.bodies.promotion_body(id_, language) for id_ in found], query.page(), language)

    def promotion(self, request: Request) -> Response:
        """Return one promotion (reference: Promotions)."""
        language = language_of(request.headers)
        return Response(
            body=self.bodies.promotion_body(request.id(MAX_INT32), language), headers=language_headers(language)
        )

    def campaigns(self, request: Request, now: datetime) -> Response:
        """List the campaigns that are current (reference: Campaigns)."""
        query = request.query
        current = [campaign for campaign in CAMPAIGNS.values() if campaign.is_current(now)]
        found = self.bodies.matching(current, _offer_filters(query))
        return page_response([self.bodies.campaign_body(id_) for id_ in found], query.page())

    def campaign(self, request: Request) -> Response:
        """Return one campaign (reference: Campaigns)."""
        return Response(body=self.bodies.campaign_body(request.id(MAX_INT32)))

    def services(self, request: Request) -> Response:
        """List services (reference: Services)."""
        query = request.query
        country = query.matching("country_iso_code", field_limits.COUNTRY_ISO_CODE)
        return page_response(self._catalogue.service_bodies(country), query.page())

    def countries(self, request: Request) -> Response:
        """List countries (reference: Countries)."""
        query = request.query
        return _page_of(self._catalogue.countries(*service_and_subservice(query)), query.page())

    def country(self, request: Request) -> Response:
        """Return one country (reference: Countries)."""
        if not re.fullmatch(field_limits.COUNTRY_ISO_CODE, request.name):
            raise ErrorResponse(ErrorCode.BAD_REQUEST, "the country in the path is not an ISO 3166-1 alpha-3 code")
        return Response(body=self._catalogue.country_body(request.name))

    def operators(self, request: Request) -> Response:
        """List operators (reference: Operators)."""
        query = request.query
        country = query.matching("country_iso_code", field_limits.COUNTRY_ISO_CODE)
        return _page_of(self._catalogue.operators(country, *service_and_subservice(query)), query.page())

    def operator(self, request: Request) -> Response:
        """Return one operator (reference: Operators)."""
        return Response(body=self._catalogue.operator_body(request.id(MAX_INT32)))

    def look_up_path(self, request: Request) -> Response:
        """List the operators of the number in the path (reference: Look up)."""
        if not re.fullmatch(field_limits.E164, request.name):
            raise ErrorResponse(ErrorCode.BAD_REQUEST, "the mobile number in the path is not in E.164 form")
        return page_response(self._catalogue.lookup_bodies(request.name), request.query.page())

    def look_up_body(self, request: Request) -> Response:
        """List the operators of the number in the body (reference: Look up)."""
        lookup = read_body(request.body, LookupRequest)
        return page_response(
            self._catalogue.lookup_bodies(lookup.mobile_number), Page(number=lookup.page, size=lookup.per_page)
        )

    def products(self, request: Request, now: datetime) -> Response:
        """List products (reference: Products)."""
        query, language, page = request.query, language_of(request.headers), request.query.page()
        service_id, subservice_id = service_and_subservice(query)
        found = self._catalogue.products(
            type_=query.one_of("type", ProductType),
            service_id=service_id,
            subservice_id=subservice_id,
            country_iso_code=query.matching("country_iso_code", field_limits.COUNTRY_ISO_CODE),
            operator_id=query.integer("operator_id"),
            region=query.matching("region", field_limits.REGION_CODE),
            tags=query.several("tags", field_limits.PRODUCT_TAG),
            benefit_types=query.several("benefit_types", "|".join(BENEFIT_TYPES)),
            sort=query.sort("sort", SORT_KEYS),
        )
        bodies = [self.bodies.product_body(product_id, language, now) for product_id in page.of(found)]
        response = list_response(bodies, page, len(found))
        return replace(response, headers=[*response.headers, *language_headers(language)])

    def product(self, request: Request, now: datetime) -> Response:
        """Return one product (reference: Products)."""
        language = language_of(request.headers)
        body = self.bodies.product_body(request.id(MAX_INT32), language, now)
        return Response(body=body, headers=language_headers(language))


def _offer_filters(query: Query) -> Filters:
    return Filters(
        country_iso_code=query.matching("country_iso_code", field_limits.COUNTRY_ISO_CODE),
        operator_id=query.integer("operator_id"),
        product_id=query.integer("product_id"),
    )


def service(request: Request) -> Response:
    """Return one service (reference: Services)."""
    return Response(body=service_body(request.id(MAX_INT32)))


def benefit_types(request: Request) -> Response:
    """List benefit types (reference: Benefit types)."""
    return page_response(BENEFIT_TYPE_BODIES, request.query.page())


def service_and_subservice(query: Query) -> tuple[int | None, int | None]:
    """Return both filters; a subservice needs its service (reference: Countries, Operators and Products, list)."""
    service_id, subservice_id = query.integer("service_id"), query.integer("subservice_id")
    if subservice_id is not None and service_id is None:
        raise ErrorResponse(ErrorCode.BAD_REQUEST, "query parameter service_id is required with subservice_id")
    return service_id, subservice_id


def _page_of(models: Sequence[BaseModel], page: Page) -> Response:
    """Return one page of models, of which no others are written."""
    return list_response([encode(model) for model in page.of(models)], page, len(models))
