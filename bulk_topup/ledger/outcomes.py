"""Reads the outcomes of a run's rows in pages: SQLite returns columns as JSON, in a thread beside the caller's.

Row by row, Python's sqlite3 takes four times as long to convert the values as SQLite to find them.
"""

import json
import re
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec

from bulk_topup.domain.charge import CHARGED_STATES, UNCHARGED_CLASSES
from bulk_topup.domain.delivery import DELIVERY_FIELDS
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.problems import decode_problems
from bulk_topup.domain.purchase_secrets import SECRET_FIELDS
from bulk_topup.domain.row import Outcome, OutcomeGroup
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.pin_keys import PinKeys, is_empty
from bulk_topup.ledger.row_mapping import outcome_group_of
from bulk_topup.ledger.sql_fragments import IS_LEFT_OUT, IS_NOTHING_DUE, SHOWN

#: Rows of the first page, and of the largest; in between, as many as fit into `PAGE_BYTES`, judged by the page before.
FIRST_ROWS: Final = 64
PAGE_ROWS: Final = 5_000
PAGE_BYTES: Final = 5_000_000

_decode = msgspec.json.Decoder().decode
_decode_cells = msgspec.json.Decoder(list[list[str]]).decode
#: Columns to convert.
_AMOUNTS: Final = ("amount", "planned_cost", "price", "fee", "delivered", "retail_price")


def _as_array(column: str) -> str:
    """Return SQL for a column of all rows as one JSON array; a column that is JSON itself is not encoded again."""
    is_json = column in {"cells", "problems"}
    array = f"coalesce('[' || group_concat({column}) || ']', '[]')" if is_json else f"json_group_array({column})"
    return f"{array} AS {column}"


#: A row's note, with the values from before a correction.
NOTE: Final = """trim(r.note || ' ' || coalesce((
            SELECT c.note FROM corrections AS c WHERE c.run_id = r.run_id AND c.identity = r.identity LIMIT 1), ''))
            AS note"""
#: True if the price of the latest attempt `a` of the row `r` is charged or on hold.
_IS_CHARGED: Final = (
    f"r.state IN ({', '.join(map(repr, map(str, CHARGED_STATES)))}) AND "
    f"coalesce(a.status_class, '') NOT IN ({', '.join(map(repr, UNCHARGED_CLASSES))})"
)


def _charged(column: str) -> str:
    """Return SQL for a part of the price, which is null where nothing is charged or on hold."""
    return f"iif({_IS_CHARGED}, a.{column}, NULL) AS {column}"


