"""The template of a list: the columns that its products need, in order; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bulk_topup.domain import fields
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.product import Product
from bulk_topup.workbooks.template_column import (
    Column,
    amount_column,
    field_column,
    product_column,
    reference_column,
)
from bulk_topup.workbooks.template_product import TemplateError, TemplateProduct, product_of_template


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """The columns of a list, and the products that it can pay."""

    products: tuple[TemplateProduct, ...]
    columns: tuple[Column, ...]

    @property
    def mode(self) -> CalculationMode:
        """The calculation mode of the amounts."""
        return self.products[0].mode

    @property
    def options(self) -> str:
        """The options that `bulk-topup plan` needs for the list, with a leading space; empty if it needs none."""
        product = f" --product {self.products[0].id}" if len(self.products) == 1 else ""
        mode = "" if self.mode is CalculationMode.DESTINATION_AMOUNT else f" --calculation-mode {self.mode}"
        return product + mode


def template_for(products: Sequence[Product]) -> Template:
    """Return the template of a list that pays one of these products in each row.

    Raises:
        TemplateError: this version cannot pay one of them, or their calculation modes differ.
    """
    offered = tuple(map(product_of_template, products))
    if len({product.mode for product in offered if product.is_ranged}) > 1:
        modes = ", ".join(f"{product.id} {product.mode}" for product in offered if product.is_ranged)
        raise TemplateError(
            f"These products have different calculation modes: {modes}. Create one template for each mode."
        )
    # Products of one amount work in any mode, so the ranged products, which come first, decide.
    offered = tuple(sorted(offered, key=lambda product: not product.is_ranged))
    needed = {field for product in offered for field in product.needs}
    columns = [reference_column()]
    if len(offered) > 1:
        columns.append(product_column(offered))
    for field in fields.DVS_FIELDS:
        if field in needed:
            columns.append(field_column(field, offered))
        if field == fields.CREDIT_QUALIFIER and any(product.is_ranged for product in offered):
            columns.append(amount_column(offered))
    return Template(products=offered, columns=tuple(columns))
