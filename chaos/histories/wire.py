"""The wire to a sandbox in this process: it loses, delays, repeats and garbles requests as a history says."""

import asyncio
import json
from base64 import b64encode
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from bulk_topup.dvs import NoResponseError
from bulk_topup.dvs.transports.base import HTTPRequest, HTTPResponse
from bulk_topup.sandbox import SandboxConfig
from bulk_topup.sandbox.app import Sandbox
from bulk_topup.sandbox.faults import Faults
from bulk_topup.sandbox.provider.provider import Provider

#: Seconds that a client waits for a response.
TIMEOUT: Final = 1.0
#: Fates of a request that arrives when its client has long given up, and after how many seconds.
LATENESS: Final = {"late": 6.0, "kept": 55.0, "overdue": 5_000.0}
#: Those of them whose repetitions are refused until then.
KEPT: Final = frozenset({"kept", "overdue"})
#: What happens to a request.
FATES: Final = (
    "pass",
    "lost",  # DVS never receives it
    "late",  # no response, and it arrives some seconds later
    "kept",  # no response, it arrives nearly a minute later, and its repetitions are refused until then
    "hang up",  # received, and the response is lost
    "half",  # received, and the response is cut off
    "twice",  # arrives two times
    "503 before",
    "503 after",
    "429",
    "refused",  # DVS does not accept it, this time
    "no balance",
    "html",
)
_ERRORS: Final = b'{"errors":[{"code":1000503,"message":"Not now"}]}'


class Killed(BaseException):
    """The process is dead; nothing may handle this error."""


class HandClock:
    """A clock on which time passes only in sleeps, and by hand.

    Args:
        start: its first time, in UTC.
    """

    def __init__(self, start: datetime = datetime(2026, 11, 1, tzinfo=UTC)) -> None:
        self._start = start
        self.seconds = 0.0

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return self._start + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """Return the seconds since the start."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += max(0.0, seconds)
        await asyncio.sleep(0)

    def move_to(self, time: datetime) -> None:
        """Let time pass until then; a time that has passed changes nothing."""
        self.seconds = max(self.seconds, (time - self._start).total_seconds())


class Wire:
    """The transport to a sandbox, with injected faults.

    Args:
        config: the sandbox's account.
        provider: its transactions and wallets.
        clock: the source of time.
    """

    def __init__(self, config: SandboxConfig, provider: Provider, clock: HandClock) -> None:
        self._provider = provider
        self._clock = clock
        #: The fates of the next payments; those after them pass.
        self.fates: deque[str] = deque()
        self.is_dead = False
        self._late: list[tuple[float, HTTPRequest]] = []
        #: External IDs of requests that arrive later whose repetitions are refused.
        self._kept: set[str] = set()
        self.set_account(config)

    def set_account(self, config: SandboxConfig) -> None:
        """Accept the API credentials of this configuration from now on; transactions and wallets stay."""
        pair = f"{config.api_key}:{config.api_secret.get_secret_value()}"
        self._authorization = b"Basic " + b64encode(pair.encode())
        self._sandbox = Sandbox(config, self._provider, self._clock, Faults([], keeps_books=False))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def send(self, request: HTTPRequest) -> HTTPResponse:
        """Deliver a request as its fate says, and return the response.

        Raises:
            NoResponseError: its fate is that none arrives.
            Killed: the process is dead.
        """
        if self.is_dead:
            raise Killed
        await self.arrive()
        fate = self._fate_of(request)
        match fate:
            case "lost":
                await self._time_out()
            case "late" | "kept" | "overdue":
                self._late.append((self._clock.monotonic() + LATENESS[fate], request))
                if fate in KEPT:
                    self._kept.add(_external_id(request))
                await self._time_out()
            case "503 before" | "429":
                return HTTPResponse(status_code=int(fate[:3]), headers={}, body=_ERRORS)
            case "refused" | "no balance":
                code = b"1006001" if fate == "no balance" else b"1003001"
                return HTTPResponse(status_code=400, headers={}, body=_ERRORS.replace(b"1000503", code))
            case "html":
                return HTTPResponse(status_code=200, headers={}, body=b"<html>")
        response = await self._forward(request)
        match fate:
            case "twice":
                await self._forward(request)
            case "hang up":
                raise NoResponseError("connection refused")
            case "half":
                return HTTPResponse(
                    status_code=response.status_code, headers=response.headers, body=response.body[:-20]
                )
            case "503 after":
                return HTTPResponse(status_code=503, headers={}, body=_ERRORS)
        return response

    async def arrive(self, *, everything: bool = False) -> None:
        """Let late requests arrive, for which no caller waits any more."""
        now = self._clock.monotonic()
        due = [request for at, request in self._late if everything or at <= now]
        self._late = [(at, request) for at, request in self._late if not everything and at > now]
        for request in due:
            self._kept.discard(_external_id(request))
            await self._forward(request)

    def _fate_of(self, request: HTTPRequest) -> str:
        fate = self.fates.popleft() if self.fates and request.method == "POST" else "pass"
        return "refused" if _external_id(request) in self._kept else fate

    async def _time_out(self) -> None:
        await self._clock.sleep(TIMEOUT)
        raise NoResponseError("timed out")

    async def _forward(self, request: HTTPRequest) -> HTTPResponse:
        body = request.body or b""
        query = "&".join(f"{name}={value}" for name, value in (request.params or {}).items()).replace("+", "%2B")
        scope = {
            "type": "http",
            "method": request.method,
            "path": f"/v1{request.path}",
            "query_string": query.encode(),
            "headers": [(b"authorization", self._authorization)],
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._sandbox(scope, receive, send)
        headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        return HTTPResponse(status_code=sent[0]["status"], headers=headers, body=sent[1]["body"])


def _external_id(request: HTTPRequest) -> str:
    """Return the external ID of a creation; empty for another request."""
    return str(json.loads(request.body).get("external_id", "")) if request.body else ""