_PRICE: Final = tuple(map(_charged, ("price", "fee", "price_unit")))
#: What was delivered, or what DVS states of a row in conflict; an accepted row has no delivery yet.
_DELIVERY: Final = tuple(
    f"iif(r.state <> '{RowState.ACCEPTED}' AND {_IS_CHARGED}, a.{name}, NULL) AS {name}" for name in DELIVERY_FIELDS
)
#: The columns of a row and of its latest attempt.
OUTCOME_COLUMNS: Final = (
    *("r.line", "r.state", "r.cells", "r.problems", "r.message", NOTE, "r.product_id", "r.credit_party"),
    *("r.amount", "r.unit", "r.attempt", "r.in_list", "a.external_id", "a.transaction_id", "a.status_class"),
    *("a.status_message", "r.cost AS planned_cost", "r.cost_unit AS planned_unit", *_PRICE),
    *_DELIVERY,
    *("a.operator_reference", *(f"a.{name}" for name in SECRET_FIELDS), "a.creation_date", "a.final_at", "r.id"),
)
#: Their names in a report.
OUTCOME_NAMES: Final = tuple(re.split(r"[ .]", column)[-1] for column in OUTCOME_COLUMNS)
#: The next rows after a line and a row ID: one JSON array for each of these columns, in the order of the rows.
OUTCOMES: Final = f"""
    SELECT {", ".join(map(_as_array, OUTCOME_NAMES))}
    FROM (
        SELECT {", ".join(OUTCOME_COLUMNS)}
        FROM rows AS r LEFT JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
        WHERE r.run_id = :run_id AND {SHOWN} AND (r.line, r.id) > (:after_line, :after_id)
        ORDER BY r.line, r.id LIMIT :limit
    )
"""  # noqa: S608
#: The same rows in groups whose sums are exact.
OUTCOME_GROUPS: Final = f"""
    SELECT r.state, r.product_id, r.unit, r.amount, {", ".join(reversed(_PRICE))}, r.cost_unit AS planned_unit,
           r.cost AS planned_cost, count(*) AS rows,
           r.state = 'refused' AND EXISTS (
               SELECT 1 FROM json_each(r.problems) AS p WHERE json_extract(p.value, '$[2]') = 2) AS is_repeat,
           r.state = 'refused' AND {IS_NOTHING_DUE.format(of="r")} AS is_nothing_due,
           r.state = 'refused' AND {IS_LEFT_OUT.format(of="r")} AS is_left_out,
           iif(r.state = 'failed', coalesce(a.status_message, ''), NULL) AS failure
    FROM rows AS r LEFT JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND {SHOWN}
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class OutcomeQueries:
    """All rows of a run: those of the list, and those that were ever sent."""

    file: LedgerFile

    def rows(self, run: Run) -> Iterator[Outcome]:
        """Yield every row in list order."""
        for page in self.pages(run, open_pins=True):
            yield from page.rows()

    def pages(self, run: Run, *, open_pins: bool) -> Generator[Outcomes, None, None]:
        """Yield every row in list order, many at once, as of the time of the first page.

        Another thread reads the pages, so nothing else may use the ledger until the generator is closed.

        Args:
            run: the run.
            open_pins: decrypt PINs and eSIMs; one that can't be decrypted is replaced by the reason in parentheses.
        """
        connection = self.file.connection
        with (
            self.file.translate_errors(),
            _snapshot(connection),
            ThreadPoolExecutor(1, "ledger-reader") as reader,
        ):
            limit, after = FIRST_ROWS, (-1, -1)
            next_page = reader.submit(_read, connection, run, after, limit)
            while (page := next_page.result()).ids:
                limit = max(1, min(PAGE_ROWS, PAGE_BYTES * len(page.ids) // page.bytes, 4 * len(page.ids)))
                next_page = reader.submit(_read, connection, run, page.last, limit)
                yield _outcomes(page.columns, self.file.pin_keys if open_pins else None)

    def groups(self, run: Run) -> Iterator[OutcomeGroup]:
        """Yield every row in groups that a summary does not distinguish."""
        return map(outcome_group_of, self.file.iterate(OUTCOME_GROUPS, run_id=run.id))


@contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Read everything in the block as of one time, whatever other processes write."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Page:
    """Some rows as SQLite returns them."""

    #: Row IDs, in order; empty after the last row.
    ids: list[int]
    #: The columns of `Outcomes`, each a JSON array.
    columns: dict[str, str]

    @property
    def last(self) -> tuple[int, int]:
        """Line and row ID after which the next page starts."""
        return int(_decode(self.columns["line"])[-1]), self.ids[-1]

    @property
    def bytes(self) -> int:
        """Approximate memory that the texts take."""
        return sum(map(len, self.columns.values()))


def _read(connection: sqlite3.Connection, run: Run, after: tuple[int, int], limit: int) -> _Page:
    """Read up to `limit` rows after a line and a row ID, fewer if a text would be too long for SQLite."""
    values = {"run_id": run.id, "after_line": after[0], "after_id": after[1]}
    while True:
        try:
            columns = dict(connection.execute(OUTCOMES, {**values, "limit": limit}).fetchone())
        except sqlite3.DataError:
            if limit == 1:
                raise
            limit //= 2
        else:
            return _Page(ids=_decode(columns.pop("id")), columns=columns)


def _outcomes(texts: dict[str, str], keys: PinKeys | None) -> Outcomes:
    """Convert the texts to columns, and decrypt secrets if keys are given."""
    columns: dict[str, Sequence[Any]] = {name: _decode(text) for name, text in texts.items() if name != "cells"}
    try:
        columns["cells"] = _decode_cells(texts["cells"])
    except msgspec.DecodeError:  # half a surrogate pair, which only the standard library accepts
        columns["cells"] = json.loads(texts["cells"])
    columns["problems"] = [decode_problems(values) if values else () for values in columns["problems"]]
    columns["in_list"] = [value == 1 for value in columns["in_list"]]
    for name in _AMOUNTS:
        columns[name] = [*map(_plain, columns[name])]
    for name in SECRET_FIELDS:
        if any(columns[name]):
            columns[name] = [
                _secret(text, external_id, name, keys)
                for text, external_id in zip(columns[name], columns["external_id"], strict=True)
            ]
    return Outcomes(**columns)


def _secret(text: str | None, external_id: str, name: str, keys: PinKeys | None) -> str | None:
    if keys is None:
        return None if text is None or is_empty(text) else text
    return keys.decrypt_or_explain(text, external_id, name)


@lru_cache(maxsize=10_000)
def _plain(amount: str | None) -> str | None:
    return None if amount is None else format_plain(Decimal(amount))
