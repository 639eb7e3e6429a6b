"""Rows below a list that are no part of it: its totals and its signatures, where that is beyond doubt; pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec
import polars as pl

from bulk_topup.domain import fields
from bulk_topup.domain.money import PRECISE, format_plain
from bulk_topup.domain.outside_rows import Outside
from bulk_topup.intake.cells.texts import BLANKS, quoted, strip

#: Amounts above a total that has no word for it: fewer add up by chance.
MIN_ADDENDS: Final = 3
#: Most rows that are left out as totals and signatures; others are rows to fix.
MAX_FOOTERS: Final = 100
#: What programs add up in binary differs from the exact sum by less than this share.
_BINARY_NOISE: Final = Decimal("1e-12")
#: Words with which the label of a total begins.
_TOTAL_WORDS: Final = (
    "grand total, sub total, subtotal, totals, total, sum, suma, soma, somme, montant total, summe, gesamt, "
    "gesamtsumme, gesamtbetrag, jumlah, المجموع, الإجمالي"
)
#: Words that may follow there; with any other, it may be the name of a person.
_MORE_WORDS: Final = "of, all, the, amount, amounts, payments, payouts, payable, paid, due, net, gross, general, geral"
_TOTAL: Final = re.compile(rf"(?:{_TOTAL_WORDS.replace(', ', '|')})(?!\w)", re.IGNORECASE)
_NO_NAME: Final = re.compile(rf"{_TOTAL.pattern}(?:\W+(?:{_MORE_WORDS.replace(', ', '|')})(?!\w))*\W*", re.IGNORECASE)
#: Texts with which a signature begins: who prepared the list or approved it, a place to sign, a page or an end.
_SIGNATURE: Final = re.compile(
    r"(?:prepared|approved|checked|verified|reviewed|authori[sz]ed|signed|received|certified|issued|printed|generated|"
    r"exported|created)\s+(?:by|on)(?!\w)"
    r"|(?:prepared|approved|checked|verified|reviewed|authori[sz]ed|signatures?|signed|date|"
    r"preparado por|elaborado por|aprobado por|revisado por|autorizado por|firma|aprovado por|assinatura|"
    r"préparé par|approuvé par|vérifié par|erstellt von|genehmigt von|geprüft von|unterschrift|"
    r"disiapkan oleh|dibuat oleh|disetujui oleh|diperiksa oleh|tanda tangan|التوقيع)\s*(?::|_{3,}|\.{3,}|$)"
    r"|(?:preparado|elaborado|aprobado|revisado|autorizado|aprovado)\s+por(?!\w)"
    r"|(?:préparé|approuvé|vérifié)\s+par(?!\w)|(?:erstellt|genehmigt|geprüft)\s+von(?!\w)"
    r"|(?:disiapkan|dibuat|disetujui|diperiksa)\s+oleh(?!\w)"
    r"|page\s+\d+|[_.\-*=\s]{3,}$|\W*end of (?:list|report|file)\W*$",
    re.IGNORECASE,
)

#: Fields that say who is credited.
_PARTY: Final = (fields.CREDIT_MOBILE, fields.CREDIT_ACCOUNT)


@dataclass(frozen=True, kw_only=True, slots=True)
class FooterColumns:
    """The columns of a list by which rows below it are recognised, by index; None for a field without one."""

    #: Those of fields, all of them.
    mapped: Mapping[str, int]
    #: Returns amounts in plain notation, null where a cell is empty or refused.
    amounts_of: Callable[[pl.Series], pl.Series]

    @property
    def party(self) -> list[int]:
        """The columns that say who is credited; without one, no row is known to be no part of the list."""
        return [self.mapped[field] for field in _PARTY if field in self.mapped]

    def lacks_party(self) -> pl.Expr:
        """Return whether a row says not at all who is credited."""
        return pl.all_horizontal(pl.col(str(index)).str.strip_chars(BLANKS) == "" for index in self.party)


@dataclass(kw_only=True, slots=True)
class Footers:
    """What is found below a list."""

    #: The rows that are left out, with their cells, by line.
    rows: dict[int, tuple[Outside, list[str]]] = field(default_factory=dict)
    #: Why rows that are called a total are refused, by line.
    problems: dict[int, str] = field(default_factory=dict)


def find_footers(frames: Iterable[pl.DataFrame], columns: FooterColumns) -> Footers:
    """Return the totals and signatures of a list.

    A total says not whom it credits, is the exact sum of the amounts above it, and is called so; without a name, it is
    the last row and has nothing but its amount. A signature is below all rows, has no value in any column that is used,
    and begins as one.

    Args:
        frames: the list as `frames_of_rows` returns it, with the columns that are mapped.
        columns: its columns.
    """
    search = _Search(columns)
    for frame in frames:
        search.add(frame)
    return search.result()


class _Search:
    def __init__(self, columns: FooterColumns) -> None:
        self._columns = columns
        self._sum = Decimal(0)
        self._addends = 0
        self._found = Footers()
        #: Rows that are left out if no row is below them.
        self._last: dict[int, tuple[Outside, list[str]]] = {}

    def add(self, frame: pl.DataFrame) -> None:
        """Search the next rows."""
        amounts = pl.Series([None], dtype=pl.String).new_from_index(0, frame.height)
        index = self._columns.mapped.get(fields.AMOUNT)
        if index is not None:
            amounts = self._columns.amounts_of(frame[str(index)])
        start = 0
        for place in frame.select(self._columns.lacks_party()).to_series().arg_true():
            self._add_rows(amounts[start:place])
            cells = msgspec.json.decode(frame["cells"][place], type=list[str])
            if self._is_footer(frame["line"][place], cells, amounts[place]):
                start = place + 1
            else:
                start = place
                self._last.clear()
        self._add_rows(amounts[start:])

    def result(self) -> Footers:
        """Return what is found once all rows are searched."""
        rows = self._found.rows | self._last
        if len(rows) > MAX_FOOTERS:
            rows = {line: rows[line] for line in sorted(rows)[:MAX_FOOTERS]}
        return Footers(rows=rows, problems=self._found.problems)

    def _add_rows(self, amounts: pl.Series) -> None:
        if len(amounts):
            # The row from which they start may be without a party; it counts in a sum all the same.
            self._last.clear()
        for amount, count in amounts.drop_nulls().value_counts().iter_rows():
            value = _number(amount)
            if value is not None:
                self._sum = PRECISE.fma(value, count, self._sum)
                self._addends += count

    def _is_footer(self, line: int, cells: list[str], amount: str | None) -> bool:
        texts = [strip(cell) for cell in cells]
        filled = [index for index, text in enumerate(texts) if text]
        fields_of = {index: name for name, index in self._columns.mapped.items()}
        money = {self._columns.mapped.get(name) for name in (fields.AMOUNT, fields.CURRENCY)}
        label = next((each for each in filled if each not in money), filled[0] if filled else -1)
        used = {fields_of[index] for index in filled if index in fields_of and index != label}
        if _SIGNATURE.match(texts[label]) and not used and fields_of.get(label) in {None, fields.REFERENCE}:
            self._last[line] = Outside.SIGNATURE, cells
            return True
        index = self._columns.mapped.get(fields.AMOUNT)
        if index is None or index not in filled:
            return False
        value = _number(amount if amount is not None else texts[index])
        if label != index and _TOTAL.match(texts[label]) and used <= {fields.AMOUNT, fields.CURRENCY}:
            if fields_of.get(label) not in {None, fields.REFERENCE}:
                return False
            if self._is_sum(value, 1):
                if _NO_NAME.fullmatch(texts[label]):
                    self._found.rows[line] = Outside.TOTAL, cells
                    return True
                self._found.problems[line] = (
                    f"{quoted(texts[label])} may be a person or a total: the row credits nobody, and is the sum of the "
                    "amounts above. Fill in whom it credits, or remove the row."
                )
                return False
            self._found.problems[line] = (
                f"The row is called {quoted(texts[label])}, but {quoted(texts[index])} is not the sum of the amounts "
                f"above, {format_plain(self._sum)}. Correct the amounts, or remove the row."
            )
            return False
        only_amount = {fields_of.get(each) for each in filled} <= {fields.AMOUNT, fields.CURRENCY}
        if only_amount and self._is_sum(value, MIN_ADDENDS):
            self._last[line] = Outside.TOTAL, cells
            return True
        return False

    def _is_sum(self, value: Decimal | None, min_addends: int) -> bool:
        if value is None or self._addends < min_addends or self._sum <= 0:
            return False
        return abs(value - self._sum) <= self._sum * _BINARY_NOISE


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
