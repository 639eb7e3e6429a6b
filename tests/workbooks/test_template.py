"""What a product requires, as a list's columns."""

from itertools import combinations
from typing import Any

import pytest

from bulk_topup.domain import fields
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.product import PRODUCT, Product
from bulk_topup.intake.column_mapping import map_columns
from bulk_topup.plan.requirements import product_checks
from bulk_topup.sandbox.catalogue.products import PRODUCTS
from bulk_topup.workbooks.countries import COUNTRIES
from bulk_topup.workbooks.template import ColumnKind, TemplateError, column_name, template_for

BY_ID = {product.id: product for product in PRODUCTS}


def changed(id_: int, **changes: Any) -> Product:
    """Give a product of the sandbox, some of its fields changed."""
    return PRODUCT.validate_python({**BY_ID[id_].model_dump(), **changes})


def test_reading_a_list_maps_every_name_that_a_template_uses() -> None:
    names = [column_name(field) for field in fields.FIELDS]
    assert map_columns(names, {}, {}) == {field: place for place, field in enumerate(fields.FIELDS)}


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: str(product.id))
def test_a_template_has_every_column_that_its_product_requires_and_no_other(product: Product) -> None:
    template = template_for([product])
    columns = {column.field: column.name for column in template.columns}
    assert set(columns) - {fields.REFERENCE, fields.AMOUNT} == set(template.offers[0].needs)
    missing = [str(check.message) for check in product_checks(product, template.mode, set(columns), columns)]
    assert not [text for text in missing if "--map" in text or "cannot" in text]


def test_the_names_of_a_template_are_different_whatever_its_products() -> None:
    for products in combinations(PRODUCTS, 3):
        names = [column.name for column in template_for(products).columns]
        assert len(set(names)) == len(names)
        assert names[:2] == ["reference", "product"]


def test_of_alternatives_the_first_is_taken_and_the_others_are_told() -> None:
    [offer] = template_for([BY_ID[9550]]).offers
    assert offer.needs == (fields.CREDIT_MOBILE,)
    assert offer.alternatives == (
        'Instead of "phone" a list may have the columns "account number" with "account qualifier".',
    )


def test_an_alternative_that_needs_nothing_needs_no_column() -> None:
    product = changed(9550, required_credit_party_identifier_fields=[["mobile_number"], []])
    assert template_for([product]).offers[0].needs == ()


def test_an_alternative_that_cannot_be_sent_is_passed_by_and_a_product_that_has_no_other_is_refused() -> None:
    product = changed(7350, required_sender_fields=[["tax_number"], ["last_name"]])
    assert "sender.last_name" in template_for([product]).offers[0].needs
    with pytest.raises(TemplateError, match=r"Product 7350 needs sender\.tax_number, which this version cannot send"):
        template_for([changed(7350, required_sender_fields=[["tax_number"]])])


def test_a_product_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(TemplateError, match='of type "RENT_A_CAR"'):
        template_for([changed(6418, type="RENT_A_CAR")])


def test_a_product_that_takes_only_the_senders_amount_has_its_bounds_and_its_option() -> None:
    product = changed(6418, accepted_calculation_modes=["SOURCE_AMOUNT"])
    template = template_for([product])
    assert template.mode is CalculationMode.SOURCE_AMOUNT
    assert template.offers[0].amounts == "Any amount from 0.78 to 78.03 USD; it is what is charged."
    assert template.options == " --product 6418 --calculation-mode SOURCE_AMOUNT"
    with pytest.raises(TemplateError, match="meant differently"):
        template_for([product, BY_ID[7350]])


def test_what_a_product_gives_is_said_with_its_bounds_step_and_unit() -> None:
    said = {offer.id: offer.amounts for offer in template_for([BY_ID[6418], BY_ID[4460]]).offers}
    assert said == {
        6418: "Any amount from 1 to 100 SGD, in steps of 0.5; it is what is received.",
        4460: "Always 10 EUR.",
    }
    unbound = changed(6418, destination={"unit": "SGD", "amount": {"min": None, "max": "5", "increment": None}})
    assert template_for([unbound]).offers[0].amounts == "Any amount up to 5 SGD; it is what is received."


def test_every_example_that_names_somebody_says_that_it_is_one() -> None:
    for column in template_for(PRODUCTS).columns:
        plain = column.kind in {ColumnKind.AMOUNT, ColumnKind.COUNTRY, ColumnKind.DATE, ColumnKind.PRODUCT}
        assert column.example.endswith(fields.EXAMPLE) != plain


def test_the_countries_are_all_of_iso_3166_with_three_capitals_each() -> None:
    assert len(COUNTRIES) == 249
    assert all(len(code) == 3 and code.isupper() and code.isascii() for code in COUNTRIES)
    assert (COUNTRIES["SGP"], COUNTRIES["CIV"], COUNTRIES["ZWE"]) == ("Singapore", "Côte d'Ivoire", "Zimbabwe")
