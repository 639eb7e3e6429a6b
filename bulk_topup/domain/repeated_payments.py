"""Matches the rows of a list with payments that they may repeat, as many rows as possible, in any order; pure."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from bulk_topup.domain.sameness import is_near, near_bill


class ListedRow(NamedTuple):
    """A row that may repeat a payment."""

    #: What the caller knows it by.
    key: int
    party_key: str
    product_id: int | None
    #: Whether a person's decision names it as another beneficiary than those that it looks like.
    is_named: bool = False
    #: The last event of the ledger that a decision to pay it again knew of; 0 without such a decision.
    known_until: int = 0


class Payment(NamedTuple):
    """A payment of another run, with the same amount and unit as the rows that it is matched with."""

    #: The ID of its row; negative for a row that was corrected, found by what the list said before.
    row_id: int
    #: The attempt that may still arrive; None for the row's last one.
    attempt: int | None
    party_key: str
    product_id: int | None
    #: Whether its product was chosen automatically, so that it may repeat one of any product.
    any_product: bool = False
    #: The event with which it became a payment; a later one counts for rows that were decided on before.
    event: int = 1


class Match(NamedTuple):
    """A row and the payment that it may repeat."""

    key: int
    row_id: int
    attempt: int | None
    #: Whether both credit equal parties; near ones otherwise.
    is_equal: bool


#: Returns True if a near row and payment, by their keys and whether a decision names the row, are different parties.
AreDifferent = Callable[[str, str, bool], bool]


def match_payments(
    rows: Sequence[ListedRow],
    payments: Sequence[Payment],
    *,
    any_product: bool,
    are_different: AreDifferent,
) -> list[Match]:
    """Return a payment for each row that repeats one; a payment answers for one row only.

    No choice of payments has more rows. Equal parties are matched before near ones, and equal products before others.
    A payment that was known when a row was decided to be paid again is not matched with that row.

    Args:
        rows: rows whose credited parties have one near part.
        payments: payments to the same near part.
        any_product: whether the payment of any row may be of another product.
        are_different: whether near parties are known to be different.
    """
    first = rows[0].party_key, rows[0].product_id
    are_rows_alike = all((row.party_key, row.product_id) == first and not row.known_until for row in rows)
    if are_rows_alike and all((paid.party_key, paid.product_id) == first for paid in payments):
        return [Match(row.key, paid.row_id, paid.attempt, True) for row, paid in zip(rows, payments, strict=False)]
    return list(_Flow.between(rows, payments, any_product, are_different).matches())


@dataclass(kw_only=True, slots=True)
class _Flow:
    """How many rows of each kind take payments of each kind; the largest flow is found by augmenting paths."""

    rows: list[list[ListedRow]]
    payments: list[list[Payment]]
    #: The kinds of payments that rows of a kind may repeat, the best ones first; and the other way round.
    of_rows: list[list[int]] = field(default_factory=list)
    of_payments: list[list[int]] = field(default_factory=list)
    #: Rows and payments of each kind that are not matched.
    rows_left: list[int] = field(default_factory=list)
    payments_left: list[int] = field(default_factory=list)
    #: Matched rows by kinds of row and payment.
    matched: dict[tuple[int, int], int] = field(default_factory=dict)

    @classmethod
    def between(
        cls,
        rows: Sequence[ListedRow],
        payments: Sequence[Payment],
        any_product: bool,
        are_different: AreDifferent,
    ) -> "_Flow":
        row_kinds: dict[object, list[ListedRow]] = {}
        for row in rows:
            row_kinds.setdefault(row[1:], []).append(row)
        payment_kinds: dict[object, list[Payment]] = {}
        for payment in payments:
            payment_kinds.setdefault(payment[2:], []).append(payment)
        flow = cls(rows=list(row_kinds.values()), payments=list(payment_kinds.values()))
        flow.rows_left = [len(kind) for kind in flow.rows]
        flow.payments_left = [len(kind) for kind in flow.payments]
        flow.of_rows = [[] for _ in flow.rows]
        flow.of_payments = [[] for _ in flow.payments]
        for _, index, other in sorted(flow._pairs(any_product, are_different)):
            flow.of_rows[index].append(other)
            flow.of_payments[other].append(index)
            flow._move([(index, other)], ())
        while flow._augment():
            pass
        return flow

    def matches(self) -> Iterator[Match]:
        """Yield the matches, the first rows of each kind with the first payments."""
        pools = [iter(kind) for kind in self.payments]
        for index, kind in enumerate(self.rows):
            rows = iter(kind)
            for other in self.of_rows[index]:
                is_equal = kind[0].party_key == self.payments[other][0].party_key
                for row in islice(rows, self.matched.get((index, other), 0)):
                    payment = next(pools[other])
                    yield Match(row.key, payment.row_id, payment.attempt, is_equal)

    def _pairs(self, any_product: bool, are_different: AreDifferent) -> Iterator[tuple[tuple[bool, bool], int, int]]:
        """Yield kinds of rows and payments that may be the same, each with its rank: the best is the least."""
        by_key: dict[str, list[int]] = {}
        for index, kind in enumerate(self.payments):
            by_key.setdefault(kind[0].party_key, []).append(index)
        by_bill: dict[str, list[str]] = {}
        for key in by_key:
            by_bill.setdefault(near_bill(key), []).append(key)
        same: dict[tuple[str, bool], list[str]] = {}
        for index, rows in enumerate(self.rows):
            row = rows[0]
            own = (row.party_key, row.is_named)
            if own not in same:
                bill = near_bill(row.party_key)
                keys = by_key if not bill else (*by_bill.get(bill, ()), *by_bill.get("", ()))
                same[own] = [
                    key
                    for key in keys
                    if key == row.party_key
                    or (is_near(row.party_key, key) and not are_different(row.party_key, key, row.is_named))
                ]
            for key in same[own]:
                for other in by_key[key]:
                    payment = self.payments[other][0]
                    is_other_product = row.product_id != payment.product_id
                    if payment.event <= row.known_until:
                        continue
                    if any_product or payment.any_product or not is_other_product:
                        yield (key != row.party_key, is_other_product), index, other

    def _move(self, added: Sequence[tuple[int, int]], removed: Sequence[tuple[int, int]]) -> None:
        """Match as many rows as possible by the pairs of kinds on a path instead of those that are removed on it."""
        first, last = added[0][0], added[-1][1]
        count = min(self.rows_left[first], self.payments_left[last], *(self.matched[pair] for pair in removed))
        self.rows_left[first] -= count
        self.payments_left[last] -= count
        for pair in added:
            self.matched[pair] = self.matched.get(pair, 0) + count
        for pair in removed:
            self.matched[pair] -= count

    def _augment(self) -> bool:
        """Match more rows by one path that moves matched rows to other payments; return False if there is none."""
        queue = deque(row for row, left in enumerate(self.rows_left) if left)
        #: The kind of row that a kind of payment was reached from, and of payment that a kind of row was.
        to_payment: dict[int, int] = {}
        to_row: dict[int, int | None] = dict.fromkeys(queue)
        while queue:
            row = queue.popleft()
            for payment in self.of_rows[row]:
                if payment in to_payment:
                    continue
                to_payment[payment] = row
                if self.payments_left[payment]:
                    self._move(*self._path(payment, to_payment, to_row))
                    return True
                for other in self.of_payments[payment]:
                    if other not in to_row and self.matched.get((other, payment)):
                        to_row[other] = payment
                        queue.append(other)
        return False

    @staticmethod
    def _path(
        payment: int, to_payment: dict[int, int], to_row: dict[int, int | None]
    ) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return the pairs of kinds that the path to a payment adds, from its beginning, and those that it removes."""
        added: list[tuple[int, int]] = []
        removed: list[tuple[int, int]] = []
        while True:
            row = to_payment[payment]
            added.append((row, payment))
            before = to_row[row]
            if before is None:
                return added[::-1], removed
            removed.append((row, before))
            payment = before
