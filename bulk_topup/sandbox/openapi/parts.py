"""What operations are made of: headers, parameters, refusals, and how one is put together; plain data."""

from collections.abc import Mapping, Sequence
from typing import Any

from bulk_topup.dvs.statuses import ERROR_TABLE, ErrorCode
from bulk_topup.sandbox.openapi.vocabulary import Schema, many, moment, ref, text, whole

_RATE_HEADERS = ("X-Ratelimit-Limit", "X-Ratelimit-Remaining")
_PAGE_HEADERS = ("X-Total", "X-Total-Pages", "X-Per-Page", "X-Page", "X-Next-Page", "X-Prev-Page")
_STATUS_HEADERS = {401: ("WWW-Authenticate",), 429: (*_RATE_HEADERS, "Retry-After")}
_REASONS = {
    200: "What was asked for.",
    201: "The transaction, which may already be rejected: read its status.",
    202: "The transaction as it is now.",
    400: "The request cannot be carried out.",
    401: "The key pair is missing or wrong.",
    404: "There is no such thing, or nothing that fits.",
    429: "Too many requests; nothing was done.",
    500: "The provider failed; nobody knows what was done.",
    503: "The provider is not available; nobody knows what was done.",
}

HEADERS: dict[str, dict[str, Any]] = {
    name: {"description": description, "required": required, "schema": schema}
    for name, description, required, schema in (
        ("X-Total", "Entries of the whole list.", True, whole(low=0)),
        ("X-Total-Pages", "Pages of the whole list.", True, whole(low=0)),
        ("X-Per-Page", "Entries of a page.", True, ref("PerPage")),
        ("X-Page", "This page's number.", True, whole()),
        ("X-Next-Page", "The next page's number, where there is one.", False, whole()),
        ("X-Prev-Page", "The previous page's number, where there is one.", False, whole()),
        ("X-Ratelimit-Limit", "Requests that the key pair has in a period.", False, whole()),
        ("X-Ratelimit-Remaining", "Requests that are left of them.", False, whole(low=0)),
        ("Retry-After", "Seconds to wait.", False, whole(low=0)),
        ("Content-Language", "Languages of the texts.", False, text()),
        ("WWW-Authenticate", "How to identify oneself.", False, text()),
    )
}


def _parameter(name: str, schema: Schema, description: str, place: str = "query", **more: object) -> dict[str, Any]:
    required = {"required": True} if place == "path" else {}
    return {"name": name, "in": place, **required, "description": description, "schema": schema, **more}


PARAMETERS: dict[str, dict[str, Any]] = {
    "page": _parameter("page", {**whole(), "default": 1}, "Number of the page, from 1."),
    "per_page": _parameter("per_page", ref("PerPage"), "Entries of a page."),
    "country_iso_code": _parameter("country_iso_code", ref("CountryCode"), "Only those of this country."),
    "service_id": _parameter(
        "service_id", ref("ServiceId"), "Only those of this service; required with `subservice_id` where that is taken."
    ),
    "subservice_id": _parameter("subservice_id", ref("SubserviceId"), "Only those of this part of the service."),
    "operator_id": _parameter("operator_id", ref("OperatorId"), "Only those of this operator."),
    "product_id": _parameter("product_id", ref("ProductId"), "Only those for this product."),
    "type": _parameter("type", ref("ProductType"), "Only those of this type."),
    "product_type": _parameter("product_type", ref("ProductType"), "Only those of products of this type."),
    "region": _parameter(
        "region", ref("RegionCode"), "Only those that can be used there, regional and global ones too."
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
    "external_id": _parameter("external_id", ref("NonEmptyText"), "Only the one with this reference of yours."),
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
        "Accept-Language", text(), "Languages that are preferred for texts.", "header", example="es"
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


def _refusals(codes: Sequence[ErrorCode]) -> dict[str, Any]:
    """Describe refusals by status, each with an example for every code."""
    answers: dict[str, Any] = {}
    for code in sorted(codes):
        status, message = ERROR_TABLE[code]
        answer = answers.setdefault(
            str(status),
            {
                "description": _REASONS[status],
                "headers": _header_refs(_STATUS_HEADERS.get(status, _RATE_HEADERS)),
                "content": {"application/json": {"schema": ref("Errors"), "examples": {}}},
            },
        )
        answer["content"]["application/json"]["examples"][code.name] = {
            "value": {"errors": [{"code": int(code), "message": message}]}
        }
    return answers


#: The refusals that every operation shares, by status.
RESPONSES: dict[str, Any] = _refusals(
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
    answer: Schema,
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
        name: its id.
        tag: the section that it stands in.
        summary: what it does, in a few words.
        answer: the body of a good answer.
        description: what else there is to know.
        status: HTTP status of a good answer.
        in_path: the name that stands in its path, if one does.
        parameters: names of shared parameters.
        body: the request's content: schema and examples.
        codes: error codes of its own, beside those that every operation shares.
        headers: names of headers of a good answer, beside those of the rate limit.
    """
    described = [_parameter(in_path, _IN_PATHS[in_path], "Which one.", "path")] if in_path else []
    described += [{"$ref": f"#/components/parameters/{parameter}"} for parameter in parameters]
    found: dict[str, Any] = {"operationId": name, "tags": [tag], "summary": summary}
    if description:
        found["description"] = description
    if described:
        found["parameters"] = described
    if body:
        found["requestBody"] = {"required": True, "content": {"application/json": dict(body)}}
    answered = {
        "description": _REASONS[status],
        "headers": _header_refs((*headers, *_RATE_HEADERS)),
        "content": {"application/json": {"schema": answer}},
    }
    found["responses"] = {str(status): answered, **_refusals((ErrorCode.BAD_REQUEST, *codes))}
    found["responses"] |= {refused: {"$ref": f"#/components/responses/{refused}"} for refused in RESPONSES}
    return found


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
    """Describe an operation that gives a page of a list; a body has the page in it."""
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
