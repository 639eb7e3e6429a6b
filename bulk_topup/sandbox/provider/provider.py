"""The provider: creates, confirms, cancels and reverses transactions and moves their money; touches the books."""

import heapq
import secrets
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from operator import attrgetter

from bulk_topup.dvs.statuses import ErrorCode, StatusClass
from bulk_topup.errors import ConfigurationError
from bulk_topup.sandbox.catalogue.changes import Change
from bulk_topup.sandbox.catalogue.open_catalogue import open_catalogue
from bulk_topup.sandbox.config import SandboxConfig
from bulk_topup.sandbox.errors import ErrorResponse
from bulk_topup.sandbox.provider.books import (
    BookEvent,
    Books,
    Cancelled,
    Changed,
    Confirmed,
    Created,
    Notified,
    Opened,
    Reversed,
)
from bulk_topup.sandbox.provider.forward_time import ForwardTime
from bulk_topup.sandbox.provider.pricing import Quotes, check_requirements
from bulk_topup.sandbox.provider.requests import CreateRequest
from bulk_topup.sandbox.provider.suffix_outcomes import (
    CANCELLED,
    CONFIRMATION_PERIOD,
    REVERSED,
    STATUSES,
    Status,
    SuffixOutcome,
    suffix_outcome_for,
)
from bulk_topup.sandbox.provider.transaction import Transaction
from bulk_topup.sandbox.provider.wallet import Wallet
from bulk_topup.system.clock import Clock

#: The ID of the first transaction; the others follow without gaps.
FIRST_ID = 2_237_512_891

_created_at = attrgetter("created_at")


