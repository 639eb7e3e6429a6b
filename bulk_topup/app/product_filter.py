"""Which products of an operator are listed."""

from dataclasses import dataclass
from typing import Any, Self

from bulk_topup.domain.auto_product import AutoProduct
from bulk_topup.dvs.models.product import ProductType


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductFilter:
    """Which products of an operator are listed; None for any."""

    type: ProductType | None = None
    service_id: int | None = None
    subservice_id: int | None = None
    benefit_types: tuple[str, ...] = ()

    @classmethod
    def of(cls, policy: AutoProduct) -> Self:
        """Return the filter of the products that may be chosen."""
        return cls(
            type=policy.type,
            service_id=policy.service_id,
            subservice_id=policy.subservice_id,
            benefit_types=policy.benefit_types,
        )

    def as_query(self) -> dict[str, Any]:
        """Return it as arguments of `AsyncDVS.products.list`."""
        return {
            "type": self.type,
            "service_id": self.service_id,
            "subservice_id": self.subservice_id,
            "benefit_types": list(self.benefit_types) or None,
        }
