"""Define which products may be chosen for a row that names none; pure."""

from pydantic import BaseModel, ConfigDict, Field

from bulk_topup.dvs.models.product import ProductType


class AutoProduct(BaseModel):
    """Which products of the number's operator may be chosen for the row's amount."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Only products of this service, by its ID; 1 is mobile.
    service_id: int = Field(default=1, ge=1)
    #: Only products of this subservice, by its ID.
    subservice_id: int | None = Field(default=None, ge=1)
    #: Only products of this type.
    type: ProductType | None = None
    #: Only products with all these benefits, e.g. "TALKTIME".
    benefit_types: tuple[str, ...] = ()
