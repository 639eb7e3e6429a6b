"""Writes products, promotions and campaigns as response bodies in the requested language; touches nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from bulk_topup.dvs.models.catalogue import (
    Campaign,
    ProductOfCampaign,
    ProductOfPromotion,
    Promotion,
    PromotionOfProduct,
)
from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.sandbox.catalogue import catalogue
from bulk_topup.sandbox.catalogue.languages import Language
from bulk_topup.sandbox.catalogue.product_factory import AnyProduct
from bulk_topup.sandbox.catalogue.promotions import CAMPAIGNS, PROMOTIONS, Offer, promotions_on
from bulk_topup.sandbox.catalogue.translations import translated
from bulk_topup.sandbox.errors import ErrorResponse

#: What a promotion does not show of its operator.
_HIDDEN_IN_PROMOTIONS = {"operator": {"regions": True, "country": {"regions"}}}
#: More than the combinations of product, language and current promotions.
_CACHED_BODIES = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What a product of an offer must match; None matches any."""

    country_iso_code: str | None
    operator_id: int | None
    product_id: int | None


def product_body(product: AnyProduct, language: Language, now: datetime) -> bytes:
    """Write a product with its promotions as of `now` (reference: Products)."""
    return _product_body(product.id, language, tuple(offer.id for offer in promotions_on(product.id, now)))


@lru_cache(maxsize=_CACHED_BODIES)
def _product_body(product_id: int, language: Language, promotion_ids: tuple[int, ...]) -> bytes:
    promotions = [
        PromotionOfProduct.model_validate(_fields(PROMOTIONS[promotion_id], language)) for promotion_id in promotion_ids
    ]
    product = translated(catalogue.product(product_id), language)
    return catalogue.encode(product.model_copy(update={"promotions": promotions or None}))


def promotion_body(promotion_id: int, language: Language) -> bytes:
    """Write a promotion (reference: Promotions, get).

    Raises:
        ErrorResponse: no such promotion (1003201).
    """
    if promotion_id not in PROMOTIONS:
        raise ErrorResponse(ErrorCode.PROMOTION_NOT_FOUND)
    offer = PROMOTIONS[promotion_id]
    products = [translated(product, language) for product in _products(offer)]
    return catalogue.encode(
        Promotion.model_validate(
            {
                **_fields(offer, language),
                "operator": products[0].operator,
                "products": [ProductOfPromotion.model_validate(product, from_attributes=True) for product in products],
            }
        ),
        without=_HIDDEN_IN_PROMOTIONS,
    )


def campaign_body(campaign_id: int) -> bytes:
    """Write a campaign (reference: Campaigns, get).

    Raises:
        ErrorResponse: no such campaign (1003301).
    """
    if campaign_id not in CAMPAIGNS:
        raise ErrorResponse(ErrorCode.CAMPAIGN_NOT_FOUND)
    offer = CAMPAIGNS[campaign_id]
    products = [ProductOfCampaign.model_validate(product, from_attributes=True) for product in _products(offer)]
    return catalogue.encode(Campaign.model_validate({**_fields(offer, Language.ENGLISH), "products": products}))


def matching(offers: Iterable[Offer], filters: Filters) -> list[int]:
    """Return the IDs of the offers with a product that matches every filter (reference: Promotions, list)."""
    return [
        offer.id
        for offer in offers
        if any(
            filters.product_id in {None, product.id}
            and catalogue.is_of(
                product,
                service_id=None,
                subservice_id=None,
                country_iso_code=filters.country_iso_code,
                operator_id=filters.operator_id,
            )
            for product in _products(offer)
        )
    ]


def _products(offer: Offer) -> list[AnyProduct]:
    return [catalogue.product(product_id) for product_id in offer.product_ids]


def _fields(offer: Offer, language: Language) -> dict[str, object]:
    texts = offer.texts[language]
    return {
        "id": offer.id,
        "title": texts.title,
        "description": texts.description,
        "terms": texts.terms,
        "start_date": offer.start_date,
        "end_date": offer.end_date,
    }
