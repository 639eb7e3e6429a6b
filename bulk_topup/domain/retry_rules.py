"""Which failures are worth a new attempt, and which statuses mean that an operator is in trouble; touches nothing."""

from typing import Annotated

from pydantic import AfterValidator

from bulk_topup.dvs.statuses import STATUSES

#: Status messages of failures that may pass.
WORTH_A_RETRY = tuple(message for message, status in STATUSES.items() if status.worth_new_attempt)


#: What concerns the operator and not the row.
OPERATOR_TROUBLES = frozenset(message for message in STATUSES if "-OPERATOR-" in message)


#: What passes by itself: the row is worth another attempt then.
OPERATOR_UNAVAILABLE = tuple(message for message in STATUSES if message.endswith("-OPERATOR-CURRENTLY-UNAVAILABLE"))


def _checked_status(message: str) -> str:
    known = STATUSES.get(message)
    if known is None:
        raise ValueError(f"{message} is not a detailed status of the reference")
    if not known.worth_new_attempt:
        raise ValueError(f"a row that ended {message} fares no better the next time; it is never tried again by itself")
    return message


RetriedStatus = Annotated[str, AfterValidator(_checked_status)]
