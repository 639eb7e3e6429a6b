"""The endpoints of the catalogue, which do not depend on what the account has done; touch nothing."""

import re
from datetime import datetime

from bulk_topup.dvs import field_limits
from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.sandbox.catalogue import catalogue
from bulk_topup.sandbox.catalogue.languages import language_of
from bulk_topup.sandbox.catalogue.promotions import CAMPAIGNS, PROMOTIONS
from bulk_topup.sandbox.errors import ErrorResponse
from bulk_topup.sandbox.http import catalogue_bodies
from bulk_topup.sandbox.http.messages import Request, Response, language_headers, page_response
from bulk_topup.sandbox.http.query import Page, Query
from bulk_topup.sandbox.provider.requests import MAX_INT32, LookupRequest, read_body


def promotions(request: Request) -> Response:
    """List promotions (reference: Promotions)."""
    query, language = request.query, language_of(request.headers)
    found = catalogue_bodies.matching(PROMOTIONS.values(), _offer_filters(query))
    return page_response([catalogue_bodies.promotion_body(id_, language) for id_ in found], query.page(), language)


def promotion(request: Request) -> Response:
    """Return one promotion (reference: Promotions)."""
    language = language_of(request.headers)
    return Response(
        body=catalogue_bodies.promotion_body(request.id(MAX_INT32), language), headers=language_headers(language)
    )


def campaigns(request: Request, now: datetime) -> Response:
    """List the campaigns that are current (reference: Campaigns)."""
    query = request.query
    current = [campaign for campaign in CAMPAIGNS.values() if campaign.is_current(now)]
    found = catalogue_bodies.matching(current, _offer_filters(query))
    return page_response([catalogue_bodies.campaign_body(id_) for id_ in found], query.page())


def campaign(request: Request) -> Response:
    """Return one campaign (reference: Campaigns)."""
    return Response(body=catalogue_bodies.campaign_body(request.id(MAX_INT32)))


def _offer_filters(query: Query) -> catalogue_bodies.Filters:
    return catalogue_bodies.Filters(
        country_iso_code=query.matching("country_iso_code", field_limits.COUNTRY_ISO_CODE),
        operator_id=query.integer("operator_id"),
        product_id=query.integer("product_id"),
    )


def services(request: Request) -> Response:
    """List services (reference: Services)."""
    query = request.query
    country = query.matching("country_iso_code", field_limits.COUNTRY_ISO_CODE)
    return page_response(catalogue.service_bodies(country), query.page())


def service(request: Request) -> Response:
    """Return one service (reference: Services)."""
    return Response(body=catalogue.service_body(request.id(MAX_INT32)))


def countries(request: Request) -> Response:
    """List countries (reference: Countries)."""
    query = request.query
    return page_response(catalogue.country_bodies(*service_and_subservice(query)), query.page())


def country(request: Request) -> Response:
    """Return one country (reference: Countries)."""
    if not re.fullmatch(field_limits.COUNTRY_ISO_CODE, request.name):
        raise ErrorResponse(ErrorCode.BAD_REQUEST, "the country in the path is not an ISO 3166-1 alpha-3 code")
    return Response(body=catalogue.country_body(request.name))


def operators(request: Request) -> Response:
    """List operators (reference: Operators)."""
    query = request.query
    country = query.matching("country_iso_code", field_limits.COUNTRY_ISO_CODE)
    return page_response(catalogue.operator_bodies(country, *service_and_subservice(query)), query.page())


def operator(request: Request) -> Response:
    """Return one operator (reference: Operators)."""
    return Response(body=catalogue.operator_body(request.id(MAX_INT32)))


def benefit_types(request: Request) -> Response:
    """List benefit types (reference: Benefit types)."""
    return page_response(catalogue.BENEFIT_TYPE_BODIES, request.query.page())


def look_up_path(request: Request) -> Response:
    """List the operators of the number in the path (reference: Look up)."""
    if not re.fullmatch(field_limits.E164, request.name):
        raise ErrorResponse(ErrorCode.BAD_REQUEST, "the mobile number in the path is not in E.164 form")
    return page_response(catalogue.lookup_bodies(request.name), request.query.page())


def look_up_body(request: Request) -> Response:
    """List the operators of the number in the body (reference: Look up)."""
    lookup = read_body(request.body, LookupRequest)
    return page_response(catalogue.lookup_bodies(lookup.mobile_number), Page(number=lookup.page, size=lookup.per_page))


def service_and_subservice(query: Query) -> tuple[int | None, int | None]:
    """Return both filters; a subservice needs its service (reference: Countries, Operators and Products, list)."""
    service_id, subservice_id = query.integer("service_id"), query.integer("subservice_id")
    if subservice_id is not None and service_id is None:
        raise ErrorResponse(ErrorCode.BAD_REQUEST, "query parameter service_id is required with subservice_id")
    return service_id, subservice_id
