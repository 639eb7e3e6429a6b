"""The parts of operations: headers, parameters and errors, and the functions that build one; pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from bulk_topup.dvs.statuses import ERROR_TABLE, ErrorCode
from bulk_topup.sandbox.openapi.vocabulary import Schema, many, moment, ref, text, whole

_RATE_HEADERS = ("X-Ratelimit-Limit", "X-Ratelimit-Remaining")
_PAGE_HEADERS = ("X-Total", "X-Total-Pages", "X-Per-Page", "X-Page", "X-Next-Page", "X-Prev-Page")
_STATUS_HEADERS = {401: ("WWW-Authenticate",), 429: (*_RATE_HEADERS, "Retry-After")}
_REASONS = {
    200: "The requested data.",
    201: "The transaction, which may already be rejected: read its status.",
    202: "The transaction as it is now.",
    400: "The request is invalid or cannot be processed.",
    401: "The API credentials are missing or wrong.",
    404: "Nothing found.",
    429: "Too many requests; the request was not processed.",
    500: "DVS failed; the outcome is unknown.",
    503: "DVS is not available; the outcome is unknown.",
}

HEADERS: dict[str, dict[str, Any]] = {
    name: {"description": description, "required": required, "schema": schema}
    for name, description, required, schema in (
        ("X-Total", "Entries in the whole list.", True, whole(low=0)),
        ("X-Total-Pages", "Pages in the whole list.", True, whole(low=0)),
        ("X-Per-Page", "Entries per page.", True, ref("PerPage")),
        ("X-Page", "Number of this page.", True, whole()),
        ("X-Next-Page", "Number of the next page, if any.", False, whole()),
        ("X-Prev-Page", "Number of the previous page, if any.", False, whole()),
        ("X-Ratelimit-Limit", "Requests that the account may send per period.", False, whole()),
        ("X-Ratelimit-Remaining", "Requests left in the period.", False, whole(low=0)),
        ("Retry-After", "Seconds to wait.", False, whole(low=0)),
        ("Content-Language", "Languages of the texts.", False, text()),
        ("Vary", "What the response depends on besides its address: Accept-Language.", False, text()),
        ("WWW-Authenticate", "How to authenticate.", False, text()),
    )
}


def _parameter(name: str, schema: Schema, description: str, location: str = "query", **more: object) -> dict[str, Any]:
    required = {"required": True} if location == "path" else {}
    return {"name": name, "in": location, **required, "description": description, "schema": schema, **more}


PARAMETERS: dict[str, dict[str, Any]] = {
    "page": _parameter("page", {**whole(), "default": 1}, "Number of the page, from 1."),
    "per_page": _parameter("per_page", ref("PerPage"), "Entries per page."),
    "country_iso_code": _parameter("country_iso_code", ref("CountryCode"), "Only those of this country."),
    "service_id": _parameter(
        "service_id",
        ref("ServiceId"),
        "Only those of this service; required with `subservice_id`, if the operation has it.",
    ),
    "subservice_id": _parameter("subservice_id", ref("SubserviceId"), "Only those of this part of the service."),
    "operator_id": _parameter("operator_id", ref("OperatorId"), "Only those of this operator."),
    "product_id": _parameter("product_id", ref("ProductId"), "Only those for this product."),
    "type": _parameter("type", ref("ProductType"), "Only those of this type."),
    "product_type": _parameter("product_type", ref("ProductType"), "Only those of products of this type."),
    "region": _parameter(
        "region", ref("RegionCode"), "Only those that can be used there, including regional and global ones."
    ),
    "tags": _parameter(
        "tags",
        many(ref("ProductTag"), minItems=1, uniqueItems=True),
        "Only those with one of these labels.",
        style="form",
        explode=False,
    ),
    "benefit_types": _parameter(
        "benefit_types",
        many(ref("BenefitTypeName"), minItems=1, uniqueItems=True),
        "Only those with one of these benefits.",
        style="form",
        explode=False,
    ),
    "sort": _parameter("sort", ref("ProductSort"), "The order, by ID if it is absent.", example="-amount,name"),
    "external_id": _parameter("external_id", ref("NonEmptyText"), "Only the one with this external ID."),
    "status_id": _parameter("status_id", whole(low=0), "Only those of this detailed status."),
    "credit_party_mobile_number": _parameter(
        "credit_party_mobile_number", ref("MobileNumber"), "Only those that credit this mobile number."
    ),
    "credit_party_account_number": _parameter(
        "credit_party_account_number", ref("AccountNumber"), "Only those that credit this account."
    ),
    "from_date": _parameter("from_date", moment(), "Created then or later; `to_date` is at most 24 hours after it."),
    "to_date": _parameter("to_date", moment(), "Created then or earlier."),
    "unit_type": _parameter("unit_type", ref("UnitType"), "Only those in units of this type."),
    "unit": _parameter("unit", ref("NonEmptyText"), "Only the one in this unit."),
    "accept_language": _parameter(
        "Accept-Language", text(), "Preferred languages of the texts.", "header", example="es"
    ),
}
_IN_PATHS = {
    "service_id": ref("ServiceId"),
    "country_iso_code": ref("CountryCode"),
    "operator_id": ref("OperatorId"),
    "promotion_id": ref("PromotionId"),
    "campaign_id": ref("CampaignId"),
    "product_id": ref("ProductId"),
    "transaction_id": ref("TransactionId"),
    "mobile_number": ref("MobileNumber"),
}
_PAGES = ("page", "per_page")


def _header_refs(names: Sequence[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _error_responses(codes: Sequence[ErrorCode]) -> dict[str, Any]:
    """Describe error responses by status, with an example for every code."""
    responses: dict[str, Any] = {}
    for code in sorted(codes):
        status, message = ERROR_TABLE[code]
        response = responses.setdefault(
            str(status),
            {
                "description": _REASONS[status],
                "headers": _header_refs(_STATUS_HEADERS.get(status, _RATE_HEADERS)),
                "content": {"application/json": {"schema": ref("Errors"), "examples": {}}},
            },
        )
        response["content"]["application/json"]["examples"][code.name] = {
            "value": {"errors": [{"code": int(code), "message": message}]}
        }
    return responses


#: The error responses that every operation shares, by status.
RESPONSES: dict[str, Any] = _error_responses(
    (
        ErrorCode.UNAUTHORIZED,
        ErrorCode.TOO_MANY_REQUESTS,
        ErrorCode.UNEXPECTED_ERROR,
        ErrorCode.SERVICE_UNAVAILABLE,
    )
)


def operation(
    name: str,
    tag: str,
    summary: str,
    result: Schema,
    *,
    description: str = "",
    status: int = 200,
    in_path: str = "",
    parameters: Sequence[str] = (),
    body: Mapping[str, Any] | None = None,
    codes: Sequence[ErrorCode] = (),
    headers: Sequence[str] = (),
) -> dict[str, Any]:
    """Describe an operation.

    Args:
        name: its ID.
        tag: its section.
        summary: what it does, in a few words.
        result: the schema of a successful response.
        description: further explanation.
        status: HTTP status of a successful response.
        in_path: the variable in its path, if any.
        parameters: names of shared parameters.
        body: the content of the request: schema and examples.
        codes: its error codes besides those that every operation shares.
        headers: names of headers of a successful response, besides those of the rate limit.
    """
    parameters_ = [_parameter(in_path, _IN_PATHS[in_path], "Which one.", "path")] if in_path else []
    parameters_ += [{"$ref": f"#/components/parameters/{parameter}"} for parameter in parameters]
    described: dict[str, Any] = {"operationId": name, "tags": [tag], "summary": summary}
    if description:
        described["description"] = description
    if parameters_:
        described["parameters"] = parameters_
    if body:
        described["requestBody"] = {"required": True, "content": {"application/json": dict(body)}}
    success = {
        "description": _REASONS[status],
        "headers": _header_refs((*headers, *_RATE_HEADERS)),
        "content": {"application/json": {"schema": result}},
    }
    described["responses"] = {str(status): success, **_error_responses((ErrorCode.BAD_REQUEST, *codes))}
    described["responses"] |= {error: {"$ref": f"#/components/responses/{error}"} for error in RESPONSES}
    return described


def listing(
    name: str,
    tag: str,
    summary: str,
    item: str,
    *,
    filters: Sequence[str] = (),
    body: Mapping[str, Any] | None = None,
    headers: Sequence[str] = (),
    **more: Any,
) -> dict[str, Any]:
    """Describe an operation that returns a page of a list; with a body, the page is in the body."""
    return operation(
        name,
        tag,
        summary,
        many(ref(item)),
        parameters=filters if body else (*filters, *_PAGES),
        body=body,
        headers=(*_PAGE_HEADERS, *headers),
        **more,
    )
