"""Which errors are worth another try, and how long to wait between tries; built on tenacity, touches only the clock."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from bulk_topup.dvs.errors import DVSError, InvalidResponseError, NoResponseError, ServerError, TooManyRequestsError
from bulk_topup.system.clock import Clock

T = TypeVar("T")

#: Server errors that pass by themselves (reference: Errors); others would only repeat.
PASSING_SERVER_ERRORS = frozenset({500, 502, 503, 504})


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """How stubborn the client is."""

    #: Tries of one call in all, those answered with 429 not counted.
    tries: int = 4
    #: Seconds before the second try; doubles with each further one, and is drawn at random between half and whole.
    first_wait: float = 0.5
    #: Seconds that a wait never exceeds.
    longest_wait: float = 20.0
    #: Tries of one call that may be answered with 429.
    throttled_tries: int = 60


#: For calls whose caller decides about further tries.
ONE_TRY = RetryPolicy(tries=1)


def is_transient(error: BaseException) -> bool:
    """Tell whether the same request may fare better a little later."""
    if isinstance(error, ServerError):
        return error.status_code in PASSING_SERVER_ERRORS
    return isinstance(error, NoResponseError | InvalidResponseError | TooManyRequestsError)


class Tries:
    """The tries of one call: counts them, decides on the next, and remembers whether one was left unanswered."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._counted = 0
        self._throttled = 0
        self._unknown = False

    def note(self, error: DVSError) -> None:
        """Take in how a try ended, and mark the error if an earlier try may have been taken."""
        error.after_unknown = self._unknown
        self._unknown = self._unknown or error.outcome_unknown
        if isinstance(error, TooManyRequestsError):
            self._throttled += 1
        else:
            self._counted += 1

    def exhausted(self, _state: RetryCallState) -> bool:
        """Tell tenacity to stop."""
        return self._counted >= self._policy.tries or self._throttled >= self._policy.throttled_tries

    def wait(self, state: RetryCallState) -> float:
        """Tell tenacity how long to wait, in seconds; after a 429 the limiter already holds everybody back."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, TooManyRequestsError):
            return 0.0
        longest = min(self._policy.longest_wait, self._policy.first_wait * 2.0 ** (self._counted - 1))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret


async def with_retries(call: Callable[[], Awaitable[T]], policy: RetryPolicy, clock: Clock) -> T:
    """Await `call` until it gives a value, fails for good, or the policy's tries are used up.

    Raises:
        DVSError: the last try's error; its `after_unknown` says whether an earlier try had no definite answer.
    """
    tries = Tries(policy)
    first: DVSError | None = None

    async def one_try() -> T:
        nonlocal first
        if first is not None:
            error, first = first, None
            raise error
        try:
            return await call()
        except DVSError as error:
            tries.note(error)
            raise

    # Nearly every call needs one try only, and tenacity's book-keeping costs more than all else that is done for one:
    # it is called in when there is something to decide, and the error of the first try is the first that it sees.
    try:
        return await one_try()
    except DVSError as error:
        if not is_transient(error):
            raise
        first = error

    retrying = AsyncRetrying(
        retry=retry_if_exception(is_transient),
        stop=tries.exhausted,
        wait=tries.wait,
        sleep=clock.sleep,
        reraise=True,
    )
    return await retrying(one_try)
