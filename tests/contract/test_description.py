"""The description itself: complete, valid, served without authentication, and a page that loads nothing else."""

import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import httpx2
import pytest
import schemathesis
from jsonschema import Draft202012Validator

from bulk_topup.dvs import codec
from bulk_topup.dvs.models.product import ProductType
from bulk_topup.dvs.statuses import ERROR_TABLE
from bulk_topup.sandbox import EmbeddedSandbox
from bulk_topup.sandbox.openapi import document


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of the description."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _parts(part)


def test_the_description_needs_no_authentication(served: EmbeddedSandbox) -> None:
    answer = httpx2.get(f"{served.address}/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == document()


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_the_description_can_only_be_read(served: EmbeddedSandbox, path: str) -> None:
    assert httpx2.post(served.address + path).status_code == 401
    assert httpx2.get(f"{served.address}{path}/more").status_code == 401


def test_it_is_valid_openapi_and_every_schema_is_valid_json_schema(contract: Any) -> None:
    schemathesis.openapi.from_dict(document()).validate()
    for schema in document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    assert len({operation.id for operation in contract.operations}) == len(contract.operations)


def test_every_reference_exists_and_every_component_is_used() -> None:
    components = document()["components"]
    used = {part["$ref"] for part in _parts(document()) if isinstance(part.get("$ref"), str)}
    named = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "parameters", "headers", "responses")
        for name in components[kind]
    }
    assert used == named


def test_every_example_of_a_body_matches_its_schema(contract: Any) -> None:
    for operation in contract.operations:
        for content in operation.described.get("requestBody", {"content": {}})["content"].values():
            examples = [content["example"]] if "example" in content else []
            examples += [example["value"] for example in content.get("examples", {}).values()]
            assert examples
            for example in examples:
                contract.check_value(content["schema"], example, operation.id)


def test_it_says_which_version_of_the_api_it_describes() -> None:
    assert document()["info"]["version"] == "1.23.0"
    paths = document()["paths"]
    assert len([operation for methods in paths.values() for operation in methods]) == 26
    assert {"/lookup/credit-party-benefits", "/lookup/credit-party-status"} <= set(paths)


def test_it_contains_every_product_type_and_every_error_code() -> None:
    assert set(document()["components"]["schemas"]["Product"]["discriminator"]["mapping"]) == set(ProductType)
    text = json.dumps(document())
    assert [code for code in ERROR_TABLE if str(int(code)) not in text] == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda product: product.update(typo=1), "typo"),
        (lambda product: product["operator"]["country"].update(typo=1), "typo"),
        (lambda product: product["prices"]["wholesale"].pop("fee"), "'fee' is a required property"),
        (lambda product: product["benefits"][0]["amount"].update(base="3"), "not of type"),
        (lambda product: product["operator"]["country"].update(iso_code="ecu"), "does not match"),
        (lambda product: product.update(type="SOMETHING"), "was expected"),
    ],
)
def test_a_response_that_is_not_described_is_found(
    contract: Any, served: EmbeddedSandbox, change: Callable[[Any], object], problem: str
) -> None:
    answer = httpx2.get(f"{served.base_url}/products/3411", auth=("key", "secret"))
    product = answer.json()
    change(product)
    with pytest.raises(AssertionError, match=problem):
        contract.check_response("GET", "/products/3411", 200, answer.headers, codec.encode(product))


def _incomplete(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path of each field, and the value without it."""
    if isinstance(value, list) and value:
        for path, part in _incomplete(value[0], f"{at}[]"):
            yield path, [part, *value[1:]]
    elif isinstance(value, dict):
        for name, part in value.items():
            path = f"{at}.{name}".removeprefix(".")
            yield path, {other: value[other] for other in value if other != name}
            for below, changed in _incomplete(part, path):
                yield below, {**value, name: changed}


@pytest.mark.parametrize(
    ("path", "dispensable"),
    [
        ("/services/1", set()),
        ("/operators/1596", set()),
        ("/promotions/5103", set()),
        ("/campaigns/8202", set()),
        ("/balances", set()),
        ("/products/3411", {"service.subservice"}),
        ("/products/8803", {"service.subservice"}),
        (
            "/products/9105",
            {"service.subservice", "payment.required_inquiry_fields", "payment.notes"}
            | {
                f"{range_}.{end}"
                for range_ in ("source.amount", "destination.amount", "prices.wholesale.amount")
                for end in ("min", "max", "increment")
            },
        ),
    ],
)
def test_a_field_that_every_response_has_is_required(
    contract: Any, served: EmbeddedSandbox, path: str, dispensable: set[str]
) -> None:
    answer = httpx2.get(f"{served.base_url}{path}", auth=("key", "secret"))
    missed = set()
    for name, body in _incomplete(answer.json()):
        try:
            contract.check_response("GET", path, 200, answer.headers, codec.encode(body))
        except AssertionError:
            continue
        missed.add(name)
    assert missed <= dispensable


@pytest.mark.parametrize(
    ("headers", "problem"),
    [({"x-page": None}, "without x-page"), ({"x-page": "one"}, "not of type"), ({"x-new": "1"}, "x-new")],
)
def test_headers_that_are_not_as_described_are_found(
    contract: Any, served: EmbeddedSandbox, headers: dict[str, str | None], problem: str
) -> None:
    answer = httpx2.get(f"{served.base_url}/services", auth=("key", "secret"))
    changed = {name: value for name, value in {**answer.headers, **headers}.items() if value is not None}
    with pytest.raises(AssertionError, match=problem):
        contract.check_response("GET", "/services", 200, changed, answer.content)


class _Page(HTMLParser):
    """Collects the IDs, links and loaded files of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.loads: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if "id" in given:
            self.ids.append(given["id"])
        if "href" in given:
            self.links.add(given["href"])
        if tag in {"script", "link", "img", "iframe"} or "src" in given:
            self.loads.append(tag)
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_shows_every_operation_and_schema_and_loads_nothing(served: EmbeddedSandbox, contract: Any) -> None:
    answer = httpx2.get(f"{served.address}/docs")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    page = _Page(answer.text)
    names = [operation.id for operation in contract.operations]
    assert sorted(page.ids) == sorted([*names, *(f"schema-{name}" for name in document()["components"]["schemas"])])
    assert page.links == {"/openapi.json", *(f"#{name}" for name in page.ids)}
    assert (page.loads, page.open) == ([], [])
    assert not re.search(r"@import|url\(", answer.text)
