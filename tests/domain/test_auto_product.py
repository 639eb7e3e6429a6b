"""Settings of [auto_product] that contradict each other are refused, with what to do."""

import unicodedata
from typing import Any

import pytest
from pydantic import ValidationError

from bulk_topup.domain.auto_product import AutoProduct


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"subservice_id": 12, "subservices": ["data"]}, "not both"),
        ({"service_id": 3, "subservices": ["data"]}, "those of mobile operators"),
        ({"subservices": []}, "at least 1 item"),
        ({"products": {"Lionwave": 1, " LIONWAVE": 2}}, 'two products for "LIONWAVE"'),
        ({"subservices": ["sms"]}, "'airtime', 'bundle' or 'data'"),
        (
            {"prefer": ["newest"]},
            '"newest" is no preference. Choose ranged, fixed, cheapest, or a currency',
        ),
        ({"prefer": ["eur"]}, "no preference"),
        ({"amounts": "above"}, "'exact' or 'at_or_below'"),
        ({"products": {"1310": "x"}}, "valid integer"),
    ],
)
def test_settings_that_contradict_each_other_or_mean_nothing_are_refused(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError) as raised:
        AutoProduct.model_validate(settings)
    assert text in str(raised.value)


def test_what_may_be_chosen_is_airtime_until_something_else_is_asked_for() -> None:
    assert AutoProduct().subservice_ids == frozenset({11})
    assert AutoProduct.model_validate({"subservices": ["airtime", "data"]}).subservice_ids == frozenset({11, 13})
    assert AutoProduct(subservice_id=12).subservice_ids == frozenset({12})
    assert AutoProduct(service_id=3).subservice_ids is None


def test_an_operator_is_named_by_its_id_or_its_name_in_any_case() -> None:
    policy = AutoProduct(products={"1310": 1, "Straits Mobile": 2})
    assert policy.product_of(1310, "Lionwave") == 1
    assert policy.product_of(1311, "STRAITS mobile") == 2
    assert policy.product_of(1312, "Other") is None


def test_the_name_of_an_operator_may_be_encoded_in_either_form() -> None:
    composed, decomposed = (unicodedata.normalize(form, "Cóndor Móvil") for form in ("NFC", "NFD"))
    assert composed != decomposed
    for written, read in ((composed, decomposed), (decomposed, composed), (composed, f"{composed} ")):
        assert AutoProduct(products={written: 3411}).product_of(1, read) == 3411
