"""What a beneficiary reads of a PIN or an eSIM."""

from dataclasses import replace
from typing import Any

from bulk_topup.domain.purchase_secrets import SECRET_FIELDS
from bulk_topup.domain.row import Outcome
from bulk_topup.dvs.models.product import PRODUCT, Product
from bulk_topup.report.pin_file import pin_text
from tests.helpers.sample_run import COMPLETED

NO_SECRETS: dict[str, Any] = dict.fromkeys(SECRET_FIELDS)


def product(**changes: Any) -> Product:
    money = {"unit": "EUR", "amount": 25}
    fields = {
        "type": "FIXED_VALUE_PIN_PURCHASE",
        "id": 6418,
        "name": "Panorama gift card",
        "service": {"id": 5, "name": "Gift cards"},
        "operator": {"id": 1, "name": "Panorama", "country": {"name": "Ireland", "iso_code": "IRL"}},
        "source": money,
        "destination": money,
        "prices": {"wholesale": money},
        "pin": {
            "usage_info": ["Open the shop.", "Type the code."],
            "validity": {"unit": "MONTH", "quantity": 12},
            "terms": "No cash.",
        },
    }
    return PRODUCT.validate_python({**fields, **changes})


def row(**changes: Any) -> Outcome:
    return replace(COMPLETED, **{**NO_SECRETS, **changes})


def test_a_pin_has_its_product_its_codes_its_validity_and_its_instructions() -> None:
    text = pin_text(row(pin_code="1234-5678", pin_serial="S-9"), product(), None)
    assert text == (
        "Panorama gift card\nPanorama, Ireland\nValue: 12.40 SGD\nBought: 2026-11-24 02:01 UTC\n"
        "The code is valid for 12 months.\n\n"
        "PIN: 1234-5678\nSerial number: S-9\n\n"
        "How to use it:\n1. Open the shop.\n2. Type the code.\nTerms: No cash.\n\n"
        "Transaction 2237512891, payroll-0123456789abcdef-1\n"
    )


def test_an_esim_names_its_links_and_its_picture_and_not_its_code_twice() -> None:
    code = "LPA:1$esim.example$4711"
    links = {f"esim_{kind}": f"https://esim.example/{kind}" for kind in ("apple_universal_link", "installation_url")}
    esim = row(pin_code=code, pin_serial="8900", esim_activation_code=code, **links)
    data = {"type": "DATA", "unit_type": "DATA", "unit": "GB", "amount": {"total_including_tax": 5}}
    sold = product(pin=None, benefits=[data], validity={"unit": "DAY", "quantity": 7})
    text = pin_text(esim, sold, "a-1.png")
    assert "Contains: 5 GB data, valid for 7 days\n" in text
    assert text.count(code) == 1
    assert f"ICCID: 8900\nActivation code: {code}\nQR code to scan with the phone: a-1.png\n" in text
    assert "To install it on an iPhone: https://esim.example/apple_universal_link\nHow to install it: https" in text
    assert "Android" not in text
    assert "The code is" not in text


def test_the_validity_of_a_product_stands_for_that_of_its_pin() -> None:
    sold = product(pin={"usage_info": None, "validity": None, "terms": None}, validity={"unit": "YEAR", "quantity": 1})
    text = pin_text(row(pin_code="1"), sold, None)
    assert "It is valid for 1 year.\n" in text
    assert "Contains" not in text
    assert "How to use it" not in text


def test_the_pin_of_a_product_that_the_account_does_not_have_any_more_is_written_all_the_same() -> None:
    text = pin_text(row(pin_code="1234"), None, None)
    assert text.startswith("Product 6418\n")
    assert "\nPIN: 1234\n" in text


def test_texts_of_dvs_have_no_control_characters_and_names_no_line_breaks() -> None:
    pin = {"usage_info": ["a\nPIN: 0000\x1b[2J"], "validity": None, "terms": "one\ntwo\x00"}
    text = pin_text(row(pin_code="1234"), product(name="Card\nPIN: 0000", pin=pin), None)
    assert text.startswith("Card PIN: 0000\n")
    assert "1. a PIN: 0000\N{REPLACEMENT CHARACTER}[2J\nTerms: one\ntwo\N{REPLACEMENT CHARACTER}\n" in text
    assert [line for line in text.splitlines() if line.startswith("PIN:")] == ["PIN: 1234"]
