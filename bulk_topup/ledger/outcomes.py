"""Reads what became of a run's rows, many at once: SQLite gives columns as JSON, in a thread beside who uses them.

A row at a time, Python's sqlite3 takes four times as long to hand the values over as SQLite to find them.
"""

import json
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec

from bulk_topup.domain.money import format_plain
from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.problems import decode_problems
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.ledger import statements as sql
from bulk_topup.ledger.connection import translate_errors
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.pin_keys import PinKeys, is_nothing

#: Rows of the first page, and of any; between them a page takes as many as fit into `PAGE_BYTES`, as the last one was.
FIRST_ROWS: Final = 64
PAGE_ROWS: Final = 5_000
PAGE_BYTES: Final = 5_000_000

_decode = msgspec.json.Decoder().decode
_decode_cells = msgspec.json.Decoder(list[list[str]]).decode
#: Columns that are not texts as they stand.
_AMOUNTS: Final = ("amount", "price", "fee")
_PINS: Final = ("pin_code", "pin_serial")


class OutcomesOfRun(LedgerFile):
    """What is read of a run as a whole."""

    def outcomes(self, run: Run) -> Iterator[Outcome]:
        """Give every row of the list, and every row that was ever sent, in list order, one at a time."""
        for page in self.outcome_pages(run, open_pins=True):
            yield from page.rows()

    def outcome_pages(self, run: Run, *, open_pins: bool) -> Generator[Outcomes, None, None]:
        """Give every row of the list, and every row that was ever sent, in list order, as they stand at the beginning.

        The pages are read in a thread of their own, so nothing else may use the ledger until they are closed.

        Args:
            run: the run.
            open_pins: decrypt PINs; one that cannot be says so in its place.
        """
        with (
            translate_errors(self.path),
            _as_it_stands(self._connection),
            ThreadPoolExecutor(1, "ledger-reader") as reader,
        ):
            wanted, after = FIRST_ROWS, (-1, -1)
            coming = reader.submit(_read, self._connection, run, after, wanted)
            while (page := coming.result()).ids:
                wanted = max(1, min(PAGE_ROWS, PAGE_BYTES * len(page.ids) // page.bytes, 4 * len(page.ids)))
                coming = reader.submit(_read, self._connection, run, page.last, wanted)
                yield _outcomes(page.columns, self._pin_keys if open_pins else None)


@contextmanager
def _as_it_stands(connection: sqlite3.Connection) -> Iterator[None]:
    """Let all that is read in the block be of one moment, whatever other processes write."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Page:
    """Some rows as SQLite gives them."""

    #: Of the rows, in order; empty after the last one.
    ids: list[int]
    #: The columns of `Outcomes`, each a JSON array.
    columns: dict[str, str]

    @property
    def last(self) -> tuple[int, int]:
        """Line and id after which the next page begins."""
        return int(_decode(self.columns["line"])[-1]), self.ids[-1]

    @property
    def bytes(self) -> int:
        """About how much memory the texts take."""
        return sum(map(len, self.columns.values()))


def _read(connection: sqlite3.Connection, run: Run, after: tuple[int, int], wanted: int) -> _Page:
    """Read the next rows after a line and an id, fewer than wanted where one text could not hold them."""
    values = {"run_id": run.id, "after_line": after[0], "after_id": after[1]}
    while True:
        try:
            columns = dict(connection.execute(sql.OUTCOMES, {**values, "limit": wanted}).fetchone())
        except sqlite3.DataError:
            if wanted == 1:
                raise
            wanted //= 2
        else:
            return _Page(ids=_decode(columns.pop("id")), columns=columns)


def _outcomes(texts: dict[str, str], keys: PinKeys | None) -> Outcomes:
    """Make columns of their texts; PINs are decrypted where there are keys."""
    columns: dict[str, Sequence[Any]] = {name: _decode(text) for name, text in texts.items() if name != "cells"}
    try:
        columns["cells"] = _decode_cells(texts["cells"])
    except msgspec.DecodeError:  # half a surrogate pair, which only the standard library takes
        columns["cells"] = json.loads(texts["cells"])
    columns["problems"] = [decode_problems(values) if values else () for values in columns["problems"]]
    columns["in_list"] = [*map(bool, columns["in_list"])]
    for name in _AMOUNTS:
        columns[name] = [*map(_plain, columns[name])]
    for name in _PINS:
        if any(columns[name]):
            columns[name] = [
                _pin(pin, external_id, name, keys)
                for pin, external_id in zip(columns[name], columns["external_id"], strict=True)
            ]
    return Outcomes(**columns)


def _pin(pin: str | None, external_id: str, name: str, keys: PinKeys | None) -> str | None:
    if keys is None:
        return None if pin is None or is_nothing(pin) else pin
    return keys.open(pin, external_id, name)


@lru_cache(maxsize=10_000)
def _plain(amount: str | None) -> str | None:
    return None if amount is None else format_plain(Decimal(amount))
