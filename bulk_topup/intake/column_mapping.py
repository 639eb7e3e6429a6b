"""Maps the columns of a list to fields, as given or by well-known names, and proposes columns that are likely; pure."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise
from typing import Final

from bulk_topup.domain import fields
from bulk_topup.domain.column_use import map_option
from bulk_topup.domain.run import READING_VERSION
from bulk_topup.errors import MappingError
from bulk_topup.intake.cells.texts import quoted, strip
from bulk_topup.intake.column_names import (
    EARLIER_FIELDS_BY_KEY,
    FIELDS_BY_KEY,
    POSSIBLE_NAMES,
    column_key,
    earlier_column_key,
    names_of,
    words_of,
)

#: Most columns that an error lists.
LISTED_COLUMNS: Final = 40
#: Fewest letters of a name that may be another with a typing error.
_NEAR_LENGTH: Final = 7


def map_columns(
    columns: Sequence[str], mapping: Mapping[str, str], constants: Collection[str], version: int = READING_VERSION
) -> dict[str, int]:
    """Return the column of each field that the list has.

    Args:
        columns: the list's columns in order, without spaces around them.
        mapping: the given column for a field.
        constants: the fields with the same value in every row, which need no column.
        version: which names are known, see `READING_VERSION`.

    Returns:
        The column index for each mapped field.

    Raises:
        MappingError: a field or a column does not exist, or several columns match.
    """
    for field in (*mapping, *constants):
        _check_field(field)
    for field in constants:
        if field in mapping:
            raise MappingError(f'Field {field} has both a column, "{mapping[field]}", and a constant. Remove one.')
    given = {field: _column_index(columns, field, column) for field, column in mapping.items()}
    found = dict(given)
    for field, indexes in _recognise(columns, set(given.values()), version).items():
        if field in given or field in constants:
            continue
        if len(indexes) > 1:
            raise MappingError(_explain_ambiguity(field, [columns[index] for index in indexes]))
        found[field] = indexes[0]
    if not found:
        options = " ".join(map_option(*each) for each in propose_columns(columns, (), constants).items())
        fix = f"These columns are likely, if they are what they are called: {options}" if options else ""
        raise MappingError(
            f"No column maps to a field. Columns: {_format_columns(columns)}. "
            "If they are not the column names, give the row that has them with --header-row N. "
            f"{fix or 'Map columns with --map FIELD=COLUMN.'}"
        )
    return {field: found[field] for field in fields.FIELDS if field in found}


def _check_field(field: str) -> None:
    if field in fields.FIELDS:
        return
    close = FIELDS_BY_KEY.get(column_key(field)) or next(
        iter(get_close_matches(field, fields.FIELDS, n=1, cutoff=0.5)), None
    )
    if close is None and (near := get_close_matches(column_key(field), FIELDS_BY_KEY, n=1)):
        close = FIELDS_BY_KEY[near[0]]
    hint = f"Did you mean {close}?" if close else f"Fields: {', '.join(fields.FIELDS)}."
    raise MappingError(f"There is no field {quoted(field)}. {hint}")


def _column_index(columns: Sequence[str], field: str, column: str) -> int:
    wanted = strip(column)
    counts = Counter(columns)
    if wanted and counts[wanted] == 1:
        return columns.index(wanted)
    matches = [index for index, name in enumerate(columns) if name.casefold() == wanted.casefold()]
    if not wanted or not matches:
        raise MappingError(f'The list has no column "{wanted}" for field {field}. Columns: {_format_columns(columns)}.')
    if len(matches) > 1:
        raise MappingError(_explain_equal_names(field, [wanted] * len(matches)))
    return matches[0]


def propose_columns(columns: Sequence[str], used: Collection[int], present: Collection[str]) -> dict[str, str]:
    """Return the likely column of fields without which hardly any list is paid, where the list has a likely one.

    Args:
        columns: the list's columns in order.
        used: the indexes of those that are mapped.
        present: the fields that need none.
    """
    free = [column for index, column in enumerate(columns) if column and index not in used]
    free = [column for column in free if columns.count(column) == 1]
    wanted = [field for field in (fields.CREDIT_MOBILE, fields.AMOUNT) if field not in present]
    if fields.CREDIT_ACCOUNT in present:
        wanted = [field for field in wanted if field != fields.CREDIT_MOBILE]
    proposed: dict[str, str] = {}
    for field in wanted:
        likely = [column for column in free if column not in proposed.values()]
        found = next((column for is_likely in _LIKELY for column in likely if is_likely(field, column)), None)
        if found is not None:
            proposed[field] = found
    return proposed


def _has_name_as_word(field: str, column: str) -> bool:
    words = words_of(column)
    pairs = [*words, *map("".join, pairwise(words))]
    return any(FIELDS_BY_KEY.get(word) == field for word in pairs)


def _is_possible(field: str, column: str) -> bool:
    return column_key(column) in map(column_key, POSSIBLE_NAMES[field])


def _is_nearly_name(field: str, column: str) -> bool:
    key = column_key(column)
    return len(key) >= _NEAR_LENGTH and bool(
        get_close_matches(key, list(map(column_key, names_of(field))), n=1, cutoff=0.85)
    )


def _has_possible_word(field: str, column: str) -> bool:
    possible = set(map(column_key, POSSIBLE_NAMES[field]))
    return any(word in possible for word in words_of(column))


#: What makes a column likely to be a field, the strongest first.
_LIKELY: Final = (_has_name_as_word, _is_possible, _is_nearly_name, _has_possible_word)


def _recognise(columns: Sequence[str], used: Collection[int], version: int) -> dict[str, list[int]]:
    """Return the fields that column names match, each with the indexes of those columns.

    A column that is given for one field is not used for another.
    """
    indexes: dict[str, list[int]] = {}
    for index, column in enumerate(columns):
        field = _field_of(column, version)
        if field is not None and index not in used:
            indexes.setdefault(field, []).append(index)
    return indexes


def known_fields(columns: Sequence[str], mapping: Mapping[str, str]) -> set[str]:
    """Return the fields that a row of cells names, as a header does.

    Args:
        columns: the cells, without spaces around them.
        mapping: the given column for a field.
    """
    given = {strip(column).casefold(): field for field, column in mapping.items()}
    found = (given.get(column.casefold()) or _field_of(column, READING_VERSION) for column in columns if column)
    return {field for field in found if field is not None}


def _field_of(column: str, version: int) -> str | None:
    """Return the field that a column's name means in a reading version."""
    if version > 2:
        return FIELDS_BY_KEY.get(column_key(column))
    field = EARLIER_FIELDS_BY_KEY.get(earlier_column_key(column))
    return None if version == 1 and field == fields.COUNTRY else field


def _explain_ambiguity(field: str, names: Sequence[str]) -> str:
    if len(set(names)) < len(names):
        return _explain_equal_names(field, names)
    options = " or ".join(map_option(field, name) for name in names)
    return f"Columns {_format_columns(names)} could each be {field}. Choose one: {options}."


def _explain_equal_names(field: str, names: Sequence[str]) -> str:
    return f"The list has {len(names)} columns {quoted(names[0])}, and field {field} needs one. Rename the others."


def _format_columns(columns: Sequence[str]) -> str:
    names = [quoted(column) for column in columns if column]
    rest = f" and {len(names) - LISTED_COLUMNS} more" if len(names) > LISTED_COLUMNS else ""
    return ", ".join(names[:LISTED_COLUMNS]) + rest
