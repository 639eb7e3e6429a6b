"""Define the models of the catalogue: services, countries, operators, promotions, campaigns."""

from datetime import datetime

from bulk_topup.dvs.models.base import DVSModel, Id


class Region(DVSModel):
    """A part of a country."""

    name: str
    code: str


class Country(DVSModel):
    """A country by ISO 3166-1 alpha-3 code (GXX is global, EXX is Europe)."""

    name: str
    iso_code: str
    regions: list[Region] | None = None


class Operator(DVSModel):
    """The provider of a product's service."""

    id: Id
    name: str
    country: Country
    regions: list[Region] | None = None


class LookupOperator(Operator):
    """An operator as a mobile number look-up lists it (reference: Lookup)."""

    #: True for the number's own operator, False for the country's others.
    identified: bool = False


class Subservice(DVSModel):
    """A subdivision of a service."""

    id: int
    name: str


class Service(DVSModel):
    """A category of products, e.g. Mobile or Utilities (reference: Services)."""

    id: int
    name: str
    subservices: list[Subservice] | None = None


class BenefitType(DVSModel):
    """A type of benefit: TALKTIME, DATA, SMS, PAYMENT or CREDITS (reference: Benefit types)."""

    name: str


class ServiceOfProduct(DVSModel):
    """The service that a product belongs to."""

    id: int
    name: str
    subservice: Subservice | None = None


class PromotionOfProduct(DVSModel):
    """A promotion of a product, from its start to its end date (reference: Promotions)."""

    id: int
    title: str
    description: str | None = None
    terms: str | None = None
    start_date: datetime
    end_date: datetime


class ProductOfPromotion(DVSModel):
    """A product as its promotion shows it (reference: Promotions)."""

    id: int
    name: str
    description: str | None = None
    type: str


class ProductOfCampaign(ProductOfPromotion):
    """A product as its campaign shows it (reference: Campaigns)."""

    operator: Operator


class Promotion(PromotionOfProduct):
    """An operator's promotion with its products (reference: Promotions)."""

    operator: Operator
    products: list[ProductOfPromotion] | None = None
    #: The language of the texts (`Content-Language`); None if not stated.
    content_language: str | None = None


class Campaign(PromotionOfProduct):
    """A campaign over products of any operators (reference: Campaigns)."""

    products: list[ProductOfCampaign] | None = None
