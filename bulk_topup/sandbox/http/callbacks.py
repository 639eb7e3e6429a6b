"""Callbacks: posts a transaction to its `callback_url` when it is final; the sandbox's only outgoing requests.

Only addresses on this machine are called, so that no trial sends traffic elsewhere. A callback is received when it is
answered with 2xx, which the books record; until then it is retried, also after a restart. So each arrives at least
once, unless all of its tries fail.
"""

import asyncio
import heapq
import logging
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

import httpx2

from bulk_topup.sandbox.http.bodies import transaction_body
from bulk_topup.sandbox.provider.provider import Provider
from bulk_topup.sandbox.provider.suffix_outcomes import Status
from bulk_topup.sandbox.provider.transaction import Transaction
from bulk_topup.system.clock import Clock
from bulk_topup.system.waits import cancel_all, first_of

_log = logging.getLogger(__name__)

#: Seconds between tries at time scale 1; after the last try a callback is abandoned.
WAITS = (5, 30, 120, 600, 1800)
#: Real seconds that a receiver has to respond.
RESPONSE_TIMEOUT = 10
#: Callbacks that are sent at the same time.
CONCURRENCY = 16
#: Callbacks that are sent or wait for their next try; more are not called before a restart.
MAX_OPEN = 10_000
#: Hosts elsewhere that the log names.
_MAX_LOGGED_HOSTS = 100
_HEADERS = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "bulk-topup-sandbox"}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Callback:
    """The callback for one status of a transaction."""

    transaction: Transaction
    status: Status
    body: bytes


class Callbacks:
    """Sends the callbacks of one provider while it is started.

    Args:
        provider: the provider of the transactions.
        clock: what waits are measured by.
        time_scale: factor of the waits between tries.
    """

    def __init__(self, provider: Provider, clock: Clock, time_scale: float) -> None:
        self._provider = provider
        self._clock = clock
        self._scale = time_scale
        #: When the transactions with a callback address become final.
        self._due: list[tuple[datetime, int]] = []
        self._rescheduled = asyncio.Event()
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: httpx2.AsyncClient | None = None
        self._logged_hosts: set[str] = set()

    def start(self) -> None:
        """Start, with the callbacks that were not received according to the books."""
        for transaction in self._provider.transactions:
            if transaction.request.callback_url is not None:
                self._schedule(transaction)
        self._provider.watcher = self._schedule
        self._tasks.add(asyncio.create_task(self._finalise_when_due()))

    async def stop(self) -> None:
        """Cancel all tries."""
        self._provider.watcher = None
        await cancel_all(self._tasks)
        if self._client is not None:
            await self._client.aclose()

    def _schedule(self, transaction: Transaction) -> None:
        """Schedule the callback of a transaction that was confirmed, or start it if the transaction is final."""
        status = transaction.final_status
        if transaction.final_at is None or (status is not None and status is transaction.notified_status):
            return
        if not self._may_call(transaction):
            return
        if status is not None:
            self._start_call(transaction, status, transaction.final_at)
            return
        heapq.heappush(self._due, (transaction.final_at, transaction.id))
        if self._due[0][1] == transaction.id:
            self._rescheduled.set()

    def _may_call(self, transaction: Transaction) -> bool:
        url = transaction.request.callback_url or ""
        if is_on_this_machine(url):
            return True
        host = _host(url)
        if host not in self._logged_hosts and len(self._logged_hosts) < _MAX_LOGGED_HOSTS:
            self._logged_hosts.add(host)
            _log.warning('No callback to "%s": the sandbox calls this machine only.', host)
        return False

    def _start_call(self, transaction: Transaction, status: Status, at: datetime) -> None:
        if len(self._tasks) >= MAX_OPEN:
            _log.warning("Too many open callbacks. No callback for transaction %s.", transaction.id)
            return
        callback = _Callback(
            transaction=transaction,
            status=status,
            body=transaction_body(transaction, at, self._provider.pin_seed, is_fetched=True),
        )
        task = asyncio.create_task(self._call(callback))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finalise_when_due(self) -> None:
        """Make the provider finalise transactions when they are due, even if no request arrives."""
        while True:
            now = self._provider.now()
            while self._due and self._due[0][0] <= now:
                heapq.heappop(self._due)
            self._rescheduled.clear()
            if self._due:
                await first_of(self._clock.sleep((self._due[0][0] - now).total_seconds()), self._rescheduled.wait())
            else:
                await self._rescheduled.wait()

    async def _call(self, callback: _Callback) -> None:
        """Try until it is received or abandoned, or the status has changed again."""
        transaction = callback.transaction
        for wait in (*WAITS, None):
            async with self._slots:
                received = await self._post(callback)
            if received:
                break
            if wait is None:
                _log.warning("The callback of transaction %s was not received. No more tries.", transaction.id)
                break
            await self._clock.sleep(wait * self._scale)
            if transaction.final_status is not callback.status:
                return
        try:
            self._provider.record_callback(transaction, callback.status)
        except OSError as error:
            _log.error("Can't write the books: %s", error)

    async def _post(self, callback: _Callback) -> bool:
        """Post a callback, and return True if it was answered with 2xx; the body of the response is not read."""
        if self._client is None:
            # On this machine a certificate proves nothing, and most receivers in trials use self-signed ones.
            self._client = httpx2.AsyncClient(headers=_HEADERS, timeout=None, trust_env=False, verify=False)
        address = callback.transaction.request.callback_url or ""
        try:
            async with (
                asyncio.timeout(RESPONSE_TIMEOUT),
                self._client.stream("POST", address, content=callback.body) as response,
            ):
                return response.is_success
        except (httpx2.HTTPError, OSError) as error:
            _log.info("The callback of transaction %s failed: %r", callback.transaction.id, error)
            return False


def is_on_this_machine(url: str) -> bool:
    """Return True if an address is that of a loopback interface, without asking a name server."""
    host = _host(url)
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _host(url: str) -> str:
    """Return the host that the client would call, parsed by the client itself; empty if it finds none."""
    try:
        return httpx2.URL(url).host
    except (httpx2.InvalidURL, ValueError):
        return ""
