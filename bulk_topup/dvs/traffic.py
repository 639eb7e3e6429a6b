"""Count the requests and responses of one client."""

from dataclasses import dataclass


@dataclass(kw_only=True, slots=True)
class Traffic:
    """Running counts of requests and responses."""

    #: Requests sent; each try counts.
    requests: int = 0
    #: Responses with HTTP 429.
    throttled: int = 0
    #: Requests without a response.
    unanswered: int = 0
    #: Requests with a response, whatever its status.
    answered: int = 0
