"""eSIMs: a new one with its profile, a recharge of one by its ICCID, and neither before completion."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from bulk_topup.dvs.models.metadata import EsimMetadata
from bulk_topup.dvs.models.transaction import Transaction

Create = Callable[..., Transaction]
Get = Callable[[int], Transaction]

ICCID = "8900010000000000555"


def luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    return sum(digits[::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0


@pytest.fixture
def finish(create: Create, api: httpx2.Client, time: Any) -> Callable[..., tuple[Transaction, dict[str, Any]]]:
    """Return a function that buys an eSIM product and returns the final transaction, also as it came."""

    def buy(product_id: int, iccid: str | None = None) -> tuple[Transaction, dict[str, Any]]:
        party = None if iccid is None else {"account_number": iccid}
        created = create(product_id, auto_confirm=True, credit_party_identifier=party)
        assert (created.pin, created.metadata) == (None, None)
        time.advance(5)
        body = api.get(f"/transactions/{created.id}").json()
        return Transaction.model_validate(body), body

    return buy


@pytest.mark.parametrize("product_id", [9560, 9565])
def test_without_an_iccid_a_new_esim_is_sold(finish: Any, product_id: int) -> None:
    transaction, body = finish(product_id)
    assert transaction.status.message == "COMPLETED"
    assert isinstance(transaction.metadata, EsimMetadata)
    assert transaction.metadata.activation_type == "DATA_PLAN"
    profile = body["metadata"]["profile"]
    assert body["pin"] == {"code": profile["activation_code"], "serial": profile["iccid"]}
    assert set(profile) == {
        "iccid", "activation_code", "apple_universal_link", "android_universal_link", "installation_url",
    }  # fmt: skip
    assert profile["activation_code"].startswith("LPA:1$")
    assert (len(profile["iccid"]), luhn(profile["iccid"])) == (19, True)
    assert finish(product_id)[0].esim != transaction.esim


def test_an_iccid_makes_it_a_recharge_of_that_esim(finish: Any) -> None:
    transaction, body = finish(9560, ICCID)
    assert transaction.status.message == "COMPLETED"
    assert body["metadata"] == {
        "type": "ESIM",
        "activation_type": "TOP_UP",
        "balance": {
            "size": {"amount": 5, "unit": "GB"},
            "validity": {"quantity": 30, "unit": "DAY"},
            "country_set": "WWW",
            "extended_data_policy": {"type": "STANDARD"},
        },
    }
    assert ("pin" in body, transaction.esim, transaction.has_secrets) == (False, None, False)
    assert body["credit_party_identifier"] == {"account_number": ICCID}


def test_the_iccid_of_a_new_esim_can_be_recharged(finish: Any) -> None:
    esim = finish(9560)[0].esim
    assert finish(9565, esim.iccid)[1]["metadata"]["activation_type"] == "TOP_UP"


def test_the_last_digits_of_an_iccid_decide_how_a_recharge_ends(finish: Any) -> None:
    transaction, body = finish(9560, ICCID[:-3] + "103")
    assert transaction.status.message == "DECLINED-BARRED-CREDIT-PARTY"
    assert "metadata" not in body


def test_an_unlimited_esim_has_a_fast_volume(finish: Any, api: httpx2.Client) -> None:
    _, body = finish(9565)
    balance = body["metadata"]["balance"]
    assert balance["size"] == {"amount": -1, "unit": "GB"}
    assert balance["extended_data_policy"]["type"] == "UNLIMITED"
    assert body["benefits"][0]["amount"]["base"] == -1
    assert body["rates"]["retail"] == -1
    assert api.get("/products/8810").json()["validity"] == {"unit": "DAY", "quantity": -1}


def test_other_products_have_no_metadata(finish: Any) -> None:
    assert "metadata" not in finish(8803)[1]
