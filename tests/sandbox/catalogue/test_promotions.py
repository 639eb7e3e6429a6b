"""Promotions and campaigns, and the languages of texts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.dvs.models.catalogue import Campaign, Promotion
from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig
from bulk_topup.sandbox.catalogue.languages import Language, preferred

Refused = Callable[[httpx2.Response, int, int], None]


def test_every_promotion_is_the_same_in_the_list_and_alone(api: httpx2.Client) -> None:
    listed = api.get("/promotions").json()
    assert [item["id"] for item in listed] == [5101, 5102, 5103, 5104, 5105]
    assert listed == [api.get(f"/promotions/{item['id']}").json() for item in listed]
    promotions = [Promotion.model_validate(item) for item in listed]
    assert promotions[1].title == "Lion weekends"
    assert promotions[1].operator.name == "Lionwave"
    assert promotions[1].start_date == datetime(2026, 1, 1, tzinfo=UTC)
    assert promotions[1].end_date == datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert [(product.id, product.type) for product in promotions[1].products or []] == [(6418, "RANGED_VALUE_RECHARGE")]


def test_a_promotion_shows_no_regions_of_its_operator(api: httpx2.Client) -> None:
    operator = {"id": 1596, "name": "Águila Celular", "country": {"name": "Mexico", "iso_code": "MEX"}}
    assert api.get("/promotions/5103").json()["operator"] == operator
    assert api.get("/operators/1596").json()["country"]["regions"]


def test_only_current_campaigns_are_listed_and_each_is_the_same_alone(
    config: Callable[..., SandboxConfig], clock: Any
) -> None:
    with EmbeddedSandbox(config(books=None), clock) as sandbox:
        with httpx2.Client(base_url=sandbox.base_url, auth=("key", "secret")) as api:
            alone = {id_: api.get(f"/campaigns/{id_}").json() for id_ in (8201, 8202, 8203)}
            assert api.get("/campaigns").json() == [alone[8202]]
            clock.seconds += timedelta(days=15).total_seconds()
            assert api.get("/campaigns").json() == [alone[8202], alone[8203]]
    campaign = Campaign.model_validate(alone[8202])
    operators = {product.operator.name for product in campaign.products or []}
    assert operators == {"Lionwave", "Águila Celular", "Orbit eSIM"}


@pytest.mark.parametrize(
    ("path", "ids"),
    [
        ("promotions?country_iso_code=SGP", [5102, 5104]),
        ("promotions?operator_id=1596", [5103]),
        ("promotions?product_id=3411", [5101]),
        ("promotions?product_id=3411&country_iso_code=SGP", []),
        ("promotions?product_id=1", []),
        ("promotions?per_page=2&page=2", [5103, 5104]),
        ("campaigns?country_iso_code=MEX", [8202]),
        ("campaigns?operator_id=1596", [8202]),
        ("campaigns?product_id=9550", [8202]),
        ("campaigns?product_id=9550&operator_id=1310", []),
    ],
)
def test_promotions_and_campaigns_are_filtered_and_paged(api: httpx2.Client, path: str, ids: list[int]) -> None:
    answer = api.get(f"/{path}")
    assert [item["id"] for item in answer.json()] == ids
    assert "x-total" in answer.headers


@pytest.mark.parametrize("kind", ["promotions", "campaigns"])
@pytest.mark.parametrize("query", ["country_iso_code=sgp", "operator_id=0", "product_id=x", "page=0"])
def test_an_invalid_filter_is_a_bad_request(api: httpx2.Client, refused: Refused, kind: str, query: str) -> None:
    refused(api.get(f"/{kind}?{query}"), 400, 1000400)


@pytest.mark.parametrize(("kind", "code"), [("promotions", 1003201), ("campaigns", 1003301)])
def test_each_kind_of_missing_entry_has_its_own_error_code(
    api: httpx2.Client, refused: Refused, kind: str, code: int
) -> None:
    refused(api.get(f"/{kind}/1"), 404, code)
    refused(api.get(f"/{kind}/x"), 400, 1000400)


def test_a_product_has_its_current_promotions(config: Callable[..., SandboxConfig], clock: Any) -> None:
    with EmbeddedSandbox(config(books=None), clock) as sandbox:
        with httpx2.Client(base_url=sandbox.base_url, auth=("key", "secret")) as api:

            def running(product_id: int) -> list[int]:
                body = api.get(f"/products/{product_id}").json()
                [listed] = [item for item in api.get("/products").json() if item["id"] == product_id]
                assert listed == body
                return [item["id"] for item in body["promotions"] or []]

            assert clock.now() < datetime(2026, 11, 2, tzinfo=UTC)
            assert [running(id_) for id_ in (6418, 7712, 3411, 5021)] == [[5102, 5104], [5103], [], []]
            clock.seconds += 366 * 86_400
            assert [running(id_) for id_ in (6418, 7712, 3411, 5021)] == [[5102], [], [], [5105]]


def test_a_promotion_on_a_product_has_its_texts_and_dates(api: httpx2.Client) -> None:
    [promotion] = api.get("/products/7712", headers={"Accept-Language": "fr"}).json()["promotions"]
    assert promotion == {
        "id": 5103,
        "title": "Bonus de fin d'année",
        "description": "500 Mo de données dès 100 MXN rechargés.",
        "terms": "L'opérateur peut y mettre fin plus tôt.",
        "start_date": "2026-10-15T00:00:00Z",
        "end_date": "2027-01-15T23:59:59Z",
    }


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("en", "en"),
        ("es", "es"),
        ("fr", "fr"),
        ("ES", "es"),
        ("es-MX", "es"),
        ("fr-CA, en;q=0.8", "fr"),
        ("de", "en"),
        ("de, es;q=0.5", "es"),
        ("en;q=0.2, es;q=0.7, fr;q=0.9", "fr"),
        ("es;q=0.7, fr;q=0.7", "es"),
        ("es;q=0", "en"),
        ("es;q=0, fr;q=0.001", "fr"),
        ("es; q=1.000", "es"),
        ("*", "en"),
        ("de, *;q=0.5, es;q=0.4", "en"),
        ("es;q=2, fr;q=x", "en"),
        ("español", "en"),
        (";;,,", "en"),
    ],
)
def test_the_language_is_the_best_of_the_accepted_ones(api: httpx2.Client, accepted: str, language: str) -> None:
    names = {"en": "Lionwave airtime", "es": "Saldo Lionwave", "fr": "Crédit Lionwave"}
    titles = {"en": "Lion weekends", "es": "Fines de semana Lion", "fr": "Week-ends Lion"}
    headers = [(b"Accept-Language", accepted.encode())]
    for path, text in (("products/6418", names), ("promotions/5102", titles)):
        answer = api.get(f"/{path}", headers=headers)
        assert answer.headers["content-language"] == language
        assert text[language] in answer.text
    for path, text in (("products", names), ("promotions", titles)):
        answer = api.get(f"/{path}", headers=headers)
        assert answer.headers["content-language"] == language
        assert text[language] in answer.text


@given(st.text(max_size=40))
def test_every_header_leads_to_a_language(accepted: str) -> None:
    assert preferred(accepted) in set(Language)


@given(st.permutations([("en", 1), ("es", 2), ("fr", 3), ("de", 4)]))
def test_the_order_in_a_header_does_not_matter_if_weights_differ(wanted: list[tuple[str, int]]) -> None:
    assert preferred(", ".join(f"{tag};q=0.{weight}" for tag, weight in wanted)) == "fr"


def test_every_product_has_texts_in_every_language(api: httpx2.Client) -> None:
    texts = {
        language: [
            (item["name"], item["description"], item.get("pin"))
            for item in api.get("/products", headers={"Accept-Language": language}).json()
        ]
        for language in ("en", "es", "fr")
    }
    for english, spanish, french in zip(*texts.values(), strict=True):
        assert len({english[1], spanish[1], french[1]}) == 3
        if english[2]:
            assert len({str(pin) for _, _, pin in (english, spanish, french)}) == 3
    assert ("Tarjeta de regalo Panorama", "Tarjeta de regalo Panorama, cualquier importe de 10 a 150 EUR.") in {
        text[:2] for text in texts["es"]
    }


def test_a_transaction_stays_in_english(api: httpx2.Client, body: Any) -> None:
    answer = api.post("/async/transactions", json=body(3411), headers={"Accept-Language": "es"})
    assert answer.json()["product"]["description"] == "Cóndor Móvil 3 USD, delivered at once."
    assert "content-language" not in answer.headers
