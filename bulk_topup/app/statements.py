"""Asks for the open statements of accounts, side by side and each once, or finds recent ones in the ledger."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from bulk_topup.app.answer_shelf import AnswerShelf
from bulk_topup.app.side_by_side import SideBySide
from bulk_topup.app.whole_list import read_whole_list
from bulk_topup.domain.bills import NoBill, OpenBill
from bulk_topup.dvs import APIError, AsyncDVS, BadRequestError, ErrorCode, NotFoundError, UnreadableBodyError
from bulk_topup.dvs.models.account import Statement
from bulk_topup.ledger.kept_answers import AccountKey
from bulk_topup.system.clock import Clock

#: What an account owes, or why that is not known.
Answer = tuple[OpenBill, ...] | NoBill

_UNREADABLE = NoBill(reason="DVS's answer about the open bills of this account can't be read. State the amount.")
#: The codes with which DVS refuses every inquiry: of no account of this product.
_PRODUCT_CODES = (ErrorCode.PRODUCT_NOT_AVAILABLE, ErrorCode.METHOD_NOT_SUPPORTED_BY_OPERATOR)


class Statements:
    """The open statements of accounts.

    Args:
        dvs: an open client.
        clock: the source of time.
        shelf: keeps answers; None to keep none.
        max_age: how old an answer may be.
        side_by_side: asks many questions at a time.
    """

    def __init__(
        self,
        dvs: AsyncDVS,
        clock: Clock,
        shelf: AnswerShelf | None,
        max_age: timedelta,
        side_by_side: SideBySide,
    ) -> None:
        self._dvs = dvs
        self._clock = clock
        self._shelf = shelf
        self._max_age = max_age
        self._side_by_side = side_by_side
        #: Answers, each with the time when it was asked for.
        self._known: dict[AccountKey, tuple[Answer, datetime]] = {}

    async def of(self, accounts: Iterable[AccountKey]) -> dict[AccountKey, tuple[Answer, datetime]]:
        """Return what accounts owe, each with the time when it was asked for, in UTC.

        Raises:
            DVSError: DVS does not answer, or refuses the credentials; what it has answered is kept.
        """
        accounts = list(dict.fromkeys(accounts))
        missing = [each for each in accounts if each not in self._known]
        if self._shelf is not None and missing:
            kept = self._shelf.statements_of(missing, self._max_age)
            self._known |= {account: (_bills(statements), at) for account, (statements, at) in kept.items()}
        await self._ask([each for each in missing if each not in self._known])
        return {each: self._known[each] for each in accounts}

    async def again(self, accounts: Iterable[AccountKey]) -> dict[AccountKey, tuple[Answer, datetime]]:
        """Ask again, whatever is known, and return the answers.

        Raises:
            DVSError: DVS does not answer, or refuses the credentials.
        """
        accounts = list(dict.fromkeys(accounts))
        await self._ask(accounts)
        return {each: self._known[each] for each in accounts}

    async def _ask(self, accounts: list[AccountKey]) -> None:
        try:
            await self._side_by_side.ask("statements", accounts, self._inquire, self._receive)
        finally:
            if self._shelf is not None:
                self._shelf.commit()

    async def _inquire(self, account: AccountKey) -> tuple[tuple[Statement, ...] | NoBill, datetime]:
        asked_at = self._clock.now()
        pages = self._dvs.lookup.statement_inquiry(
            account.product_id, account.account_number, account_qualifier=account.account_qualifier or None
        )
        try:
            whole = await read_whole_list(pages, "pages of statements", SideBySide(dvs=self._dvs, clock=self._clock))
        except (BadRequestError, NotFoundError) as error:
            return _refused(account, error), asked_at
        except UnreadableBodyError:
            return _UNREADABLE, asked_at
        # Without a bill that can't be read, the others would seem to be all.
        return whole.entries if whole.is_readable else _UNREADABLE, asked_at

    def _receive(self, account: AccountKey, answer: tuple[tuple[Statement, ...] | NoBill, datetime]) -> None:
        found, asked_at = answer
        if isinstance(found, NoBill):
            self._known[account] = found, asked_at
            return
        self._known[account] = _bills(found), asked_at
        if self._shelf is not None:
            self._shelf.keep_statements(account, found, asked_at)


def _refused(account: AccountKey, error: APIError) -> NoBill:
    if any(error.has_code(code) for code in _PRODUCT_CODES):
        return NoBill(
            reason=f"Product {account.product_id} has no statement inquiry by now. {error}. State the amount."
        )
    return NoBill(reason=f"The open bills of this account can't be asked for. {error}. Correct the account.")


def _bills(statements: Iterable[Statement]) -> tuple[OpenBill, ...]:
    bills = (
        OpenBill(
            reference=each.reference,
            due=each.dates.due if each.dates is not None else None,
            amount=each.balance.amount if each.balance is not None else None,
            unit=each.balance.unit if each.balance is not None else None,
        )
        for each in statements
    )
    return tuple(dict.fromkeys(bills))
