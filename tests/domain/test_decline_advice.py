"""Each status of an unsuccessful transaction has plain words and advice that agrees with `retry`."""

import pytest

from bulk_topup.domain.decline_advice import decline_sentence, may_succeed
from bulk_topup.domain.retry_rules import WORTH_A_RETRY
from bulk_topup.dvs.statuses import STATUSES

UNSUCCESSFUL = [message for message, status in STATUSES.items() if status.class_.is_unsuccessful]


@pytest.mark.parametrize("status", UNSUCCESSFUL)
def test_advice_says_retry_exactly_where_retry_sends_the_row(status: str) -> None:
    sentence = decline_sentence(status)
    assert sentence.endswith(f" ({status}).")
    assert ("retry" in sentence) == (status in WORTH_A_RETRY)
    assert may_succeed({status: 3}) == (3 if status in WORTH_A_RETRY else 0)


def test_a_barred_number_is_named_in_plain_words() -> None:
    assert decline_sentence("DECLINED-BARRED-CREDIT-PARTY") == (
        "The number is barred by its operator; ask for another number (DECLINED-BARRED-CREDIT-PARTY)."
    )


@pytest.mark.parametrize("status", ["DECLINED-SOMETHING-NEW", "COMPLETED"])
def test_a_status_that_is_unknown_or_no_decline_is_only_named(status: str) -> None:
    assert decline_sentence(status) == f"DVS returned {status}."
