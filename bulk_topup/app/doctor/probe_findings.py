"""What the answers of a probe show of each belief, without identities and secrets; pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from bulk_topup.app.doctor.beliefs import Belief, ProbeFinding
from bulk_topup.app.doctor.probe_product import ProbeRequest
from bulk_topup.app.doctor.raw_answer import RawAnswer
from bulk_topup.dvs import ErrorCode
from bulk_topup.dvs.models.base import Moment

#: The usual time for the confirmation of a transaction, and how much it may differ, in seconds.
EXPIRY: Final = 3_600.0
EXPIRY_TOLERANCE: Final = 5.0
#: The beliefs that are checked with a transaction that was created.
OF_CREATED: Final = (
    Belief.ECHO_EXTERNAL_ID,
    Belief.ECHO_PRODUCT,
    Belief.ECHO_CREDIT_PARTY,
    Belief.ECHO_AMOUNT,
    Belief.PRICE_STATED,
    Belief.EXPIRY,
    Belief.LIST_LAG,
    Belief.BALANCE_HOLD,
    Belief.DUPLICATE_ANSWER,
    Belief.DUPLICATE_OTHER_BODY,
    Belief.CANCELLATION,
    Belief.CONFIRMATION_TOO_LATE,
    Belief.BALANCE_RELEASE,
)
_EXPIRY_FIELDS: Final = ("creation_date", "confirmation_expiration_date")
_MOMENT: TypeAdapter[Any] = TypeAdapter(Moment)


def finding_of(belief: Belief, seen: str, agrees: bool | None) -> ProbeFinding:
    """Return what was seen of a belief; `agrees` is None if that shows nothing."""
    return ProbeFinding(belief=belief, seen=seen, agrees=agrees)


def unchecked_finding(belief: Belief, why: str) -> ProbeFinding:
    """Return that a belief could not be checked."""
    return finding_of(belief, f"not checked ({why})", None)


def finding_of_answer(belief: Belief, answer: RawAnswer, seen: str, agrees: bool) -> ProbeFinding:
    """Return what an answer shows of a belief: nothing if it says nothing of what DVS is like."""
    return unchecked_finding(belief, answer.silence) if answer.silence else finding_of(belief, seen, agrees)


def hindrance(answer: RawAnswer) -> str:
    """Return what hindered a look that something was waited for with; empty if nothing did."""
    return answer.silence or ("rate limit" if answer.was_throttled else "")


def finding_of_duplicate(belief: Belief, answer: RawAnswer) -> ProbeFinding:
    """Return whether an answer refuses an external ID that is used already."""
    return finding_of_answer(belief, answer, answer.named(), ErrorCode.EXTERNAL_ID_ALREADY_USED in answer.codes)


def finding_of_holding(belief: Belief, before: Decimal | None, after: Decimal | None, price: Any) -> ProbeFinding:  # noqa: ANN401
    """Return whether the amount on hold moved by a price; other programs may use the account meanwhile."""
    if before is None or after is None or not isinstance(price, int | Decimal):
        return finding_of(belief, "no wallet or no price", None)
    has_moved = after - before == price
    return finding_of(belief, "moved by the price" if has_moved else "moved by another amount", has_moved)


def findings_of_echo(created: RawAnswer, body: Mapping[str, Any], request: ProbeRequest) -> list[ProbeFinding]:
    """Return how the answer to a creation repeats its request."""
    same = {True: "the same", False: "another", None: "not stated"}

    def echo(belief: Belief, sent: object, *path: str) -> ProbeFinding:
        found = created.get(*path)
        is_same = None if found is None else found == sent
        return finding_of(belief, same[is_same], is_same is True)

    number = body["credit_party_identifier"]["mobile_number"]
    side = body.get("destination")
    stated = created.get("requested_values", "destination", "amount")
    amount = "fixed product" if side is None else same[None if stated is None else stated == side["amount"]]
    price = created.get("prices", "wholesale", "amount")
    try:
        first, last = (_MOMENT.validate_python(created.get(name)) for name in _EXPIRY_FIELDS)
        hour: float | None = (last - first).total_seconds()
    except ValidationError:
        hour = None
    return [
        echo(Belief.ECHO_EXTERNAL_ID, body["external_id"], "external_id"),
        echo(Belief.ECHO_PRODUCT, request.product_id, "product", "id"),
        echo(Belief.ECHO_CREDIT_PARTY, number, "credit_party_identifier", "mobile_number"),
        finding_of(Belief.ECHO_AMOUNT, amount, None if side is None else stated == side["amount"]),
        finding_of(Belief.PRICE_STATED, "not stated" if price is None else "stated", price is not None),
        finding_of(
            Belief.EXPIRY,
            "not stated" if hour is None else f"{hour:.0f} s",
            None if hour is None else abs(hour - EXPIRY) <= EXPIRY_TOLERANCE,
        ),
    ]
