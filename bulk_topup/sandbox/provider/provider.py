"""The provider behind the API: creates, confirms, cancels and reverses transactions and keeps their money; no HTTP."""

import heapq
import secrets
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import UTC, datetime
from operator import attrgetter

from bulk_topup.dvs.statuses import ErrorCode, StatusClass
from bulk_topup.errors import ConfigurationError
from bulk_topup.sandbox.catalogue import catalogue
from bulk_topup.sandbox.config import SandboxConfig
from bulk_topup.sandbox.errors import ErrorResponse
from bulk_topup.sandbox.provider.books import Books, Cancelled, Confirmed, Created, Event, Notified, Opened, Reversed
from bulk_topup.sandbox.provider.pricing import Quote, check_requirements, quote, requested_amount
from bulk_topup.sandbox.provider.requests import CreateRequest
from bulk_topup.sandbox.provider.suffix_outcomes import (
    CANCELLED,
    CONFIRMATION_PERIOD,
    REVERSED,
    STATUSES,
    Outcome,
    Status,
    outcome_for,
)
from bulk_topup.sandbox.provider.transaction import Transaction
from bulk_topup.sandbox.provider.wallet import Wallet
from bulk_topup.system.clock import Clock

#: The id of the first transaction; the others follow without gaps.
FIRST_ID = 2_237_512_891

_created_at = attrgetter("created_at")


