"""Callbacks: posts a transaction to its `callback_url` when it ends; the only room of the sandbox that calls others.

Only addresses on this machine are ever called, so that no trial sends traffic elsewhere. A callback counts as received
when it is answered 2xx, which the books note; until then it is tried again, also after a restart. So each arrives at
least once, unless nobody answers any of its tries.
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

#: Seconds from one try to the next at time scale 1; after the last try a callback is given up.
WAITS = (5, 30, 120, 600, 1800)
#: Seconds, of the wall, that a receiver has for its answer.
ANSWER_WITHIN = 10
#: Callbacks that are sent at one time.
CONCURRENCY = 16
#: Callbacks that are sent or wait for their next try; what comes beyond is not called before a restart.
MOST_OPEN = 10_000
#: Hosts elsewhere that the log names.
_MOST_NAMED = 100
_HEADERS = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "bulk-topup-sandbox"}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Callback:
    """What one change of a transaction is told with."""

    transaction: Transaction
    #: The status that it tells of.
    status: Status
    body: bytes


class Callbacks:
    """Sends the callbacks of one provider while it is started.

    Args:
        provider: whose transactions end.
        clock: what is waited by.
        time_scale: what the waits between tries are multiplied by.
    """

    def __init__(self, provider: Provider, clock: Clock, time_scale: float) -> None:
        self._provider = provider
        self._clock = clock
        self._scale = time_scale
        #: When the transactions that have somebody to call end.
        self._due: list[tuple[datetime, int]] = []
        self._sooner = asyncio.Event()
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: httpx2.AsyncClient | None = None
        self._elsewhere: set[str] = set()

    def start(self) -> None:
        """Begin, with what the books say was not received yet."""
        for transaction in self._provider.transactions:
            if transaction.request.callback_url is not None:
                self._see(transaction)
        self._provider.watcher = self._see
        self._tasks.add(asyncio.create_task(self._keep_time()))

    async def stop(self) -> None:
        """End every try, wherever it is."""
        self._provider.watcher = None
        await cancel_all(self._tasks)
        if self._client is not None:
            await self._client.aclose()

    def _see(self, transaction: Transaction) -> None:
        """Take note of a transaction that has a callback address, and was confirmed or has ended."""
        status = transaction.ended_as
        if transaction.final_at is None or (status is not None and status is transaction.notified_as):
            return
        if not self._may_call(transaction):
            return
        if status is not None:
            self._begin(transaction, status, transaction.final_at)
            return
        heapq.heappush(self._due, (transaction.final_at, transaction.id))
        if self._due[0][1] == transaction.id:
            self._sooner.set()

    def _may_call(self, transaction: Transaction) -> bool:
        url = transaction.request.callback_url or ""
        if is_on_this_machine(url):
            return True
        host = _host(url)
        if host not in self._elsewhere and len(self._elsewhere) < _MOST_NAMED:
            self._elsewhere.add(host)
            _log.warning('The sandbox calls nobody but this machine, so no callback goes to "%s".', host)
        return False

    def _begin(self, transaction: Transaction, status: Status, at: datetime) -> None:
        if len(self._tasks) >= MOST_OPEN:
            _log.warning("Too many callbacks are open; that of transaction %s is left out.", transaction.id)
            return
        callback = _Callback(
            transaction=transaction,
            status=status,
            body=transaction_body(transaction, at, self._provider.pin_seed),
        )
        task = asyncio.create_task(self._call(callback))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep_time(self) -> None:
        """Have the provider end transactions when they are due, though nobody asks for them."""
        while True:
            now = self._provider.now()
            while self._due and self._due[0][0] <= now:
                heapq.heappop(self._due)
            self._sooner.clear()
            if self._due:
                await first_of(self._clock.sleep((self._due[0][0] - now).total_seconds()), self._sooner.wait())
            else:
                await self._sooner.wait()

    async def _call(self, callback: _Callback) -> None:
        """Try until it is received, given up, or overtaken by a later change."""
        transaction = callback.transaction
        for wait in (*WAITS, None):
            async with self._slots:
                received = await self._post(callback)
            if received:
                break
            if wait is None:
                _log.warning("The callback of transaction %s was not received; it is given up.", transaction.id)
                break
            await self._clock.sleep(wait * self._scale)
            if transaction.ended_as is not callback.status:
                return
        try:
            self._provider.note_callback(transaction, callback.status)
        except OSError as error:
            _log.error("The books cannot be written: %s", error)

    async def _post(self, callback: _Callback) -> bool:
        """Give whether it was answered 2xx; the rest of the answer is not read."""
        if self._client is None:
            # On this machine a certificate proves nothing; most receivers under trial have signed their own.
            self._client = httpx2.AsyncClient(headers=_HEADERS, timeout=None, trust_env=False, verify=False)
        address = callback.transaction.request.callback_url or ""
        try:
            async with (
                asyncio.timeout(ANSWER_WITHIN),
                self._client.stream("POST", address, content=callback.body) as answer,
            ):
                return answer.is_success
        except (httpx2.HTTPError, OSError) as error:
            _log.info("The callback of transaction %s failed: %r", callback.transaction.id, error)
            return False


def is_on_this_machine(url: str) -> bool:
    """Tell whether an address leads to a loopback interface, without asking any name server."""
    host = _host(url)
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _host(url: str) -> str:
    """Give the host that the client would call, by its own reading of the address; empty where it reads none."""
    try:
        return httpx2.URL(url).host
    except (httpx2.InvalidURL, ValueError):
        return ""
