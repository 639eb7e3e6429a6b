"""Keeps answers of DVS in the ledger as they come, and finds those that are recent; writes the ledger.

An answer that can't be kept is asked for again another time: nothing fails because of it.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from bulk_topup.domain.answer_ages import CATALOGUE_AGE, NUMBER_AGE, STATEMENT_AGE, UNKNOWN_OPERATOR_AGE, AnswerAges
from bulk_topup.dvs import codec
from bulk_topup.dvs.models.account import Statement
from bulk_topup.dvs.models.base import DVSModel
from bulk_topup.dvs.models.catalogue import LookupOperator, Operator
from bulk_topup.dvs.models.product import PRODUCT, Product, UnknownProduct
from bulk_topup.errors import LedgerError
from bulk_topup.ledger import LedgerStore
from bulk_topup.ledger.kept_answers import AccountKey, AnswersOf, AnswerTimes, KeptAnswer
from bulk_topup.system.clock import Clock

T = TypeVar("T")

#: Seconds of answers that share a commit, and most of them: after a kill, so much is asked for again.
COMMIT_INTERVAL: Final = 0.25
COMMIT_ANSWERS: Final = 500

_OPERATORS: Final = TypeAdapter(list[Operator])
_STATEMENTS: Final = TypeAdapter(list[Statement])
_LOOKUP_OPERATOR: Final = TypeAdapter(LookupOperator)
#: The body for a number whose operator DVS does not know.
_UNKNOWN: Final = "null"
#: The body where DVS gave no answer that can be used again, in place of an earlier one; it can't be read.
_NOTHING: Final = ""
_IDS: Final = TypeAdapter(list[int])
_UNREADABLE: Final = TypeAdapter(UnknownProduct)


class AnswerShelf:
    """The answers of one account.

    Args:
        ledger: an open ledger; nobody else may use it during a call.
        of: the account.
        ages: how old an answer may be.
        clock: the source of time.
    """

    def __init__(self, ledger: LedgerStore, of: AnswersOf, ages: AnswerAges, clock: Clock) -> None:
        self._ledger = ledger
        self._of = of
        self._ages = ages
        self._clock = clock
        self._is_broken = False
        self._products: list[tuple[int, KeptAnswer]] = []
        self._lists: list[tuple[str, KeptAnswer]] = []
        self._operators: list[tuple[str, KeptAnswer]] = []
        self._statements: list[tuple[AccountKey, KeptAnswer]] = []
        self._committed_at = float("-inf")

    def products(self, ids: Collection[int], max_age: timedelta) -> dict[int, tuple[Product, datetime]]:
        """Return these products as they were read when they were asked for, with that time.

        Args:
            ids: their IDs.
            max_age: how old an answer may be.
        """
        times = self._times(max_age)
        kept = {} if times is None else self._ledger.kept_answers.products(self._of, ids, times)
        found = ((id_, _product(answer.body), answer.asked_at) for id_, answer in kept.items())
        return {id_: (product, at) for id_, product, at in found if product is not None and product.id == id_}

    def product_list(self, query: str) -> tuple[list[tuple[Product, datetime]], datetime] | None:
        """Return the products of a list with their times, and its own time; None unless all of it is kept."""
        if (answer := self._list(query)) is None or (ids := _read(_IDS, answer.body)) is None:
            return None
        products = self.products(ids, self._ages.lists)
        return None if products.keys() != set(ids) else ([products[id_] for id_ in ids], answer.asked_at)

    def operator_list(self, query: str) -> tuple[list[Operator], datetime] | None:
        """Return the operators of a list, with the time when it was asked for; None if it is not kept."""
        if (answer := self._list(query)) is None or (operators := _read(_OPERATORS, answer.body)) is None:
            return None
        return operators, answer.asked_at

    def operators_of(self, numbers: Collection[str]) -> dict[str, LookupOperator | None]:
        """Return the operators of these numbers that are kept, None for unknown ones; equal ones are one object."""
        times = self._times(self._ages.numbers)
        kept = {} if times is None else self._ledger.kept_answers.operators(self._of, numbers, times)
        by_body = {body: _read(_LOOKUP_OPERATOR, body) for body in {answer.body for answer in kept.values()}}
        oldest_unknown = self._clock.now() - UNKNOWN_OPERATOR_AGE
        return {
            number: by_body[answer.body]
            for number, answer in kept.items()
            if by_body[answer.body] is not None or (answer.body == _UNKNOWN and answer.asked_at >= oldest_unknown)
        }

    def statements_of(
        self, accounts: Collection[AccountKey], max_age: timedelta
    ) -> dict[AccountKey, tuple[tuple[Statement, ...], datetime]]:
        """Return the open statements of these accounts that are kept, with the time when they were asked for.

        Args:
            accounts: the accounts.
            max_age: how old an answer may be.
        """
        times = self._times(max_age)
        kept = {} if times is None else self._ledger.kept_answers.statements(self._of, accounts, times)
        found = ((account, _read(_STATEMENTS, answer.body), answer.asked_at) for account, answer in kept.items())
        return {account: (tuple(statements), at) for account, statements, at in found if statements is not None}

    def keep_product(self, product_id: int, product: Product | None, asked_at: datetime) -> None:
        """Keep a product; None forgets what was kept of one that the account does not have any more."""
        body = _NOTHING if product is None else _body(product)
        self._products.append((product_id, KeptAnswer(body=body, asked_at=asked_at)))
        self._commit_often()

    def keep_product_list(self, query: str, products: Iterable[Product], asked_at: datetime) -> None:
        """Keep a list of products, and each of them."""
        products = list(products)
        self._products += [(each.id, KeptAnswer(body=_body(each), asked_at=asked_at)) for each in products]
        body = codec.encode([each.id for each in products]).decode()
        self._lists.append((query, KeptAnswer(body=body, asked_at=asked_at)))
        self._commit_often()

    def keep_operator_list(self, query: str, operators: Iterable[Operator], asked_at: datetime) -> None:
        """Keep a list of operators."""
        body = _OPERATORS.dump_json(list(operators), by_alias=True).decode()
        self._lists.append((query, KeptAnswer(body=body, asked_at=asked_at)))
        self._commit_often()

    def keep_operator(self, number: str, operator: LookupOperator | None, asked_at: datetime) -> None:
        """Keep the operator of a number; None if DVS does not know it."""
        body = _UNKNOWN if operator is None else _body(operator)
        self._operators.append((number, KeptAnswer(body=body, asked_at=asked_at)))
        self._commit_often()

    def forget_operator(self, number: str, asked_at: datetime) -> None:
        """Forget the operator of a number that DVS refuses by now."""
        self._operators.append((number, KeptAnswer(body=_NOTHING, asked_at=asked_at)))
        self._commit_often()

    def keep_statements(self, account: AccountKey, statements: Sequence[Statement], asked_at: datetime) -> None:
        """Keep the open statements of an account."""
        body = _STATEMENTS.dump_json(list(statements), by_alias=True).decode()
        self._statements.append((account, KeptAnswer(body=body, asked_at=asked_at)))
        self._commit_often()

    def commit(self) -> None:
        """Write what is not in the ledger yet."""
        if not (self._products or self._lists or self._operators or self._statements) or self._is_broken:
            return
        is_first = self._committed_at == float("-inf")
        self._committed_at = self._clock.monotonic()
        try:
            self._ledger.kept_answers.save(
                self._of,
                products=self._products,
                lists=self._lists,
                operators=self._operators,
                statements=self._statements,
            )
            if is_first:
                self._forget_old()
        except LedgerError:
            self._is_broken = True
        self._products, self._lists, self._operators, self._statements = [], [], [], []

    def _commit_often(self) -> None:
        number = len(self._products) + len(self._operators) + len(self._statements)
        if number >= COMMIT_ANSWERS or self._clock.monotonic() - self._committed_at >= COMMIT_INTERVAL:
            self.commit()

    def _forget_old(self) -> None:
        now, ages = self._clock.now(), self._ages
        catalogue, numbers = max(ages.lists, ages.products, CATALOGUE_AGE), max(ages.numbers, NUMBER_AGE)
        statements = max(ages.statements, STATEMENT_AGE)
        self._ledger.kept_answers.forget_old(
            catalogue=now - catalogue, numbers=now - numbers, statements=now - statements
        )

    def _list(self, query: str) -> KeptAnswer | None:
        times = self._times(self._ages.lists)
        return None if times is None else self._ledger.kept_answers.list(self._of, query, times)

    def _times(self, max_age: timedelta) -> AnswerTimes | None:
        """Return when an answer was asked for that is recent enough; None where none is."""
        now = self._clock.now()
        if self._is_broken or max_age <= timedelta():
            return None
        return AnswerTimes(since=now - max_age, until=now)


def _body(model: DVSModel) -> str:
    """Return a model as JSON; its amounts are texts, which are read exactly."""
    return model.model_dump_json(by_alias=True)


def _read(model: TypeAdapter[T], body: str) -> T | None:
    """Return a kept answer, checked as a response is; None if it is not what the model describes."""
    try:
        return model.validate_python(codec.decode(body))
    except (codec.InvalidJSON, ValidationError):
        return None


def _product(body: str) -> Product | None:
    """Return a kept product; one that could not be read when it was asked for has only its problem."""
    product = _read(PRODUCT, body)
    return _read(_UNREADABLE, body) if isinstance(product, UnknownProduct) else product
