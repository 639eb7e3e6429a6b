"""Maps the columns of a list to fields, as given or by well-known names; the place to add a column alias; pure."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from bulk_topup.domain import fields
from bulk_topup.errors import MappingError
from bulk_topup.intake.cells.texts import quoted, strip

#: Most columns that an error lists.
LISTED_COLUMNS: Final = 40

_PERSON_NAMES: Final = {
    "last_name": ("last name", "surname", "family name"),
    "first_name": ("first name", "given name"),
    "middle_name": ("middle name",),
    "nationality_country_iso_code": ("nationality country iso code", "nationality"),
    "mobile_number": ("mobile number", "mobile", "phone number", "phone", "msisdn"),
    "email": ("email", "e mail"),
    "address_text": ("address text", "address"),
    "address_city": ("address city", "city"),
    "address_country_iso_code": ("address country iso code", "address country"),
    "address_postal_code": ("address postal code", "postal code"),
}

#: Column names that need no mapping, in addition to the fields' own. A person's name needs the name of its group:
#: without it, a list does not say whether it is the sender's or the beneficiary's, or whether it may be sent at all.
_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    fields.REFERENCE: ("employee id", "id", "ref", "external reference"),
    fields.PRODUCT_ID: ("product",),
    fields.AMOUNT: ("value",),
    fields.CURRENCY: ("unit",),
    fields.CREDIT_MOBILE: ("phone", "phone number", "mobile", "mobile number", "mobile phone", "msisdn", "cell"),
    fields.CREDIT_ACCOUNT: ("account", "account number", "meter number", "customer number"),
    fields.CREDIT_QUALIFIER: ("account qualifier",),
    "statement_identifier.reference": ("bill reference", "statement reference", "invoice"),
    "statement_identifier.due_date": ("due date",),
    "additional_identifier.purchaser_id": ("purchaser id",),
    **{
        f"{group}.{field}": tuple(f"{group} {name}" for name in names)
        for group in ("sender", "beneficiary")
        for field, names in _PERSON_NAMES.items()
    },
}


def column_key(name: str) -> str:
    """Return the name in a form without case, in which spaces, dashes and underscores are equal."""
    return re.sub(r"[\s_\-]+", " ", name.casefold()).strip()


_FIELDS_BY_KEY: Final = {
    column_key(name): field for field in fields.FIELDS for name in (field, *_ALIASES.get(field, ()))
}


def map_columns(
    columns: Sequence[str], mapping: Mapping[str, str], constants: Collection[str], unrecognised: Collection[str] = ()
) -> dict[str, int]:
    """Return the column of each field that the list has.

    Args:
        columns: the list's columns in order, without spaces around them.
        mapping: the given column for a field.
        constants: the fields with the same value in every row, which need no column.
        unrecognised: fields that need a given column.

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
    for field, indexes in _recognise(columns, set(given.values())).items():
        if field in given or field in constants or field in unrecognised:
            continue
        if len(indexes) > 1:
            raise MappingError(_explain_ambiguity(field, [columns[index] for index in indexes]))
        found[field] = indexes[0]
    if not found:
        raise MappingError(
            f"No column maps to a field. Columns: {_format_columns(columns)}. "
            "The first row must contain column names. Map columns with --map FIELD=COLUMN."
        )
    return {field: found[field] for field in fields.FIELDS if field in found}


def _check_field(field: str) -> None:
    if field in fields.FIELDS:
        return
    close = _FIELDS_BY_KEY.get(column_key(field)) or next(
        iter(get_close_matches(field, fields.FIELDS, n=1, cutoff=0.5)), None
    )
    if close is None and (near := get_close_matches(column_key(field), _FIELDS_BY_KEY, n=1)):
        close = _FIELDS_BY_KEY[near[0]]
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


def _recognise(columns: Sequence[str], used: Collection[int]) -> dict[str, list[int]]:
    """Return the fields that column names match, each with the indexes of those columns.

    A column that is given for one field is not used for another.
    """
    indexes: dict[str, list[int]] = {}
    for index, column in enumerate(columns):
        field = _FIELDS_BY_KEY.get(column_key(column))
        if field is not None and index not in used:
            indexes.setdefault(field, []).append(index)
    return indexes


def _explain_ambiguity(field: str, names: Sequence[str]) -> str:
    if len(set(names)) < len(names):
        return _explain_equal_names(field, names)
    return f"Columns {_format_columns(names)} could each be {field}. Choose one with --map {field}=COLUMN."


def _explain_equal_names(field: str, names: Sequence[str]) -> str:
    return f"The list has {len(names)} columns {quoted(names[0])}, and field {field} needs one. Rename the others."


def _format_columns(columns: Sequence[str]) -> str:
    names = [quoted(column) for column in columns if column]
    rest = f" and {len(names) - LISTED_COLUMNS} more" if len(names) > LISTED_COLUMNS else ""
    return ", ".join(names[:LISTED_COLUMNS]) + rest
