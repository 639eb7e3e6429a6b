"""What this version believes of DVS without proof, and what a probe has seen of it; pure."""

from dataclasses import dataclass
from enum import StrEnum


class Belief(StrEnum):
    """Each belief that a probe checks, by the name that docs/assumptions.md and a probe's report give it."""

    RATE_LIMIT_STATED = "rate-limit-stated"
    RATE_LIMIT_PERIOD = "rate-limit-period"
    CLOCK = "clock"
    PAGE_HEADERS = "page-headers"
    UNKNOWN_PRODUCT = "unknown-product"
    UNKNOWN_TRANSACTION = "unknown-transaction"
    INVALID_REQUEST = "invalid-request"
    ECHO_EXTERNAL_ID = "echo-external-id"
    ECHO_PRODUCT = "echo-product"
    ECHO_CREDIT_PARTY = "echo-credit-party"
    ECHO_AMOUNT = "echo-amount"
    PRICE_STATED = "price-stated"
    EXPIRY = "expiry"
    LIST_LAG = "list-lag"
    BALANCE_HOLD = "balance-hold"
    DUPLICATE_ANSWER = "duplicate-answer"
    DUPLICATE_OTHER_BODY = "duplicate-other-body"
    CANCELLATION = "cancellation"
    CONFIRMATION_TOO_LATE = "confirmation-too-late"
    BALANCE_RELEASE = "balance-release"
    FINAL_COMPLETED = "final-completed"
    FINAL_DECLINED = "final-declined"

    @property
    def sentence(self) -> str:
        """What is believed, as a sentence."""
        return _SENTENCES[self]


_SENTENCES = {
    Belief.RATE_LIMIT_STATED: "Responses state the rate limit in X-Ratelimit-Limit.",
    Belief.RATE_LIMIT_PERIOD: "The limit counts the requests of one second.",
    Belief.CLOCK: "Responses have a Date that is at most 30 s from this machine's clock.",
    Belief.PAGE_HEADERS: "Lists state X-Total, X-Total-Pages, X-Page and X-Per-Page.",
    Belief.UNKNOWN_PRODUCT: "A creation with an unknown product is refused with HTTP 404 and code 1003001.",
    Belief.UNKNOWN_TRANSACTION: "An unknown transaction is HTTP 404 and code 1008004.",
    Belief.INVALID_REQUEST: "A creation without its required fields is refused with HTTP 400 and an error code.",
    Belief.ECHO_EXTERNAL_ID: "A transaction has the external ID of its request.",
    Belief.ECHO_PRODUCT: "A transaction has the product ID of its request.",
    Belief.ECHO_CREDIT_PARTY: "A transaction has the credit party as it was sent.",
    Belief.ECHO_AMOUNT: "A transaction of a ranged product has the requested amount in requested_values.",
    Belief.PRICE_STATED: "The answer to a creation states the wholesale price.",
    Belief.EXPIRY: "An unconfirmed transaction expires one hour after its creation.",
    Belief.LIST_LAG: "The list shows a transaction within 60 s of its creation.",
    Belief.BALANCE_HOLD: "An unconfirmed transaction puts its price on hold.",
    Belief.DUPLICATE_ANSWER: "The same request again is refused with code 1007001.",
    Belief.DUPLICATE_OTHER_BODY: "Another request with the same external ID is refused with code 1007001.",
    Belief.CANCELLATION: "A cancelled transaction has status class CANCELLED at once.",
    Belief.CONFIRMATION_TOO_LATE: "The confirmation of a cancelled transaction is refused with HTTP 400 and a code.",
    Belief.BALANCE_RELEASE: "A cancellation releases the amount on hold.",
    Belief.FINAL_COMPLETED: "A test number that ends in 100 completes within 60 s.",
    Belief.FINAL_DECLINED: "A test number that ends in 102 is declined as an invalid credit party within 60 s.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeFinding:
    """What a probe has seen of one belief."""

    belief: Belief
    #: What was seen, without identities and secrets.
    seen: str
    #: Whether that agrees with the belief; None if it could not be checked.
    agrees: bool | None

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        return {
            "belief": self.belief.value,
            "believed": self.belief.sentence,
            "seen": self.seen,
            "agrees": self.agrees,
        }
