"""Requests that are made up from the description, good ones and bad ones, get only answers that it allows."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance, unsupported_method

from bulk_topup.sandbox import EmbeddedSandbox
from bulk_topup.sandbox.openapi import document

#: What is said of a request whose fields are good one by one but not together, and of a whole number with a point,
#: which JSON Schema lets pass and the sandbox does not.
TOGETHER = ("requires", "does not take", "service_id is required", "24 hours", "needs a mobile_number or", "`decimal`")

schema = schemathesis.openapi.from_dict(
    document(), config=schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
)
#: Nobody holds the numbers of unknown fields that hypothesis makes up, such as 1e-120.
BEYOND = "a number or a depth beyond all bounds"


def good_fields_are_taken(context: Any, response: Any, case: Any) -> None:
    """A request of valid fields is a bad request only where they do not fit each other."""
    del context
    if case.meta.generation.mode.is_positive and response.status_code == 400:
        [error] = response.json()["errors"]
        assert error["code"] != 1000400 or any(rule in error["message"] for rule in (*TOGETHER, BEYOND)), error


@schema.parametrize()
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_made_up_requests_get_answers_as_described(case: schemathesis.Case[Any], served: EmbeddedSandbox) -> None:
    case.call_and_validate(
        base_url=served.base_url,
        auth=("key", "secret"),
        additional_checks=[good_fields_are_taken],
        # Business rules refuse good requests, and the API answers a wrong method with 400.
        excluded_checks=[positive_data_acceptance, unsupported_method],
    )
