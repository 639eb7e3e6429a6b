"""Which products may be chosen for a row that names none; pure vocabulary."""

from pydantic import BaseModel, ConfigDict, Field

from bulk_topup.dvs.models.product import ProductType


class AutoProduct(BaseModel):
    """Among which products of the number's operator the one is that gives the row's amount."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Only those of a service, by its id; 1 is mobile.
    service_id: int = Field(default=1, ge=1)
    #: Only those of a subservice, by its id.
    subservice_id: int | None = Field(default=None, ge=1)
    #: Only those of a type.
    type: ProductType | None = None
    #: Only those with all of these benefits, e.g. "TALKTIME".
    benefit_types: tuple[str, ...] = ()
