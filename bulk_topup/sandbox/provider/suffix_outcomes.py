"""How a confirmed transaction ends and when, by the last digits of its credit party; pure tables and one function.

DVS's own sandbox knows the suffixes 100 to 107, 200 to 207 and 300 to 307. This one adds 108 and 109 for the refusals
that DVS itself decides on: the transaction is confirmed and REJECTED in the same answer, and its money is given back.
"""

from dataclasses import dataclass
from datetime import timedelta

from bulk_topup.dvs import codec
from bulk_topup.dvs.statuses import DETAILED_STATUSES, StatusClass

#: A bare status is its class id times the first; the detailed ones follow in the reference's order, at steps of the
#: second. Of those only REJECTED-OPERATOR-CURRENTLY-UNAVAILABLE, 30400, is known; the others are assumed.
_CLASS_STEP = 10_000
_DETAIL_STEP = 50

#: How long a transaction that was created can be confirmed (reference: confirmation_expiration_date).
CONFIRMATION_PERIOD = timedelta(hours=1)
#: From confirmation to final status where the credit party does not ask for a delay.
USUAL_DELAY = timedelta(seconds=1)
#: A confirmed transaction is with the operator after this share of its way to the final status.
SUBMITTED_AFTER = 1 / 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """A status as transactions carry it."""

    id: int
    message: str
    class_: StatusClass
    #: The `status` object of a transaction's body, ready to be sent.
    body: bytes


def _status(class_: StatusClass, place: int, message: str) -> Status:
    id_ = class_ * _CLASS_STEP + place * _DETAIL_STEP
    body = {"id": id_, "message": message, "class": {"id": int(class_), "message": class_.name}}
    return Status(id=id_, message=message, class_=class_, body=codec.encode(body))


#: Every status of the reference by its message.
STATUSES: dict[str, Status] = {
    message: _status(class_, place, message)
    for class_, messages in DETAILED_STATUSES.items()
    for place, message in enumerate(messages)
}

CREATED = STATUSES["CREATED"]
CONFIRMED = STATUSES["CONFIRMED"]
SUBMITTED = STATUSES["SUBMITTED"]
COMPLETED = STATUSES["COMPLETED"]
CANCELLED = STATUSES["CANCELLED"]
REVERSED = STATUSES["REVERSED"]

#: Final status by the last digit (reference: sandbox suffixes).
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
#: Delay by the first of the three digits.
_BY_FIRST_DIGIT = {"1": timedelta(seconds=3), "2": timedelta(seconds=20), "3": timedelta(minutes=5)}
#: The suffixes' last digit that makes any product yield a PIN.
_WITH_PIN = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What becomes of a transaction once it is confirmed."""

    status: Status
    #: From confirmation to the final status, at time scale 1.
    delay: timedelta
    #: Whether it yields a PIN when it completes, whatever its product.
    with_pin: bool


_USUAL = Outcome(status=COMPLETED, delay=USUAL_DELAY, with_pin=False)

#: Outcome by suffix: 100 to 107, 200 to 207 and 300 to 307 of the reference, then our own 108 and 109.
_BY_SUFFIX = {
    f"{first}0{last}": Outcome(status=status, delay=delay, with_pin=last == _WITH_PIN)
    for first, delay in _BY_FIRST_DIGIT.items()
    for last, status in enumerate(_BY_LAST_DIGIT)
} | {
    suffix: Outcome(status=STATUSES[message], delay=timedelta(0), with_pin=False)
    for suffix, message in (
        ("108", "REJECTED-OPERATOR-CURRENTLY-UNAVAILABLE"),
        ("109", "REJECTED-LIMITATIONS-ON-CREDIT-PARTY-AMOUNT"),
    )
}


def outcome_for(credit_party: str | None) -> Outcome:
    """Give the outcome that a credit party's mobile or account number asks for; without one, all goes well."""
    return _BY_SUFFIX.get(credit_party[-3:], _USUAL) if credit_party else _USUAL
