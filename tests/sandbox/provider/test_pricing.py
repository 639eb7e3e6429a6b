"""Plan and provider compute the same price, to the last decimal."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.product import RangedProduct
from bulk_topup.plan.prices import expected_cost
from bulk_topup.sandbox.catalogue.product_factory import AnyProduct
from bulk_topup.sandbox.catalogue.products import PRODUCTS
from bulk_topup.sandbox.errors import ErrorResponse
from bulk_topup.sandbox.provider.pricing import quote

RANGED = [product for product in PRODUCTS if isinstance(product, RangedProduct)]


@st.composite
def purchases(draw: st.DrawFn) -> tuple[AnyProduct, CalculationMode, Decimal]:
    """A ranged product and an amount that it accepts."""
    product = draw(st.sampled_from(RANGED))
    mode = draw(st.sampled_from(product.accepted_calculation_modes or list(CalculationMode)))
    if mode is CalculationMode.SOURCE_AMOUNT:
        allowed = product.source.amount
        return product, mode, draw(st.decimals(allowed.min, allowed.max, places=4))
    low, high, step = (Decimal(value or 0) for value in product.destination.amount.model_dump().values())
    return product, mode, low + step * draw(st.integers(0, int((high - low) / step)))


@given(purchases())
def test_the_plan_expects_what_a_ranged_product_costs(
    purchase: tuple[AnyProduct, CalculationMode, Decimal],
) -> None:
    product, mode, amount = purchase
    quoted = quote(product, (mode, amount))
    assert expected_cost(product, mode, amount) == (quoted.cost, quoted.unit)
    assert quoted.price == quoted.price.quantize(Decimal("0.01"))
    assert abs(quoted.delivered - quoted.destination) <= Decimal("0.005")


@pytest.mark.parametrize("product", [product for product in PRODUCTS if not isinstance(product, RangedProduct)])
def test_the_plan_expects_what_a_fixed_product_costs(product: AnyProduct) -> None:
    quoted = quote(product, None)
    assert expected_cost(product, CalculationMode.DESTINATION_AMOUNT, None) == (quoted.cost, quoted.unit)


@given(purchases(), st.decimals(Decimal("0.000001"), Decimal("0.4"), places=6))
def test_amounts_between_the_steps_are_refused(
    purchase: tuple[AnyProduct, CalculationMode, Decimal], off: Decimal
) -> None:
    product, mode, amount = purchase
    assert isinstance(product, RangedProduct)
    step = product.destination.amount.increment or Decimal(1)
    if mode is CalculationMode.SOURCE_AMOUNT or off % step == 0:
        return
    with pytest.raises(ErrorResponse, match="out of range"):
        quote(product, (mode, amount + off))
