"""The columns of a list that products require."""

from itertools import combinations
from typing import Any

import pytest

from bulk_topup.domain import fields
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.product import PRODUCT, KnownProduct, Product
from bulk_topup.intake.column_mapping import map_columns
from bulk_topup.plan.requirements import product_checks
from bulk_topup.sandbox.catalogue.products import PRODUCTS
from bulk_topup.workbooks.column_names import column_name
from bulk_topup.workbooks.template import template_for
from bulk_topup.workbooks.template_column import ColumnKind
from bulk_topup.workbooks.template_product import TemplateError

BY_ID = {product.id: product for product in PRODUCTS}


def changed(id_: int, **changes: Any) -> Product:
    """Return a product of the sandbox with some fields changed."""
    return PRODUCT.validate_python({**BY_ID[id_].model_dump(), **changes})


def test_reading_a_list_maps_every_column_name_of_a_template() -> None:
    names = [column_name(field) for field in fields.FIELDS]
    assert map_columns(names, {}, {}) == {field: index for index, field in enumerate(fields.FIELDS)}


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: str(product.id))
def test_a_template_has_exactly_the_columns_that_its_product_requires(product: Product) -> None:
    template = template_for([product])
    columns = {column.field: column.name for column in template.columns}
    assert set(columns) - {fields.REFERENCE, fields.AMOUNT} == set(template.products[0].needs)
    assert isinstance(product, KnownProduct)
    missing = [str(check.message) for check in product_checks(product, template.mode, set(columns), columns)]
    assert not [text for text in missing if "--map" in text or "cannot" in text]


def test_the_column_names_of_a_template_are_unique_for_any_products() -> None:
    for products in combinations(PRODUCTS, 3):
        names = [column.name for column in template_for(products).columns]
        assert len(set(names)) == len(names)
        assert names[:2] == ["reference", "product"]


def test_of_alternatives_the_first_is_used_and_the_others_are_explained() -> None:
    [product] = template_for([BY_ID[9550]]).products
    assert product.needs == (fields.CREDIT_MOBILE,)
    assert product.alternatives == ('Instead of "phone", the list can have "account number" with "account qualifier".',)


def test_an_alternative_that_needs_nothing_needs_no_column() -> None:
    product = changed(9550, required_credit_party_identifier_fields=[["mobile_number"], []])
    assert template_for([product]).products[0].needs == ()


@pytest.mark.parametrize("fields_", [[[], ["account_number"]], [["account_number"], []]])
def test_fields_that_may_be_left_out_are_explained_as_such(fields_: list[list[str]]) -> None:
    [product] = template_for([changed(9240, required_credit_party_identifier_fields=fields_)]).products
    assert product.needs == ()
    assert product.alternatives == ('The list can have "account number".',)


def test_a_template_explains_what_a_product_takes_against_bills() -> None:
    [product] = template_for([BY_ID[9105]]).products
    assert product.takes_statements
    assert any("(EXACT)" in text for text in product.payments)
    assert any("--amount statement" in text for text in product.payments)
    amount = next(column for column in template_for([BY_ID[9105]]).columns if column.field == fields.AMOUNT)
    assert '"statement" pays what is due' in amount.explanation
    assert not template_for([BY_ID[9240]]).products[0].takes_statements


def test_an_alternative_that_cannot_be_sent_is_skipped_and_a_product_without_another_is_refused() -> None:
    product = changed(7350, required_sender_fields=[["tax_number"], ["last_name"]])
    assert "sender.last_name" in template_for([product]).products[0].needs
    with pytest.raises(TemplateError, match=r"Product 7350 needs sender\.tax_number, which this version cannot send"):
        template_for([changed(7350, required_sender_fields=[["tax_number"]])])


def test_a_product_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(TemplateError, match='has type "RENT_A_CAR", which this version can\'t pay'):
        template_for([changed(6418, type="RENT_A_CAR")])


def test_a_product_that_accepts_only_source_amounts_has_their_bounds_and_option() -> None:
    product = changed(6418, accepted_calculation_modes=["SOURCE_AMOUNT"])
    template = template_for([product])
    assert template.mode is CalculationMode.SOURCE_AMOUNT
    assert template.products[0].amounts == "From 0.78 to 78.03 USD; this amount is charged."
    assert template.options == " --product 6418 --calculation-mode SOURCE_AMOUNT"
    with pytest.raises(TemplateError, match="different calculation modes"):
        template_for([product, BY_ID[7350]])


def test_amounts_are_explained_with_bounds_step_and_unit() -> None:
    amounts = {product.id: product.amounts for product in template_for([BY_ID[6418], BY_ID[4460]]).products}
    assert amounts == {
        6418: "From 1.00 to 100.00 SGD in steps of 0.50; this amount is received.",
        4460: "Always 10.00 EUR.",
    }
    unbound = changed(6418, destination={"unit": "SGD", "amount": {"min": None, "max": "5", "increment": None}})
    assert template_for([unbound]).products[0].amounts == "Up to 5.00 SGD; this amount is received."


def test_every_example_with_personal_data_is_marked_as_an_example() -> None:
    for column in template_for(PRODUCTS).columns:
        plain = column.kind in {ColumnKind.AMOUNT, ColumnKind.COUNTRY, ColumnKind.DATE, ColumnKind.PRODUCT}
        assert column.example.endswith(fields.EXAMPLE) != plain
