"""Keys of the credited parties of a batch as expressions, equal to those that `sameness` creates one by one; pure."""

from collections.abc import Callable, Collection, Sequence
from typing import Final

import polars as pl

from bulk_topup.domain import fields, sameness
from bulk_topup.domain.sameness import ACCOUNT, NEAR_END, REFERENCE, SEPARATOR
from bulk_topup.plan.json_expressions import joined

_EMPTY: Final = pl.lit("")


def party_key(present: Collection[str]) -> pl.Expr:
    """Return the key of the credited party, or else of the row's reference; null for a row with neither.

    Args:
        present: fields for which the frame has a column.
    """
    mobile, account, qualifier, bill, reference = (
        pl.col(name).fill_null("") if name in present else _EMPTY
        for name in (
            fields.CREDIT_MOBILE,
            fields.CREDIT_ACCOUNT,
            fields.CREDIT_QUALIFIER,
            fields.BILL_REFERENCE,
            fields.REFERENCE,
        )
    )
    key = pl.lit(None, dtype=pl.String)
    if fields.REFERENCE in present:
        # An expression is computed for every row, whichever of them takes its result: the others lend it no text.
        alone = pl.when((mobile == "") & (account == "")).then(reference).otherwise(_EMPTY)
        key = pl.when(alone != "").then(_reference_key(alone)).otherwise(key)
    if fields.CREDIT_MOBILE in present:
        key = pl.when(mobile != "").then(_mobile_key(mobile)).otherwise(key)
    if fields.CREDIT_ACCOUNT in present:
        key = pl.when(account != "").then(_account_key(account, qualifier, bill)).otherwise(key)
    return key


def modern_mobile_number(number: pl.Expr) -> pl.Expr:
    """Return an E.164 number in its one modern form."""
    modern = _replace_after("+55", number, sameness.BRAZIL_BEFORE, sameness.BRAZIL_NOW)
    return _replace_after("+521", modern, sameness.MEXICO_BEFORE, sameness.MEXICO_NOW)


def folded(text: pl.Expr) -> pl.Expr:
    """Return a text by which equal account numbers are the same."""
    return _map_odd(text, text.str.replace_all(" ", "", literal=True), sameness.folded)


def without_case(text: pl.Expr) -> pl.Expr:
    """Return a text by which equal references and account qualifiers are the same."""
    return _map_odd(text, text.str.replace_all(" ", "", literal=True).str.to_lowercase(), sameness.folded_without_case)


def _mobile_key(number: pl.Expr) -> pl.Expr:
    modern = modern_mobile_number(number)
    return _replace_after("+549", modern, sameness.ARGENTINA_MOBILE, f"+54${{1}}{NEAR_END}9")


def _account_key(number: pl.Expr, qualifier: pl.Expr, bill: pl.Expr) -> pl.Expr:
    number, qualifier, bill = folded(number), without_case(qualifier), without_case(bill)
    return _key(ACCOUNT, (_near(number), _near(qualifier)), (number, qualifier, bill))


def _reference_key(reference: pl.Expr) -> pl.Expr:
    reference = without_case(reference)
    return _key(REFERENCE, (_near_reference(reference),), (reference,))


def _key(prefix: str, near_texts: tuple[pl.Expr, ...], texts: tuple[pl.Expr, ...]) -> pl.Expr:
    near, rest = (
        pl.concat_str(parts, separator=SEPARATOR).str.strip_chars_end(SEPARATOR) for parts in (near_texts, texts)
    )
    return joined(prefix, near) + pl.when(near != rest).then(joined(NEAR_END, rest)).otherwise(_EMPTY)


def _near(folded: pl.Expr) -> pl.Expr:
    return _map_odd(folded, _near_of_plain(folded), sameness.near)


def _near_reference(folded: pl.Expr) -> pl.Expr:
    plain = _near_of_plain(folded).str.replace_all(sameness.INNER_ZEROS, sameness.WITHOUT_ZEROS)
    return _map_odd(folded, plain, sameness.near_reference)


def _near_of_plain(folded: pl.Expr) -> pl.Expr:
    return folded.str.to_lowercase().str.replace_all("[^0-9a-z]", "").str.strip_chars_start("0")


def _replace_after(prefix: str, number: pl.Expr, pattern: str, replacement: str) -> pl.Expr:
    """Return numbers with a pattern replaced that only those with a prefix have, of which most lists have none."""

    def replace(numbers: pl.Series) -> pl.Series:
        return numbers.str.replace(pattern, replacement) if numbers.str.starts_with(prefix).any() else numbers

    return number.map_batches(replace, return_dtype=pl.String)


def _map_odd(text: pl.Expr, plain: pl.Expr, function: Callable[[str], str]) -> pl.Expr:
    """Return the results for printable ASCII texts, which nearly all are, and a function's for each other text."""

    def convert(columns: Sequence[pl.Series]) -> pl.Series:
        texts, results = columns
        is_odd = ~texts.str.contains(sameness.PLAIN)
        if not is_odd.any():
            return results
        odd = texts.filter(is_odd)
        return results.scatter(is_odd.arg_true(), pl.Series([function(each) for each in odd], dtype=pl.String))

    return pl.map_batches([text, plain], convert, return_dtype=pl.String)
