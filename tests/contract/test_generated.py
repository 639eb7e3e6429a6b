"""Requests that are generated from the description, valid and invalid, get only responses that it allows."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from pydantic import SecretStr
from schemathesis.core.result import Ok
from schemathesis.pytest.lazy import get_all_tests
from schemathesis.specs.openapi.checks import positive_data_acceptance, unsupported_method

from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig
from bulk_topup.sandbox.catalogue.catalogue_name import CatalogueName
from bulk_topup.sandbox.config import default_balances
from bulk_topup.sandbox.openapi import document

#: Messages for fields that are valid alone but not together, and for an integer with a decimal point, which JSON Schema
#: accepts and the sandbox does not.
TOGETHER = (
    "requires",
    "does not accept",
    "service_id is required",
    "24 hours",
    "needs a mobile_number or",
    "`decimal`",
)

#: Operations as schemathesis names them.
OPERATIONS = [f"{method.upper()} {path}" for path, methods in document()["paths"].items() for method in methods]
#: Operations whose responses depend on the catalogue; lists are compared in `test_responses.py`, which is quicker.
LARGE = re.compile("products/|operators/|mobile-number")
CONFIG = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
#: The message for numbers that hypothesis generates for unknown fields, such as 1e-120.
BEYOND = "a number or a depth beyond all bounds"


def valid_fields_are_accepted(context: Any, response: Any, case: Any) -> None:
    """Check that a request of valid fields is a bad request only if they do not match each other."""
    del context
    if case.meta.generation.mode.is_positive and response.status_code == 400:
        [error] = response.json()["errors"]
        assert error["code"] != 1000400 or any(rule in error["message"] for rule in (*TOGETHER, BEYOND)), error


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def check(case: schemathesis.Case[Any], served: EmbeddedSandbox) -> None:
    case.call_and_validate(
        base_url=served.base_url,
        auth=("key", "secret"),
        additional_checks=[valid_fields_are_accepted],
        # Business rules refuse valid requests, and the API answers a wrong method with 400.
        excluded_checks=[positive_data_acceptance, unsupported_method],
    )


def _try(operation: str, served: EmbeddedSandbox) -> None:
    # The requests are generated here, not by `parametrize`, which would do it in every process that collects tests.
    schema = schemathesis.openapi.from_dict(document(), config=CONFIG).include(name=operation)
    [generated] = get_all_tests(schema=schema, test_func=check, settings=None, given_kwargs=None)
    assert isinstance(generated, Ok)
    _, check_operation = generated.ok()
    check_operation(served=served)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_generated_requests_get_responses_as_described(operation: str, served: EmbeddedSandbox) -> None:
    _try(operation, served)


@pytest.fixture(scope="module")
def large() -> Iterator[EmbeddedSandbox]:
    """A sandbox with the catalogue of real size."""
    name = CatalogueName(size="real-size")
    config = SandboxConfig(
        api_key="key",
        api_secret=SecretStr("secret"),
        rate_limit=1_000_000,
        catalogue=name,
        balances=default_balances(name),
    )
    with EmbeddedSandbox(config) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if re.search("products|operators|mobile-number", each)]
)
def test_generated_requests_get_responses_as_described_with_the_catalogue_of_real_size(
    operation: str, large: EmbeddedSandbox
) -> None:
    _try(operation, large)
