"""The statuses that a job may retry automatically; apart, as commands that only read import no pydantic."""

from typing import Annotated

from pydantic import AfterValidator

from bulk_topup.domain.retry_rules import WORTH_A_RETRY
from bulk_topup.dvs.statuses import STATUSES


def _check_status(message: str) -> str:
    if message not in STATUSES:
        raise ValueError(f"{message} is not a detailed status of the reference")
    if message not in WORTH_A_RETRY:
        raise ValueError(f"{message} is never retried automatically: a new attempt would fail again, or pay twice")
    return message


#: A detailed status that a job may retry automatically.
RetriedStatus = Annotated[str, AfterValidator(_check_status)]
