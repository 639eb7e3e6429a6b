"""Which products of an operator are listed."""

from dataclasses import dataclass
from typing import Any

from bulk_topup.dvs.models.product import ProductType


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductFilter:
    """Which products of an operator are listed; None for any."""

    type: ProductType | None = None
    service_id: int | None = None
    subservice_id: int | None = None
    benefit_types: tuple[str, ...] = ()

    def as_query(self) -> dict[str, Any]:
        """Return it as arguments of `AsyncDVS.products.list`."""
        return {
            "type": self.type,
            "service_id": self.service_id,
            "subservice_id": self.subservice_id,
            "benefit_types": list(self.benefit_types) or None,
        }
