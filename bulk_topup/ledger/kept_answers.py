"""Answers of DVS about products, numbers and bills, kept for later commands with the time when they were asked for.

They are those of one environment and account, because products and prices are an account's own.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from bulk_topup.__version__ import __version__
from bulk_topup.domain.answer_ages import AGAINST_OPERATOR, REFUSED_OPERATOR
from bulk_topup.domain.sameness import mobile_key
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import json_array, utc_text

#: Kept by this version for this account, and neither too old nor from the future, as after a clock was set back.
_IS_USABLE: Final = """
    k.environment = :environment AND k.account = :account AND k.version = :version
    AND k.asked_at BETWEEN :since AND :until
"""
_PRODUCTS: Final = f"""
    SELECT k.product_id AS name, k.body, k.asked_at FROM kept_products AS k
    WHERE {_IS_USABLE} AND k.product_id IN (SELECT value FROM json_each(:names))
"""  # noqa: S608 - composed of constants
_LIST: Final = f"""
    SELECT k.query AS name, k.entries AS body, k.asked_at FROM kept_lists AS k
    WHERE {_IS_USABLE} AND k.query = :query
"""  # noqa: S608
#: Not where a later payment to the number ended in a way that speaks against its operator, or was refused for it.
_OPERATORS: Final = f"""
    SELECT k.number AS name, k.body, k.asked_at FROM kept_operators AS k
    WHERE {_IS_USABLE} AND k.number IN (SELECT value FROM json_each(:names))
      AND NOT EXISTS (
          SELECT 1 FROM rows AS r CROSS JOIN attempts AS a ON a.row_id = r.id
          WHERE r.party_key = k.party_key
            AND (a.final_at >= k.asked_at AND a.status_message IN (SELECT value FROM json_each(:against))
                 OR r.state = 'failed' AND a.number = r.attempt AND a.transaction_id IS NULL
                    AND a.intent_at >= k.asked_at AND instr(r.message, :refused)))
"""  # noqa: S608
_SAVE_PRODUCT: Final = """
    INSERT OR REPLACE INTO kept_products (environment, account, version, asked_at, product_id, body)
    VALUES (:environment, :account, :version, :asked_at, :name, :body)
"""
_SAVE_LIST: Final = """
    INSERT OR REPLACE INTO kept_lists (environment, account, version, asked_at, query, entries)
    VALUES (:environment, :account, :version, :asked_at, :name, :body)
"""
_SAVE_OPERATOR: Final = """
    INSERT OR REPLACE INTO kept_operators (environment, account, version, asked_at, number, party_key, body)
    VALUES (:environment, :account, :version, :asked_at, :name, :party_key, :body)
"""
#: The keys are a JSON array of `[product ID, account number, account qualifier]`, with "" for no qualifier.
_STATEMENTS: Final = f"""
    SELECT k.product_id, k.account_number, k.account_qualifier, k.body, k.asked_at
    FROM json_each(:keys) AS w CROSS JOIN kept_statements AS k
        ON k.product_id = json_extract(w.value, '$[0]') AND k.account_number = json_extract(w.value, '$[1]')
            AND k.account_qualifier = json_extract(w.value, '$[2]')
    WHERE {_IS_USABLE}
"""  # noqa: S608
_SAVE_STATEMENTS: Final = """
    INSERT OR REPLACE INTO kept_statements
        (environment, account, version, asked_at, product_id, account_number, account_qualifier, body)
    VALUES (:environment, :account, :version, :asked_at, :product_id, :account_number, :account_qualifier, :body)
