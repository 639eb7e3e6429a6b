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
from bulk_topup.sandbox.catalogue.catalogue import Catalogue
from bulk_topup.sandbox.catalogue.entries import is_of
from bulk_topup.sandbox.catalogue.languages import Language
from bulk_topup.sandbox.catalogue.model_bodies import encode
from bulk_topup.sandbox.catalogue.product_factory import AnyProduct
from bulk_topup.sandbox.catalogue.promotions import CAMPAIGNS, PROMOTIONS, Offer, promotions_on
from bulk_topup.sandbox.catalogue.translations import translated
from bulk_topup.sandbox.errors import ErrorResponse

#: What a promotion does not show of its operator.
_HIDDEN_IN_PROMOTIONS = {"operator": {"regions": True, "country": {"regions"}}}
#: More than the combinations of product, language and current promotions of the small catalogue.
_CACHED_BODIES = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What a product of an offer must match; None matches any."""

    country_iso_code: str | None
    operator_id: int | None
    product_id: int | None


class CatalogueBodies:
    """Writes what the account can buy.

    Args:
        catalogue: the products.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._product_body = lru_cache(maxsize=_CACHED_BODIES)(self._write_product)

    def product_body(self, product_id: int, language: Language, now: datetime) -> bytes:
        """Write a product with its promotions as of `now` (reference: Products).

        Raises:
            ErrorResponse: no such product (1003001).
        """
        current = tuple(offer.id for offer in promotions_on(product_id, now))
        return self._product_body(product_id, language, current, self._catalogue.revision)

    def _write_product(
        self, product_id: int, language: Language, promotion_ids: tuple[int, ...], revision: int
    ) -> bytes:
        del revision  # a product that changed gets another body
        promotions = [
            PromotionOfProduct.model_validate(_fields(PROMOTIONS[promotion_id], language))
            for promotion_id in promotion_ids
        ]
        product = translated(self._catalogue.product(product_id), language)
        return encode(product.model_copy(update={"promotions": promotions or None}))

    def promotion_body(self, promotion_id: int, language: Language) -> bytes:
        """Write a promotion (reference: Promotions, get).

        Raises:
            ErrorResponse: no such promotion (1003201).
        """
        if promotion_id not in PROMOTIONS:
            raise ErrorResponse(ErrorCode.PROMOTION_NOT_FOUND)
        offer = PROMOTIONS[promotion_id]
        products = [translated(product, language) for product in self._products(offer)]
        return encode(
            Promotion.model_validate(
                {
                    **_fields(offer, language),
                    "operator": products[0].operator,
                    "products": [
                        ProductOfPromotion.model_validate(product, from_attributes=True) for product in products
                    ],
                }
            ),
            without=_HIDDEN_IN_PROMOTIONS,
        )

    def campaign_body(self, campaign_id: int) -> bytes:
        """Write a campaign (reference: Campaigns, get).

        Raises:
            ErrorResponse: no such campaign (1003301).
        """
        if campaign_id not in CAMPAIGNS:
            raise ErrorResponse(ErrorCode.CAMPAIGN_NOT_FOUND)
        offer = CAMPAIGNS[campaign_id]
        products = [
            ProductOfCampaign.model_validate(product, from_attributes=True) for product in self._products(offer)
        ]
        return encode(Campaign.model_validate({**_fields(offer, Language.ENGLISH), "products": products}))

    def matching(self, offers: Iterable[Offer], filters: Filters) -> list[int]:
        """Return the IDs of the offers with a product that matches every filter (reference: Promotions, list)."""
        return [
            offer.id
            for offer in offers
            if any(
                filters.product_id in {None, product.id}
                and is_of(
                    product,
                    service_id=None,
                    subservice_id=None,
                    country_iso_code=filters.country_iso_code,
                    operator_id=filters.operator_id,
                )
                for product in self._products(offer)
            )
        ]

    def _products(self, offer: Offer) -> list[AnyProduct]:
        """Return the products of an offer, also those that are not available any more."""
        return [self._catalogue.any_product(product_id) for product_id in offer.product_ids]


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
