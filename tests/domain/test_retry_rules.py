"""Which failures are worth a new attempt, and which are the operator's."""

import pytest
from pydantic import TypeAdapter, ValidationError

from bulk_topup.domain.retried_status import RetriedStatus
from bulk_topup.domain.retry_rules import OPERATOR_TROUBLES, OPERATOR_UNAVAILABLE, WORTH_A_RETRY
from bulk_topup.dvs.statuses import STATUSES


def test_a_new_attempt_makes_sense_only_where_the_beneficiary_was_not_paid() -> None:
    assert all(STATUSES[message].class_.is_unsuccessful for message in WORTH_A_RETRY)
    assert not [message for message in WORTH_A_RETRY if "-CREDIT-PARTY" in message[-13:]]
    assert "DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE" in WORTH_A_RETRY
    assert "DECLINED-DUPLICATED-TRANSACTION" not in WORTH_A_RETRY


def test_every_other_failure_is_left_out_on_purpose() -> None:
    failures = {message for message, status in STATUSES.items() if status.class_.is_unsuccessful}
    assert failures - set(WORTH_A_RETRY) == {
        f"{class_}-{reason}"
        for class_ in ("REJECTED", "DECLINED")
        for reason in (
            "INVALID-CREDIT-PARTY",
            "BARRED-CREDIT-PARTY",
            "INELIGIBLE-CREDIT-PARTY",
            "INVALID-DEBIT-PARTY",
            "BARRED-DEBIT-PARTY",
        )
    } | {"DECLINED-DUPLICATED-TRANSACTION"}


def test_the_statuses_are_in_the_order_of_the_reference() -> None:
    assert list(WORTH_A_RETRY) == [message for message in STATUSES if message in WORTH_A_RETRY]


def test_an_operator_that_is_unavailable_is_in_trouble_and_worth_a_retry() -> None:
    assert OPERATOR_UNAVAILABLE == (
        "REJECTED-OPERATOR-CURRENTLY-UNAVAILABLE",
        "DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE",
    )
    assert {
        *OPERATOR_UNAVAILABLE,
        "DECLINED-LIMITATIONS-ON-OPERATOR-AMOUNT",
        "DECLINED-LIMITATIONS-ON-OPERATOR-QUANTITY",
    } == OPERATOR_TROUBLES
    assert set(WORTH_A_RETRY) >= OPERATOR_TROUBLES


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("DECLINED-BARRED-CREDIT-PARTI", "is not a detailed status of the reference"),
        ("DECLINED-BARRED-CREDIT-PARTY", "never retried automatically"),
        ("COMPLETED", "never retried automatically"),
    ],
)
def test_a_job_may_retry_only_what_may_succeed(message: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        TypeAdapter(RetriedStatus).validate_python(message)