"""
_FORGET_OLD_STATEMENTS: Final = "DELETE FROM kept_statements WHERE asked_at < :before"
_FORGET_OLD_PRODUCTS: Final = "DELETE FROM kept_products WHERE asked_at < :before"
_FORGET_OLD_LISTS: Final = "DELETE FROM kept_lists WHERE asked_at < :before"
_FORGET_OLD_OPERATORS: Final = "DELETE FROM kept_operators WHERE asked_at < :before"
_FORGET_PRODUCTS: Final = "DELETE FROM kept_products WHERE environment = :environment AND account = :account"
#: Numbers are personal data, whatever run they were asked for.
_FORGET_NUMBERS: Final = "DELETE FROM kept_operators"
#: So are accounts and what they owe.
_FORGET_STATEMENTS: Final = "DELETE FROM kept_statements"


class AccountKey(NamedTuple):
    """An account that open statements are asked for."""

    product_id: int
    account_number: str
    #: Empty without one.
    account_qualifier: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptAnswer:
    """An answer as JSON, and when it was asked for."""

    body: str
    #: In UTC.
    asked_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerTimes:
    """When answers were asked for that are looked for, in UTC."""

    since: datetime
    until: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswersOf:
    """The account that answers are for."""

    environment: str
    #: As `AsyncDVS.account` names it.
    account: str


@dataclass(frozen=True, slots=True)
class KeptAnswerQueries:
    """Answers by the account that they were given to."""

    file: LedgerFile

    def products(self, of: AnswersOf, ids: Collection[int], times: AnswerTimes) -> dict[int, KeptAnswer]:
        """Return the bodies of these products, by their IDs, that were asked for at these times."""
        return self._found(_PRODUCTS, of, times, names=json_array(ids))

    def list(self, of: AnswersOf, query: str, times: AnswerTimes) -> KeptAnswer | None:
        """Return the entries of a list that was asked for at these times; None if there is none."""
        return self._found(_LIST, of, times, query=query).get(query)

    def operators(self, of: AnswersOf, numbers: Collection[str], times: AnswerTimes) -> dict[str, KeptAnswer]:
        """Return the operators of these numbers that no later payment contradicts.

        Args:
            of: the account.
            numbers: mobile numbers in E.164 form.
            times: when they were asked for.
        """
        against = json_array(AGAINST_OPERATOR)
        return self._found(_OPERATORS, of, times, names=json_array(numbers), against=against, refused=REFUSED_OPERATOR)

    def statements(
        self, of: AnswersOf, accounts: Collection[AccountKey], times: AnswerTimes
    ) -> dict[AccountKey, KeptAnswer]:
        """Return the open statements of these accounts that were asked for at these times."""
        rows = self.file.fetch_all(_STATEMENTS, **_usable(of, times), keys=json_array(accounts))
        times_of = ((row, _time(row["asked_at"])) for row in rows)
        return {
            AccountKey(row["product_id"], row["account_number"], row["account_qualifier"]): KeptAnswer(
                body=row["body"], asked_at=at
            )
            for row, at in times_of
            if at is not None
        }

    def save(
        self,
        of: AnswersOf,
        *,
        products: Iterable[tuple[int, KeptAnswer]] = (),
        lists: Iterable[tuple[str, KeptAnswer]] = (),
        operators: Iterable[tuple[str, KeptAnswer]] = (),
        statements: Iterable[tuple[AccountKey, KeptAnswer]] = (),
    ) -> None:
        """Keep answers in one transaction; each replaces an earlier one.

        Args:
            of: the account.
            products: bodies by product ID.
            lists: entries by query.
            operators: bodies by mobile number.
            statements: bodies by account.
        """
        with self.file.transaction() as connection:
            connection.executemany(_SAVE_PRODUCT, (_values(of, *each) for each in products))
            connection.executemany(_SAVE_LIST, (_values(of, *each) for each in lists))
            connection.executemany(
                _SAVE_OPERATOR,
                ({**_values(of, number, answer), "party_key": mobile_key(number)} for number, answer in operators),
            )
            connection.executemany(
                _SAVE_STATEMENTS, ({**_values(of, "", answer), **key._asdict()} for key, answer in statements)
            )

    def forget_old(self, *, catalogue: datetime, numbers: datetime, statements: datetime) -> None:
        """Delete answers from before these times, in UTC: about the catalogue, about numbers, and about bills."""
        with self.file.transaction() as connection:
            connection.execute(_FORGET_OLD_PRODUCTS, {"before": utc_text(catalogue)})
            connection.execute(_FORGET_OLD_LISTS, {"before": utc_text(catalogue)})
            connection.execute(_FORGET_OLD_OPERATORS, {"before": utc_text(numbers)})
            connection.execute(_FORGET_OLD_STATEMENTS, {"before": utc_text(statements)})

    def forget_products(self, of: AnswersOf) -> None:
        """Delete the products of an account, whose prices are not those that DVS charges."""
        with self.file.transaction() as connection:
            connection.execute(_FORGET_PRODUCTS, {"environment": of.environment, "account": of.account})

    def forget_people(self) -> None:
        """Delete the operators of all numbers and the bills of all accounts, which are personal data."""
        with self.file.transaction() as connection:
            connection.execute(_FORGET_NUMBERS)
            connection.execute(_FORGET_STATEMENTS)

    def _found(self, statement: str, of: AnswersOf, times: AnswerTimes, **values: object) -> dict[Any, KeptAnswer]:
        rows = self.file.fetch_all(statement, **_usable(of, times), **values)
        times_of = ((row, _time(row["asked_at"])) for row in rows)
        return {row["name"]: KeptAnswer(body=row["body"], asked_at=at) for row, at in times_of if at is not None}


def _usable(of: AnswersOf, times: AnswerTimes) -> dict[str, object]:
    """Return the parameters of `_IS_USABLE`."""
    return {
        "environment": of.environment,
        "account": of.account,
        "version": __version__,
        "since": utc_text(times.since),
        "until": utc_text(times.until),
    }


def _time(text: object) -> datetime | None:
    """Return when an answer was asked for; None if the ledger has no time in UTC there: it is asked for again."""
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return time if time.utcoffset() is not None else None


def _values(of: AnswersOf, name: int | str, answer: KeptAnswer) -> dict[str, object]:
    return {
        "environment": of.environment,
        "account": of.account,
        "version": __version__,
        "asked_at": utc_text(answer.asked_at),
        "name": name,
        "body": answer.body,
    }