class Provider:
    """One account at the provider: its wallets, its transactions, its books.

    Every change is decided, written to the books and then applied, by the same function that applies it when the books
    are read again. Statuses that come with time are applied before anything is looked at.

    Args:
        config: the account and how it behaves.
        clock: where time comes from.

    Raises:
        ConfigurationError: the books cannot be used.
    """

    def __init__(self, config: SandboxConfig, clock: Clock) -> None:
        self._clock = clock
        self._scale = config.time_scale
        self._confirmation_period = CONFIRMATION_PERIOD * self._scale
        self.wallets: dict[str, Wallet] = {}
        #: In order of creation, so that an id is a place.
        self.transactions: list[Transaction] = []
        self.pin_seed = ""
        #: Is told of each transaction with a callback address that is confirmed or ends.
        self.watcher: Callable[[Transaction], None] | None = None
        self._by_external_id: dict[str, Transaction] = {}
        #: Confirmed transactions by the time at which they end.
        self._due: list[tuple[datetime, int, Transaction]] = []
        self._latest = datetime.min.replace(tzinfo=UTC)
        self._books = Books(config.books)
        try:
            self._replay()
            if not self.pin_seed:
                self._do(Opened(at=self.now(), balances=dict(config.balances), pin_seed=secrets.token_hex(16)))
        except BaseException:
            self._books.close()
            raise

    def close(self) -> None:
        """Close the books."""
        self._books.close()

    def now(self) -> datetime:
        """Give the time, which never goes back, after applying what is due by then."""
        self._pass_to(self._clock.now())
        return self._latest

    def create(self, request: CreateRequest) -> Transaction:
        """Create a transaction and set its price aside (reference: Transactions, create).

        Raises:
            ErrorResponse: as the reference's error codes say.
            OSError: the books could not be written; nothing happened.
        """
        now = self.now()
        if request.external_id in self._by_external_id:
            raise ErrorResponse(ErrorCode.EXTERNAL_ID_ALREADY_USED)
        check_requirements(catalogue.product(request.product_id), request)
        quoted = _quote(request)
        wallet = self.wallets.get(quoted.unit)
        if wallet is None or not wallet.can_authorize(quoted.cost):
            raise ErrorResponse(ErrorCode.INSUFFICIENT_BALANCE)
        id_ = FIRST_ID + len(self.transactions)
        self._do(
            Created(
                at=now,
                id=id_,
                expires_at=now + self._confirmation_period,
                final_at=self._final_at(now, _outcome(request, quoted)) if request.auto_confirm else None,
                price=quoted.price,
                fee=quoted.fee,
                unit=quoted.unit,
                request=request,
            )
        )
        return self.transactions[-1]

    def confirm(self, transaction_id: int) -> Transaction:
        """Confirm a transaction (reference: Transactions, confirm).

        Raises:
            ErrorResponse: there is none (1008004), or its status forbids it.
        """
        now = self.now()
        transaction = self.get(transaction_id)
        transaction.check_confirmable(now)
        self._do(Confirmed(at=now, id=transaction_id, final_at=self._final_at(now, transaction.outcome)))
        return transaction

    def cancel(self, transaction_id: int) -> Transaction:
        """Cancel a transaction, which gives back what was set aside (reference: Transactions, cancel).

        Raises:
            ErrorResponse: there is none (1008004), or its status forbids it.
        """
        now = self.now()
        transaction = self.get(transaction_id)
        transaction.check_cancellable()
        self._do(Cancelled(at=now, id=transaction_id))
        return transaction

    def reverse(self, transaction_id: int) -> Transaction:
        """Reverse a completed transaction, as the provider's people do by hand (reference: Transactions).

        Raises:
            ErrorResponse: there is none (1008004), or it is not completed.
        """
        now = self.now()
        transaction = self.get(transaction_id)
        transaction.check_reversible()
        self._do(Reversed(at=now, id=transaction_id))
        return transaction

    def note_callback(self, transaction: Transaction, status: Status) -> None:
        """Note that the callback which told of a status was received, or given up.

        Raises:
            OSError: the books could not be written; it counts as not received.
        """
        self._do(Notified(at=self.now(), id=transaction.id, status=status.message))

    def get(self, transaction_id: int) -> Transaction:
        """Give a transaction.

        Raises:
            ErrorResponse: there is none (1008004).
        """
        place = transaction_id - FIRST_ID
        if not 0 <= place < len(self.transactions):
            raise ErrorResponse(ErrorCode.TRANSACTION_NOT_FOUND)
        return self.transactions[place]

    def by_external_id(self, external_id: str) -> Transaction | None:
        """Give the transaction of an external id, if there is one."""
        return self._by_external_id.get(external_id)

    def created_between(self, first: datetime, last: datetime) -> range:
        """Give the ids of the transactions that were created in a span of time, ends included, oldest first."""
        return range(
            FIRST_ID + bisect_left(self.transactions, first, key=_created_at),
            FIRST_ID + bisect_right(self.transactions, last, key=_created_at),
        )

    def _replay(self) -> None:
        """Read the books from their first line."""
        for event in self._books.read():
            if bool(self.pin_seed) is isinstance(event, Opened):
                raise ConfigurationError(
                    "The books must begin with their one opening; restore them, or start new ones."
                )
            self._pass_to(event.at)
            try:
                self._apply(event)
            except (ErrorResponse, KeyError) as error:
                raise ConfigurationError(
                    f"The books do not fit this version's catalogue ({error}); start new ones."
                ) from None

    def _final_at(self, confirmed_at: datetime, outcome: Outcome) -> datetime:
        return confirmed_at + outcome.delay * self._scale

    def _do(self, event: Event) -> None:
        self._books.write(event)
        self._apply(event)

    def _apply(self, event: Event) -> None:
        """Make an event's change; what is due before it must have been applied."""
        match event:
            case Opened():
                self.wallets = {unit: Wallet(amount) for unit, amount in event.balances.items()}
                self.pin_seed = event.pin_seed
            case Created():
                self._created(event)
            case Confirmed():
                self._confirmed(self.get(event.id), event.at, event.final_at)
            case Cancelled():
                self._end(self.get(event.id), CANCELLED, event.at)
            case Reversed():
                self._end(self.get(event.id), REVERSED, event.at)
            case Notified():
                self.get(event.id).notified_as = STATUSES[event.status]

    def _created(self, event: Created) -> None:
        quoted = _quote(event.request)
        if (event.price, event.fee, event.unit) != (quoted.price, quoted.fee, quoted.unit):
            raise ErrorResponse(ErrorCode.UNEXPECTED_ERROR, f"transaction {event.id} has another price")
        transaction = Transaction(
            id=event.id,
            request=event.request,
            quote=quoted,
            outcome=_outcome(event.request, quoted),
            created_at=event.at,
            expires_at=event.expires_at,
        )
        self.wallets[quoted.unit].authorize(quoted.cost)
        self.transactions.append(transaction)
        self._by_external_id[event.request.external_id] = transaction
        if event.final_at is not None:
            self._confirmed(transaction, event.at, event.final_at)

    def _confirmed(self, transaction: Transaction, at: datetime, final_at: datetime) -> None:
        transaction.confirmed_at = at
        transaction.final_at = final_at
        heapq.heappush(self._due, (final_at, transaction.id, transaction))
        self._tell(transaction)

    def _pass_to(self, moment: datetime) -> None:
        self._latest = max(self._latest, moment)
        while self._due and self._due[0][0] <= self._latest:
            final_at, _, transaction = heapq.heappop(self._due)
            self._end(transaction, transaction.outcome.status, final_at)

    def _end(self, transaction: Transaction, status: Status, at: datetime) -> None:
        """Give a transaction the status that it ends with, and let its wallet follow."""
        transaction.ended_as = status
        transaction.final_at = at
        wallet, cost = self.wallets[transaction.quote.unit], transaction.quote.cost
        if status.class_ is StatusClass.COMPLETED:
            wallet.capture(cost)
        elif status.class_ is StatusClass.REVERSED:
            wallet.reverse(cost)
        else:
            wallet.void(cost)
        self._tell(transaction)

    def _tell(self, transaction: Transaction) -> None:
        if self.watcher is not None and transaction.request.callback_url is not None:
            self.watcher(transaction)


def _quote(request: CreateRequest) -> Quote:
    return quote(request.product_id, requested_amount(catalogue.product(request.product_id), request))


def _outcome(request: CreateRequest, quoted: Quote) -> Outcome:
    """Give what becomes of a request; of a product that credits nobody by number, no number decides."""
    return outcome_for(request.credit_party if quoted.product.required_credit_party_identifier_fields else None)
