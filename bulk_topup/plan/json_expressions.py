"""JSON text as polars expressions, byte for byte as `dvs.codec` and the standard library write it; pure."""

from collections.abc import Iterable, Mapping
from typing import Final

import polars as pl

from bulk_topup.domain.problem_kinds import ProblemKind
from bulk_topup.domain.problems import Problem, encode_problems
from bulk_topup.dvs import codec

#: Characters that JSON escapes in texts, and their escapes.
_ESCAPES: Final = {
    character: codec.encode(character).decode()[1:-1] for character in ('"', "\\", *map(chr, range(0x20)))
}


def escaped(text: pl.Expr) -> pl.Expr:
    """Return a text as it is between the quotes of a JSON string."""
    return text.str.replace_many(list(_ESCAPES), list(_ESCAPES.values()))


def joined(*parts: str | pl.Expr) -> pl.Expr:
    """Return texts and expressions as one text; null where one of them is null."""
    return pl.concat_str(pl.lit(part) if isinstance(part, str) else part for part in parts)


def members(values: Mapping[str, pl.Expr]) -> pl.Expr:
    """Return the members of a JSON object without those whose value is null; empty when all are."""
    return pl.concat_str(
        [joined(f'"{name}":"', escaped(value), '"') for name, value in values.items()],
        separator=",",
        ignore_nulls=True,
    )


def problem_entry(column: pl.Expr, message: pl.Expr, kind: pl.Expr, instead: pl.Expr) -> pl.Expr:
    """Return one problem as an entry of the text that `encode_problems` writes, byte for byte.

    Args:
        column: the list's column.
        message: whole sentences; the entry is null where it is null.
        kind: a value of `ProblemKind`; null for `OTHER`.
        instead: what to write into the cell; null for nothing that is certain.
    """
    kind = pl.when(kind != ProblemKind.OTHER.value).then(kind)
    suggestion = joined('"', escaped(instead), '"')
    more = pl.concat_str(
        pl.when(kind.is_not_null() | instead.is_not_null()).then(
            joined(', null, "', kind.fill_null(ProblemKind.OTHER.value), '"')
        ),
        pl.when(instead.is_not_null()).then(joined(", ", suggestion)),
        ignore_nulls=True,
    )
    return joined('["', escaped(column), '", "', escaped(message), '"', more, "]")


def problem_entries(problems: Iterable[Problem]) -> str | None:
    """Return the entries of that text without its brackets, to be joined with others; None without problems."""
    return encode_problems(problems)[1:-1] or None
