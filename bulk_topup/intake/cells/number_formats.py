"""Number formats of a workbook's cells: what a person sees of a value, where that is beyond doubt; pure.

Formats are in the language of ECMA-376, part 1, section 18.8.31. A value that is shown otherwise than it can be read
becomes the text of the formula that would show it, such as `=TEXT(0.5,"# ?/?")`: every field refuses it, also when it
comes back in a report.
"""

import re
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Final

from bulk_topup.domain.money import format_plain
from bulk_topup.intake.cells.spreadsheet_artefacts import EXACT_DIGITS, Value, cell_text

#: Formats that show every value as it is.
PLAIN_CODES: Final = frozenset({"General", "GENERAL", "@", ""})
#: Longest format that is read; spreadsheet programs allow 255 characters.
_MAX_CODE: Final = 400
#: Most formats that are cached.
_CACHED: Final = 1_024

#: A text in quotes, an escaped character, a width, a filling, brackets, `General`, or any single character.
_TOKEN: Final = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]|General|.', re.IGNORECASE | re.DOTALL)
_DATE_CODE: Final = re.compile(r"[ymdhs]|[aA]/[pP]|AM/PM", re.IGNORECASE)
_TIME_CODE: Final = re.compile(r"[hs]", re.IGNORECASE)
_ELAPSED: Final = re.compile(r"\[[hms]+\]", re.IGNORECASE)
_CURRENCY: Final = re.compile(r"\[\$([^\]-]+)(?:-[^\]]*)?\]")
#: Colours, and languages without a currency.
_UNSEEN_BRACKETS: Final = re.compile(
    r"\[(?:\$-[^\]]*|black|blue|cyan|green|magenta|red|white|yellow|color ?\d+)\]", re.IGNORECASE
)
_SCIENTIFIC: Final = re.compile(r"[#0?.]+E[+-]0+")
_PLACES: Final = frozenset("#0?@")
_ZERO_PLACES: Final = frozenset({"0", "@", "General", "GENERAL"})
_DIGITS: Final = re.compile(r"[#0?,.]+")
#: Digits and grouping as nearly every amount has them; without zeros in front, and without a comma after the digits.
_AMOUNT: Final = re.compile(r"(?:[#?]+,(?=[#?0]))*[#?]*0?(?:\.([0#?]+))?")
_ZEROS: Final = re.compile(r"(0+)(?:\.(0+))?")
#: Characters that are shown as they are without quotes.
_SHOWN: Final = frozenset("$-+/():!^&'~{}<>= \u00a0\u202f")


def unreadable(value: Value, code: str) -> str:
    """Return the text of a value that is shown otherwise than it can be read."""
    shown = f'"{value}"' if isinstance(value, str) else cell_text(value)
    return f'=TEXT({shown},"{code}")'


class NumberFormat:
    """A number format, and what a person sees of a value in it.

    Args:
        code: the format, such as `0000000000`, `"INV-"00000` or `0%`.
        decimal_mark: the mark before the decimals of a number.
    """

    def __init__(self, code: str, decimal_mark: str) -> None:
        self._code = code
        self._sections = _sections(code)
        numbers = [_NumberSection(section, decimal_mark) for section in self._sections or ()]
        #: Sections of numbers more than zero, and of zero.
        self._positive = numbers[0] if numbers else None
        self._zero = numbers[2] if len(numbers) > 2 else self._positive
        #: Most decimals with which a number more than zero is shown as its value is; None if it never is.
        self.decimals = None if self._positive is None else self._positive.plain_decimals

    def shown(self, value: Value) -> str:
        """Return a value as a person sees it, or a text that every field refuses where that is not certain."""
        text = self._shown(value)
        return unreadable(value, self._code) if text is None else text

    def _shown(self, value: Value) -> str | None:
        if self._sections is None:
            return None
        if isinstance(value, bool):
            return cell_text(value)
        if isinstance(value, str):
            return _shown_text(value, self._sections)
        if isinstance(value, date | time | timedelta):
            return _shown_date(value, self._sections[0])
        if value < 0 and len(self._sections) > 1:
            return None  # accounts show it in parentheses, or without its sign
        section = self._zero if value == 0 else self._positive
        return None if section is None else section.shown(value)


@lru_cache(maxsize=_CACHED)
def format_of(code: str, decimal_mark: str = ".") -> NumberFormat:
    """Return the format with a code."""
    return NumberFormat(code, decimal_mark)


def _sections(code: str) -> list[list[str]] | None:
    """Return the pieces of each section of a format, without colours and spaces; None if it has conditions."""
    if len(code) > _MAX_CODE:
        return None
    sections: list[list[str]] = [[]]
    for piece in _TOKEN.findall(code):
        if piece == ";":
            sections.append([])
        elif piece[0] == "_":
            sections[-1].append('" "')
        elif piece[0] == "*" or _UNSEEN_BRACKETS.fullmatch(piece):
            continue
        elif piece[0] == "[" and not _CURRENCY.fullmatch(piece) and not _ELAPSED.fullmatch(piece):
            return None
        else:
            sections[-1].append(piece)
    return sections


def _shown_text(value: str, sections: list[list[str]]) -> str | None:
    # Only the fourth section, or one with the place of the text, says anything about texts.
    section = sections[3] if len(sections) > 3 else sections[-1]
    if len(sections) <= 3 and "@" not in section:
        return value
    literal = _literals([piece for piece in section if piece != "@"])
    if literal is None or "@" not in section:
        return None
    return "".join(value if piece == "@" else _literal(piece) or "" for piece in section) if literal.strip() else value


