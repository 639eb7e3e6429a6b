"""Asks for products, lists and the operators of numbers, side by side and each once, or finds them in the ledger."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from bulk_topup.app.answer_shelf import AnswerShelf
from bulk_topup.app.product_filter import ProductFilter
from bulk_topup.app.side_by_side import OnProgress, SideBySide
from bulk_topup.app.statements import Statements
from bulk_topup.app.whole_list import WholeList, read_whole_list
from bulk_topup.domain.answer_ages import AnswerAges
from bulk_topup.domain.environment import Environment
from bulk_topup.dvs import APIError, AsyncDVS, ErrorCode, NotFoundError
from bulk_topup.dvs.models.catalogue import LookupOperator, Operator
from bulk_topup.dvs.models.product import Product, UnknownProduct
from bulk_topup.ledger import LedgerStore
from bulk_topup.ledger.kept_answers import AnswersOf
from bulk_topup.system.clock import Clock

#: The codes with which DVS refuses one number.
_NUMBER_CODES: Final = (ErrorCode.CREDIT_PARTY_MOBILE_NUMBER_INVALID, ErrorCode.METHOD_NOT_SUPPORTED_BY_OPERATOR)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """How a command asks DVS about products and numbers."""

    #: Whether answers are kept in the ledger; an embedded sandbox answers at once, and changes with this program.
    keeps_answers: bool = True
    #: Receives the progress; None for nobody.
    on_progress: OnProgress | None = None

    def catalogue(
        self, dvs: AsyncDVS, ledger: LedgerStore | None, environment: Environment, ages: AnswerAges, clock: Clock
    ) -> "Catalogue":
        """Return the catalogue of a client's account.

        Args:
            dvs: an open client.
            ledger: where answers are kept; None to keep none.
            environment: the environment of the client.
            ages: how old an answer may be.
            clock: the source of time.
        """
        of = AnswersOf(environment=environment, account=dvs.account)
        shelf = AnswerShelf(ledger, of, ages, clock) if ledger is not None and self.keeps_answers else None
        return Catalogue(dvs, clock=clock, shelf=shelf, ages=ages, on_progress=self.on_progress)


class Catalogue:
    """Products, lists and operators of numbers: each is asked for once, unless a recent answer is kept.

    Args:
        dvs: an open client.
        clock: the source of time.
        shelf: keeps answers; None to keep none.
        ages: how old an answer may be.
        on_progress: receives the progress; None for nobody.
    """

    def __init__(
        self,
        dvs: AsyncDVS,
        *,
        clock: Clock,
        shelf: AnswerShelf | None = None,
        ages: AnswerAges | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        self._dvs = dvs
        self.clock = clock
        self._shelf = shelf
        self.ages = ages or AnswerAges()
        self._side_by_side = SideBySide(dvs=dvs, clock=clock, on_progress=on_progress)
        self._started = clock.now()
        #: The open statements of accounts.
        self.statements = Statements(dvs, clock, shelf, self.ages.statements, self._side_by_side)
        #: When the oldest kept answer about products or operators that was used was asked for; None for none.
        self.oldest_kept: datetime | None = None
        #: Products by ID, None for one that the account does not have, each with the time when it was asked for.
        self._products: dict[int, tuple[Product | None, datetime]] = {}
        self._operators: dict[str, LookupOperator | APIError | None] = {}
        self._lists: dict[str, list[Product]] = {}
        self._lists_kept_at: dict[str, datetime] = {}

    async def products(self, ids: Iterable[int]) -> dict[int, Product | None]:
        """Return products by their IDs; None for one that the account does not have.

        Raises:
            DVSError: one of them cannot be fetched.
        """
        # What was asked for by this command is never too old for it.
        return await self._products_since(ids, min(self.clock.now() - self.ages.products, self._started))

    async def changed_products(self, ids: Iterable[int], max_age: timedelta) -> list[int]:
        """Ask again for those of these products that are known for longer; return the IDs of those that have changed.

        Raises:
            DVSError: one of them cannot be fetched.
        """
        before = {id_: self._products[id_][0] for id_ in ids}
        now = await self._products_since(before, self.clock.now() - max_age)
        return [id_ for id_, product in before.items() if now[id_] != product]

    def asked_at(self, ids: Iterable[int]) -> datetime | None:
        """Return when the oldest of the answers about these products was asked for, in UTC; None for no products."""
        return min((self._products[id_][1] for id_ in ids if id_ in self._products), default=None)

    async def products_of(self, operators: Iterable[int], listed: ProductFilter) -> dict[int, list[Product]]:
        """Return the products of operators, by the operator's ID.

        Raises:
            DVSError: one of the lists cannot be fetched.
        """
        queries = {operator: {**listed.as_query(), "operator_id": operator} for operator in sorted(set(operators))}
        known = {operator: self._known_list(query) for operator, query in queries.items()}
        found = {operator: products for operator, products in known.items() if products is not None}
        alone = replace(self._side_by_side, on_progress=None)

        async def ask(operator: int) -> tuple[WholeList[Product], datetime]:
            asked_at = self.clock.now()
            return await read_whole_list(self._dvs.products.list(**queries[operator]), "products", alone), asked_at

        def receive(operator: int, answer: tuple[WholeList[Product], datetime]) -> None:
            found[operator] = self._receive_list(queries[operator], *answer)

        with self._kept_at_once():
            await self._side_by_side.ask("operators", [each for each in queries if each not in found], ask, receive)
        return found

    def kept_at(self, operator: int, listed: ProductFilter) -> datetime | None:
        """Return when the list of an operator's products was asked for, in UTC, if it is a kept one; else None."""
        return self._lists_kept_at.get(_query_text("/products", {**listed.as_query(), "operator_id": operator}))

    async def all_products(self, query: Mapping[str, Any]) -> list[Product]:
        """Return the products of one list, which may be long.

        Args:
            query: the arguments of `AsyncDVS.products.list`.

        Raises:
            DVSError: the list cannot be fetched.
        """
        is_kept = not query.get("language")  # what is kept has the texts of no stated language
        if is_kept and (known := self._known_list(query)) is not None:
            return known
        asked_at = self.clock.now()
        whole = await read_whole_list(self._dvs.products.list(**query), "pages of products", self._side_by_side)
        if not is_kept:
            return list(whole.entries)
        with self._kept_at_once():
            return self._receive_list(query, whole, asked_at)

    async def all_operators(self, query: Mapping[str, Any]) -> list[Operator]:
        """Return the operators of a list.

        Args:
            query: the arguments of `AsyncDVS.operators.list`.

        Raises:
            DVSError: the list cannot be fetched.
        """
        text = _query_text("/operators", query)
        if self._shelf is not None and (kept := self._shelf.operator_list(text)) is not None:
            self._note_kept([kept[1]])
            return kept[0]
        asked_at = self.clock.now()
        whole = await read_whole_list(self._dvs.operators.list(**query), "pages of operators", self._side_by_side)
        if self._shelf is not None and whole.is_readable:
            with self._kept_at_once():
                self._shelf.keep_operator_list(text, whole.entries, asked_at)
        return list(whole.entries)

    async def operators_of(self, numbers: Iterable[str]) -> dict[str, LookupOperator | APIError | None]:
        """Return the operators of mobile numbers; None where DVS knows none, or the error with which it refuses one.

        Raises:
            DVSError: one of them cannot be looked up.
        """
        numbers = list(dict.fromkeys(numbers))
        unknown = [number for number in numbers if number not in self._operators]
        if self._shelf is not None and unknown:
            self._operators |= self._shelf.operators_of(unknown)
        asked = [number for number in unknown if number not in self._operators]
        with self._kept_at_once():
            await self._side_by_side.ask("numbers", asked, self._look_up, self._receive_operator)
        return {number: self._operators[number] for number in numbers}

    async def _products_since(self, ids: Iterable[int], since: datetime) -> dict[int, Product | None]:
        """Return products by their IDs that were asked for since then."""
        ids = list(dict.fromkeys(ids))
        old = [id_ for id_ in ids if not self._is_known(id_, since)]
        if self._shelf is not None and old:
            kept = self._shelf.products(old, self.clock.now() - since)
            # What can't be paid is asked for again: it may be right by now.
            usable = {id_: each for id_, each in kept.items() if not isinstance(each[0], UnknownProduct)}
            self._products |= usable
            self._note_kept(asked_at for _, asked_at in usable.values())
        asked = [id_ for id_ in old if not self._is_known(id_, since)]
        with self._kept_at_once():
            await self._side_by_side.ask("products", asked, self._ask_product, self._receive_product)
        return {id_: self._products[id_][0] for id_ in ids}

    def _is_known(self, product_id: int, since: datetime) -> bool:
        return product_id in self._products and self._products[product_id][1] >= since

    async def _ask_product(self, product_id: int) -> tuple[Product | None, datetime]:
        asked_at = self.clock.now()
        try:
            return await self._dvs.products.get(product_id), asked_at
        except NotFoundError as error:
            if not error.has_code(ErrorCode.PRODUCT_NOT_AVAILABLE):
                raise
            return None, asked_at

    def _receive_product(self, product_id: int, answer: tuple[Product | None, datetime]) -> None:
        self._products[product_id] = answer
        product, asked_at = answer
        if self._shelf is not None:
            self._shelf.keep_product(product_id, product, asked_at)

    async def _look_up(self, number: str) -> tuple[LookupOperator | APIError | None, datetime]:
        asked_at = self.clock.now()
        try:
            found = [each async for each in self._dvs.lookup.mobile_number(number, post=True) if each.identified]
        except APIError as error:
            if not _is_about_the_number(error):
                raise
            return error, asked_at
        return found[0] if len(found) == 1 else None, asked_at

    def _receive_operator(self, number: str, answer: tuple[LookupOperator | APIError | None, datetime]) -> None:
        operator, asked_at = answer
        self._operators[number] = operator
        if self._shelf is None:
            return
        if isinstance(operator, APIError):
            self._shelf.forget_operator(number, asked_at)
        else:
            self._shelf.keep_operator(number, operator, asked_at)

    def _known_list(self, query: Mapping[str, Any]) -> list[Product] | None:
        """Return a list that was asked for by this command, or that is kept; None if there is none."""
        text = _query_text("/products", query)
        if text not in self._lists and self._shelf is not None and (kept := self._shelf.product_list(text)) is not None:
            products, self._lists_kept_at[text] = kept
            self._lists[text] = [product for product, _ in products]
            self._products = {product.id: (product, at) for product, at in products} | self._products
            self._note_kept(asked_at for _, asked_at in products)
        return self._lists.get(text)

    def _note_kept(self, times: Iterable[datetime]) -> None:
        self.oldest_kept = min((*times, *filter(None, [self.oldest_kept])), default=None)

    def _receive_list(self, query: Mapping[str, Any], whole: WholeList[Product], asked_at: datetime) -> list[Product]:
        text = _query_text("/products", query)
        self._lists[text] = products = list(whole.entries)
        self._products |= {product.id: (product, asked_at) for product in products}
        # A list that has entries which can't be read is asked for again, so that these are named again.
        if self._shelf is not None and whole.is_readable:
            self._shelf.keep_product_list(text, products, asked_at)
        return products

    @contextmanager
    def _kept_at_once(self) -> Iterator[None]:
        """Keep the answers of a block however it ends, also where it is cancelled."""
        try:
            yield
        finally:
            if self._shelf is not None:
                self._shelf.commit()


def _is_about_the_number(error: APIError) -> bool:
    """Return True if DVS refuses one number, and not the look-up: other numbers may be looked up."""
    return isinstance(error, NotFoundError) or any(error.has_code(code) for code in _NUMBER_CODES)


def _query_text(path: str, query: Mapping[str, Any]) -> str:
    """Return a list's query in one form."""
    return f"{path}?{urlencode(sorted((name, value) for name, value in query.items() if value), doseq=True)}"
