"""The outcome of a confirmed transaction by the last digits of its credit party; tables and one pure function.

DVS's own sandbox has the suffixes 100 to 107, 200 to 207 and 300 to 307. This one adds 108 and 109 for transactions
that DVS itself rejects: they are confirmed and REJECTED in the same response, and their cost is released.
"""

from dataclasses import dataclass
from datetime import timedelta

from bulk_topup.dvs import codec
from bulk_topup.dvs.statuses import DETAILED_STATUSES, StatusClass
from bulk_topup.sandbox.catalogue.entries import is_esim
from bulk_topup.sandbox.catalogue.product_factory import AnyProduct

#: The ID of a bare status is its class ID times _CLASS_STEP. Detailed statuses follow in the order of the reference, in
#: steps of _DETAIL_STEP. Only REJECTED-OPERATOR-CURRENTLY-UNAVAILABLE, 30400, is known; the others are assumed.
_CLASS_STEP = 10_000
_DETAIL_STEP = 50

#: How long a created transaction can be confirmed (reference: confirmation_expiration_date).
CONFIRMATION_PERIOD = timedelta(hours=1)
#: From confirmation to final status, for a credit party without a suffix.
USUAL_DELAY = timedelta(seconds=1)
#: Share of the time to the final status after which a confirmed transaction is SUBMITTED.
SUBMITTED_AFTER = 1 / 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """A status as transactions carry it."""

    id: int
    message: str
    class_: StatusClass
    #: The `status` object of the transaction's body, encoded.
    body: bytes


def _status(class_: StatusClass, index: int, message: str) -> Status:
    id_ = class_ * _CLASS_STEP + index * _DETAIL_STEP
    body = {"id": id_, "message": message, "class": {"id": int(class_), "message": class_.name}}
    return Status(id=id_, message=message, class_=class_, body=codec.encode(body))


#: Every status of the reference, by message.
STATUSES: dict[str, Status] = {
    message: _status(class_, index, message)
    for class_, messages in DETAILED_STATUSES.items()
    for index, message in enumerate(messages)
}

CREATED = STATUSES["CREATED"]
CONFIRMED = STATUSES["CONFIRMED"]
SUBMITTED = STATUSES["SUBMITTED"]
COMPLETED = STATUSES["COMPLETED"]
CANCELLED = STATUSES["CANCELLED"]
REVERSED = STATUSES["REVERSED"]

#: Final status by the last digit of the suffix (reference: sandbox suffixes).
_BY_LAST_DIGIT = (
    COMPLETED,
    COMPLETED,
    STATUSES["DECLINED-INVALID-CREDIT-PARTY"],
    STATUSES["DECLINED-BARRED-CREDIT-PARTY"],
    STATUSES["DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE"],
    STATUSES["DECLINED-DUPLICATED-TRANSACTION"],
    STATUSES["DECLINED"],
    STATUSES["DECLINED-EXCEPTION"],
)
#: Delay by the first digit of the suffix.
_BY_FIRST_DIGIT = {"1": timedelta(seconds=3), "2": timedelta(seconds=20), "3": timedelta(minutes=5)}
#: The last digit of the suffixes with which any product yields a PIN.
_WITH_PIN = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class SuffixOutcome:
    """How a transaction ends once it is confirmed."""

    status: Status
    #: From confirmation to the final status, at time scale 1.
    delay: timedelta
    #: Whether it yields a PIN when it completes, whatever the product.
    with_pin: bool


_USUAL = SuffixOutcome(status=COMPLETED, delay=USUAL_DELAY, with_pin=False)

#: Outcome by suffix: 100 to 107, 200 to 207 and 300 to 307 of the reference, then our own 108 and 109.
_BY_SUFFIX = {
    f"{first}0{last}": SuffixOutcome(status=status, delay=delay, with_pin=last == _WITH_PIN)
    for first, delay in _BY_FIRST_DIGIT.items()
    for last, status in enumerate(_BY_LAST_DIGIT)
} | {
    suffix: SuffixOutcome(status=STATUSES[message], delay=timedelta(0), with_pin=False)
    for suffix, message in (
        ("108", "REJECTED-OPERATOR-CURRENTLY-UNAVAILABLE"),
        ("109", "REJECTED-LIMITATIONS-ON-CREDIT-PARTY-AMOUNT"),
    )
}


def suffix_outcome_for(product: AnyProduct, credit_party: str | None) -> SuffixOutcome:
    """Return the outcome for a credit party's mobile or account number; without a suffix it completes.

    The number decides if the product requires a credit party, or is an eSIM.
    """
    decides = product.required_credit_party_identifier_fields or is_esim(product)
    return _BY_SUFFIX.get(credit_party[-3:], _USUAL) if credit_party and decides else _USUAL