def _shown_date(value: date | time | timedelta, section: list[str]) -> str | None:
    codes = "".join(piece for piece in section if _DATE_CODE.fullmatch(piece) or _ELAPSED.fullmatch(piece))
    if not codes:
        return None
    if isinstance(value, datetime) and not _TIME_CODE.search(codes):
        return value.date().isoformat()
    return cell_text(value)


class _NumberSection:
    """How a section of a format shows numbers."""

    def __init__(self, section: list[str], decimal_mark: str) -> None:
        self._decimal_mark = decimal_mark
        places = [index for index, piece in enumerate(section) if piece in _PLACES or piece.lower() == "general"]
        first, last = (places[0], places[-1] + 1) if places else (0, 0)
        before, after = _literals(section[:first]), _literals(section[last:])
        self._has_zero = any(piece in _ZERO_PLACES for piece in section)
        #: Accounts show a dash for zero.
        self._is_dash = "-" in (_literals([piece for piece in section if piece not in _PLACES]) or "")
        self._is_known = bool(places) and before is not None and after is not None and not _is_date(section)
        self._before, self._after = before or "", after or ""
        # One in quotes is a text, which multiplies nothing.
        self._percents = section.count("%")
        self._middle = section[first:last]
        self._digits = "".join(self._middle)
        self._is_scientific = _SCIENTIFIC.fullmatch("".join(section).strip('" ')) is not None
        amount = _AMOUNT.fullmatch(self._digits)
        is_plain = self._is_known and amount is not None and not (self._before + self._after).strip()
        #: Most decimals with which a number is shown as its value is; None if it never is.
        self.plain_decimals = len(amount[1] or "") if is_plain and amount is not None and self._digits else None

    def shown(self, value: float) -> str | None:
        """Return a number as a person sees it; None if that is not certain."""
        if value == 0 and not self._has_zero:
            return "0" if self._is_dash else None
        exact = _exact(value)
        if exact is not None and self._is_scientific and exact == exact.to_integral_value():
            return format_plain(exact)  # programs shorten long numbers so by themselves
        if exact is None or not self._is_known:
            return None
        exact *= 100**self._percents
        if self.plain_decimals is not None:
            number = _rounded(exact, self.plain_decimals)
        elif self._digits == "@" or self._digits.lower() == "general":
            number = format_plain(exact)
        elif not _DIGITS.fullmatch(self._digits):
            number = _in_groups(exact, self._middle)
        else:
            number = _in_places(exact, self._digits)
        if number is None:
            return None
        return f"{self._before}{number.replace('.', self._decimal_mark)}{self._after}".strip()


def _is_date(section: list[str]) -> bool:
    return any(_DATE_CODE.fullmatch(piece) or _ELAPSED.fullmatch(piece) for piece in section)


def _in_places(exact: Decimal, places: str) -> str | None:
    """Return a number with its zeros in front; None where a person sees another one."""
    if (zeros := _ZEROS.fullmatch(places)) is None:
        amount = _AMOUNT.fullmatch(places)
        return None if amount is None else _rounded(exact, len(amount[1] or ""))
    number = _rounded(exact, len(zeros[2] or ""))
    if number is None or exact < 0:
        return None
    whole, _, decimals = number.partition(".")
    return whole.zfill(len(zeros[1])) + (f".{decimals.ljust(len(zeros[2]), '0')}" if zeros[2] else "")


def _in_groups(exact: Decimal, section: list[str]) -> str | None:
    """Return a whole number in a format with texts between its digits, such as `000-00-0000`; None if it is another."""
    texts = [None if piece in {"0", "#"} else _literal(piece) for piece in section]
    is_known = all(text is not None or piece in {"0", "#"} for piece, text in zip(section, texts, strict=True))
    if exact < 0 or exact != exact.to_integral_value() or not is_known:
        return None
    digits, count = f"{exact:f}".lstrip("0"), texts.count(None)
    if len(digits) < count and "#" in section:
        return None  # a place without a digit, and a text beside it
    digits = digits.zfill(count)
    rest = iter(digits[len(digits) - count :])
    return digits[: len(digits) - count] + "".join(next(rest) if text is None else text for text in texts)


def _rounded(exact: Decimal, decimals: int) -> str | None:
    """Return a number as it is, or None if a person sees another one, with fewer decimals."""
    shown = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return format_plain(exact) if shown == exact else None


def _exact(value: float) -> Decimal | None:
    """Return a number without the noise of its computation; None if it may have lost digits."""
    if abs(value) >= 10**EXACT_DIGITS:
        return None
    # Spreadsheet programs show 15 digits: 0.1 + 0.2 is 0.3 to them.
    return Decimal(f"{value:.{EXACT_DIGITS}g}")


def _literals(pieces: list[str]) -> str | None:
    texts = [_literal(piece) for piece in pieces]
    return None if None in texts else "".join(text or "" for text in texts)


def _literal(piece: str) -> str | None:
    """Return the text that a piece shows; None for one that stands for something else."""
    if piece[0] == '"':
        return piece[1:-1]
    if piece[0] == "\\":
        return piece[1:]
    if (currency := _CURRENCY.fullmatch(piece)) is not None:
        return currency[1]
    return piece if piece == "%" or piece in _SHOWN or ord(piece[0]) > 0x9F else None