class Provider:
    """One account: its wallets, its transactions and its books.

    Every change is decided, written to the books and then applied, by the same function that applies it when the books
    are replayed. Statuses that are due are applied before anything is read.

    Args:
        config: the account and its behaviour.
        clock: the source of time.

    Raises:
        ConfigurationError: the books cannot be used.
    """

    def __init__(self, config: SandboxConfig, clock: Clock) -> None:
        self._time = ForwardTime(clock)
        self._scale = config.time_scale
        self._confirmation_period = CONFIRMATION_PERIOD * self._scale
        self.wallets: dict[str, Wallet] = {}
        #: In order of creation, so that the index follows from the ID.
        self.transactions: list[Transaction] = []
        self.pin_seed = ""
        #: Is called with each transaction with a callback address that is confirmed or becomes final.
        self.watcher: Callable[[Transaction], None] | None = None
        self._by_external_id: dict[str, Transaction] = {}
        #: Confirmed transactions by the time at which they become final.
        self._due: list[tuple[datetime, int, Transaction]] = []
        self._latest = datetime.min.replace(tzinfo=UTC)
        self.catalogue = open_catalogue(config.catalogue)
        self._quotes = Quotes(self.catalogue)
        self._books = Books(config.books)
        try:
            self._replay()
            if not self.pin_seed:
                self._commit(
                    Opened(
                        at=self.now(),
                        balances=dict(config.balances),
                        pin_seed=secrets.token_hex(16),
                        catalogue=self.catalogue.name,
                    )
                )
        except BaseException:
            self._books.close()
            raise

    def close(self) -> None:
        """Close the books."""
        self._books.close()

    def now(self) -> datetime:
        """Return the time, which never goes back, after applying the statuses that are due."""
        self._advance_to(self._time.now_after(self._latest))
        return self._latest

    def at_last_change(self) -> datetime:
        """Return the time of the last change or question, after applying the statuses that were due by then."""
        self._advance_to(self._latest)
        return self._latest

    def create(self, request: CreateRequest) -> Transaction:
        """Create a transaction and hold its cost (reference: Transactions, create).

        Raises:
            ErrorResponse: the request is refused, with the code of the reference.
            OSError: the books could not be written; nothing was created.
        """
        now = self.now()
        if request.external_id in self._by_external_id:
            raise ErrorResponse(ErrorCode.EXTERNAL_ID_ALREADY_USED)
        check_requirements(self.catalogue.product(request.product_id), request)
        quoted = self._quotes.find(request)
        wallet = self.wallets.get(quoted.unit)
        if wallet is None or not wallet.can_authorize(quoted.cost):
            raise ErrorResponse(ErrorCode.INSUFFICIENT_BALANCE)
        id_ = FIRST_ID + len(self.transactions)
        self._commit(
            Created(
                at=now,
                id=id_,
                expires_at=now + self._confirmation_period,
                final_at=self._final_at(now, suffix_outcome_for(quoted.product, request.credit_party))
                if request.auto_confirm
                else None,
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
            ErrorResponse: no such transaction (1008004), or its status does not allow it.
        """
        now = self.now()
        transaction = self.get(transaction_id)
        transaction.check_confirmable(now)
        self._commit(Confirmed(at=now, id=transaction_id, final_at=self._final_at(now, transaction.suffix_outcome)))
        return transaction

    def cancel(self, transaction_id: int) -> Transaction:
        """Cancel a transaction, which releases its cost (reference: Transactions, cancel).

        Raises:
            ErrorResponse: no such transaction (1008004), or its status does not allow it.
        """
        now = self.now()
        transaction = self.get(transaction_id)
        transaction.check_cancellable()
        self._commit(Cancelled(at=now, id=transaction_id))
        return transaction

    def reverse(self, transaction_id: int) -> Transaction:
        """Reverse a completed transaction, which DT One does manually (reference: Transactions).

        Raises:
            ErrorResponse: no such transaction (1008004), or it is not completed.
        """
        now = self.now()
        transaction = self.get(transaction_id)
        transaction.check_reversible()
        self._commit(Reversed(at=now, id=transaction_id))
        return transaction

    def record_callback(self, transaction: Transaction, status: Status) -> None:
        """Record that the callback of a status was received or abandoned.

        Raises:
            OSError: the books could not be written; the callback counts as not received.
        """
        self._commit(Notified(at=self.now(), id=transaction.id, status=status.message))

    def get(self, transaction_id: int) -> Transaction:
        """Return a transaction.

        Raises:
            ErrorResponse: no such transaction (1008004).
        """
        index = transaction_id - FIRST_ID
        if not 0 <= index < len(self.transactions):
            raise ErrorResponse(ErrorCode.TRANSACTION_NOT_FOUND)
        return self.transactions[index]

    def by_external_id(self, external_id: str) -> Transaction | None:
        """Return the transaction with an external ID; None if there is none."""
        return self._by_external_id.get(external_id)

    def created_between(self, first: datetime, last: datetime) -> range:
        """Return the IDs of the transactions created in a time window, both ends included, oldest first."""
        return range(
            FIRST_ID + bisect_left(self.transactions, first, key=_created_at),
            FIRST_ID + bisect_right(self.transactions, last, key=_created_at),
        )

    def change_products(self, changes: Sequence[Change]) -> None:
        """Change products, instead of as before; an OSError means that nothing changed."""
        self._commit(Changed(at=self.now(), changes=changes))

    def _replay(self) -> None:
        """Apply all events of the books."""
        for event in self._books.read():
            if bool(self.pin_seed) is isinstance(event, Opened):
                raise ConfigurationError(
                    "The books must start with their only opening. Restore the file, or choose a new one with --books."
                )
            self._advance_to(event.at)
            try:
                self._apply(event)
            except (ErrorResponse, KeyError) as error:
                raise ConfigurationError(
                    f"The books do not match this version's catalogue: {error}. Choose a new file with --books."
                ) from None

    def _final_at(self, confirmed_at: datetime, outcome: SuffixOutcome) -> datetime:
        return confirmed_at + outcome.delay * self._scale

    def _commit(self, event: BookEvent) -> None:
        self._books.write(event)
        self._apply(event)

    def _apply(self, event: BookEvent) -> None:
        """Apply an event; all statuses that are due before it must have been applied."""
        match event:
            case Opened():
                event.check_catalogue(self.catalogue.name)
                self.wallets = {unit: Wallet(amount) for unit, amount in event.balances.items()}
                self.pin_seed = event.pin_seed
            case Created():
                self._apply_created(event)
            case Confirmed():
                self._apply_confirmed(self.get(event.id), event.at, event.final_at)
            case Cancelled():
                self._finalise(self.get(event.id), CANCELLED, event.at)
            case Reversed():
                self._finalise(self.get(event.id), REVERSED, event.at)
            case Changed():
                self.catalogue.set_changes(event.changes)
            case Notified():
                self.get(event.id).notified_status = STATUSES[event.status]

    def _apply_created(self, event: Created) -> None:
        quoted = self._quotes.find(event.request)
        if (event.price, event.fee, event.unit) != (quoted.price, quoted.fee, quoted.unit):
            raise ErrorResponse(ErrorCode.UNEXPECTED_ERROR, f"transaction {event.id} has another price")
        transaction = Transaction(
            id=event.id,
            request=event.request,
            quote=quoted,
            suffix_outcome=suffix_outcome_for(quoted.product, event.request.credit_party),
            created_at=event.at,
            expires_at=event.expires_at,
        )
        self.wallets[quoted.unit].authorize(quoted.cost)
        self.transactions.append(transaction)
        self._by_external_id[event.request.external_id] = transaction
        self.catalogue.count_transaction()
        if event.final_at is not None:
            self._apply_confirmed(transaction, event.at, event.final_at)

    def _apply_confirmed(self, transaction: Transaction, at: datetime, final_at: datetime) -> None:
        transaction.confirmed_at = at
        transaction.final_at = final_at
        heapq.heappush(self._due, (final_at, transaction.id, transaction))
        self._notify(transaction)

    def _advance_to(self, moment: datetime) -> None:
        self._latest = max(self._latest, moment)
        while self._due and self._due[0][0] <= self._latest:
            final_at, _, transaction = heapq.heappop(self._due)
            self._finalise(transaction, transaction.suffix_outcome.status, final_at)

    def _finalise(self, transaction: Transaction, status: Status, at: datetime) -> None:
        """Set the final status of a transaction, and move its cost accordingly."""
        transaction.final_status = status
        transaction.final_at = at
        wallet, cost = self.wallets[transaction.quote.unit], transaction.quote.cost
        if status.class_ is StatusClass.COMPLETED:
            wallet.capture(cost)
        elif status.class_ is StatusClass.REVERSED:
            wallet.reverse(cost)
        else:
            wallet.void(cost)
        self._notify(transaction)

    def _notify(self, transaction: Transaction) -> None:
        if self.watcher is not None and transaction.request.callback_url is not None:
            self.watcher(transaction)
