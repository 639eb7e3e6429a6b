"""Explain in plain words why DVS or an operator paid nothing, and what to do, beside DVS's status; pure."""

from collections.abc import Mapping
from typing import Final

from bulk_topup.domain.retry_rules import WORTH_A_RETRY
from bulk_topup.dvs.statuses import STATUSES

#: The sentence for each status without its class: what happened, and what to do. Only what a retry may pay says so.
_SENTENCES: Final = {
    "": "Refused without a reason; retry it, and ask DT One if it fails again",
    "INVALID-CREDIT-PARTY": "The number or account does not exist; ask for the right one",
    "BARRED-CREDIT-PARTY": "The number is barred by its operator; ask for another number",
    "INELIGIBLE-CREDIT-PARTY": "The number cannot get this product; choose another product or number",
    "INVALID-DEBIT-PARTY": "The paying party does not exist; correct the debit party",
    "BARRED-DEBIT-PARTY": "The paying party is barred; ask DT One, or choose another debit party",
    "LIMITATIONS-ON-OPERATOR-AMOUNT": "The operator's limit on amounts is reached; retry it later",
    "LIMITATIONS-ON-OPERATOR-QUANTITY": "The operator's limit on payments is reached; retry it later",
    "LIMITATIONS-ON-CREDIT-PARTY-AMOUNT": "The number has reached its limit on amounts; retry it later",
    "LIMITATIONS-ON-CREDIT-PARTY-QUANTITY": "The number has reached its limit on payments; retry it later",
    "LIMITATIONS-ON-CUSTOMER-AMOUNT": "Your account has reached a limit on amounts; retry it later, or ask DT One",
    "LIMITATIONS-ON-CUSTOMER-QUANTITY": "Your account has reached a limit on payments; retry it later, or ask DT One",
    "OPERATOR-CURRENTLY-UNAVAILABLE": "The operator is down at present; retry it later",
    "INSUFFICIENT-BALANCE": "The balance was too low; top up, then retry it",
    "DUPLICATED-TRANSACTION": "The operator has a payment like this one; ask whether it arrived before paying again",
    "EXCEPTION": "An unexpected error of the operator; retry it later",
}
_CANCELLED: Final = "Cancelled before it was paid; retry it"


def decline_sentence(status: str) -> str:
    """Return a status in plain words with advice, and DVS's code beside them; of one that is unknown only the code."""
    class_ = status.partition("-")[0]
    detail = status.removeprefix(class_).removeprefix("-")
    known = STATUSES.get(status)
    if known is None or not known.class_.is_unsuccessful:
        return f"DVS returned {status}."
    text = _CANCELLED if status == "CANCELLED" else _SENTENCES[detail]
    return f"{text} ({status})."


def may_succeed(failures: Mapping[str, int]) -> int:
    """Return how many failed rows `retry` sends without options, by their number with each status."""
    return sum(failures.get(status, 0) for status in WORTH_A_RETRY)
