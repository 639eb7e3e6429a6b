"""Repeat one HTTP request after transient errors, with waits in between; built on tenacity, touches only the clock."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from bulk_topup.dvs.errors import DVSError, InvalidResponseError, NoResponseError, ServerError, TooManyRequestsError
from bulk_topup.system.clock import Clock

T = TypeVar("T")

#: Server errors that may be transient (reference: Errors); others would only repeat.
TRANSIENT_SERVER_ERRORS = frozenset({500, 502, 503, 504})


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """How often and how long the client repeats a request."""

    #: Most tries of one request, without those answered with 429.
    tries: int = 4
    #: Seconds before the second try; doubles with each further try. The wait is random between half of it and all.
    first_wait: float = 0.5
    #: The longest wait, in seconds.
    longest_wait: float = 20.0
    #: Most tries of one request that are answered with 429.
    throttled_tries: int = 60


#: For requests whose caller decides about further tries.
ONE_TRY = RetryPolicy(tries=1)


def is_transient(error: BaseException) -> bool:
    """Return True if the same request may succeed a little later."""
    if isinstance(error, ServerError):
        return error.status_code in TRANSIENT_SERVER_ERRORS
    return isinstance(error, NoResponseError | InvalidResponseError | TooManyRequestsError)


class Tries:
    """Count the tries of one request, decide on the next, and remember whether the outcome of one is unknown."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._counted = 0
        self._throttled = 0
        self._unknown = False

    def record(self, error: DVSError) -> None:
        """Record the error of a try, and mark it if the outcome of an earlier try is unknown."""
        error.after_unknown = self._unknown
        self._unknown = self._unknown or error.outcome_unknown
        if isinstance(error, TooManyRequestsError):
            self._throttled += 1
        else:
            self._counted += 1

    def are_used_up(self, _state: RetryCallState) -> bool:
        """Return True if no try is left; for tenacity."""
        return self._counted >= self._policy.tries or self._throttled >= self._policy.throttled_tries

    def wait(self, state: RetryCallState) -> float:
        """Return the seconds to wait, for tenacity; 0 after a 429, since the limiter already pauses all requests."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, TooManyRequestsError):
            return 0.0
        longest = min(self._policy.longest_wait, self._policy.first_wait * 2.0 ** (self._counted - 1))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret


async def with_retries(send: Callable[[], Awaitable[T]], policy: RetryPolicy, clock: Clock) -> T:
    """Await `send` until it returns, fails with a lasting error, or no try of the policy is left.

    Raises:
        DVSError: the error of the last try; its `after_unknown` says whether the outcome of an earlier try is unknown.
    """
    tries = Tries(policy)
    first: DVSError | None = None

    async def try_once() -> T:
        nonlocal first
        if first is not None:
            error, first = first, None
            raise error
        try:
            return await send()
        except DVSError as error:
            tries.record(error)
            raise

    # Nearly every request needs one try, and tenacity's bookkeeping costs more than everything else done for one. So it
    # starts only after the first try failed, and gets the error of that try first.
    try:
        return await try_once()
    except DVSError as error:
        if not is_transient(error):
            raise
        first = error

    retrying = AsyncRetrying(
        retry=retry_if_exception(is_transient),
        stop=tries.are_used_up,
        wait=tries.wait,
        sleep=clock.sleep,
        reraise=True,
    )
    return await retrying(try_once)
