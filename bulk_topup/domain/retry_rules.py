"""The one home of retry rules: which failed rows may succeed in a new attempt, and which failures are the operator's.

Retries of one HTTP call are in `dvs/request_retries.py`; they never create an attempt. Pure.
"""

from typing import Final

from bulk_topup.dvs.statuses import STATUSES

#: Statuses whose cause can pass: the row may succeed in a new attempt, and the beneficiary was not paid. Left out are
#: those of a number or person (invalid, barred, ineligible), which stay as they are, and
#: DECLINED-DUPLICATED-TRANSACTION, where the operator has a similar transaction and a person has to check.
WORTH_A_RETRY: Final = (
    "REJECTED",
    "REJECTED-LIMITATIONS-ON-CREDIT-PARTY-AMOUNT",  # limits apply to a period
    "REJECTED-LIMITATIONS-ON-CREDIT-PARTY-QUANTITY",
    "REJECTED-OPERATOR-CURRENTLY-UNAVAILABLE",
    "REJECTED-INSUFFICIENT-BALANCE",
    "CANCELLED",
    "DECLINED",
    "DECLINED-LIMITATIONS-ON-OPERATOR-AMOUNT",
    "DECLINED-LIMITATIONS-ON-CREDIT-PARTY-AMOUNT",
    "DECLINED-LIMITATIONS-ON-CUSTOMER-AMOUNT",
    "DECLINED-LIMITATIONS-ON-OPERATOR-QUANTITY",
    "DECLINED-LIMITATIONS-ON-CREDIT-PARTY-QUANTITY",
    "DECLINED-LIMITATIONS-ON-CUSTOMER-QUANTITY",
    "DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE",
    "DECLINED-EXCEPTION",  # only in the table of sandbox suffixes
)

#: Statuses that concern the operator and not the row; the circuit breaker of an operator counts them.
OPERATOR_TROUBLES: Final = frozenset(message for message in STATUSES if "-OPERATOR-" in message)

#: Statuses of an operator that is down for a while; retried automatically where a job allows more than one attempt.
OPERATOR_UNAVAILABLE: Final = tuple(
    message for message in STATUSES if message.endswith("-OPERATOR-CURRENTLY-UNAVAILABLE")
)
