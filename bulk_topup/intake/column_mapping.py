"""Which column of a list holds which field: as it is stated, or by names that explain themselves; pure."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from bulk_topup.domain import fields
from bulk_topup.errors import MappingError
from bulk_topup.intake.cells.texts import quoted, strip

#: Columns that an error lists by name.
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

#: Names that need no mapping beside the fields' own. A person's name without the group's name before it is not among
#: them: whether it is the sender's or the beneficiary's, and whether it may be sent at all, the list does not say.
_NAMES: Final[dict[str, tuple[str, ...]]] = {
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


def _key(name: str) -> str:
    """Make names equal that differ in capitals, blanks, dashes and underscores only."""
    return re.sub(r"[\s_\-]+", " ", name.casefold()).strip()


_FIELDS_BY_KEY: Final = {_key(name): field for field in fields.FIELDS for name in (field, *_NAMES.get(field, ()))}


def map_columns(columns: Sequence[str], mapping: Mapping[str, str], constants: Collection[str]) -> dict[str, int]:
    """Find the column of each field that the list has.

    Args:
        columns: the list's columns in their order, without blanks around them.
        mapping: the column for a field, as it is stated.
        constants: the fields that have the same value in every row, and so no column.

    Returns:
        The place of its column for each mapped field.

    Raises:
        MappingError: a field or a column does not exist, or more than one could be meant.
    """
    for field in (*mapping, *constants):
        _demand_field(field)
    for field in constants:
        if field in mapping:
            raise MappingError(
                f'Field {field} has a column, "{mapping[field]}", and a constant; state only one of them.'
            )
    stated = {field: _place(columns, field, column) for field, column in mapping.items()}
    found = dict(stated)
    for field, places in _recognised(columns, set(stated.values())):
        if field in stated or field in constants:
            continue
        if len(places) > 1:
            raise MappingError(_why_ambiguous(field, [columns[place] for place in places]))
        found[field] = places[0]
    if not found:
        raise MappingError(
            f"No column of the list is known to hold a field; its columns are {_listed(columns)}. "
            "Its first line has to name the columns; state which is which with --map FIELD=COLUMN."
        )
    return {field: found[field] for field in fields.FIELDS if field in found}


def _demand_field(field: str) -> None:
    if field in fields.FIELDS:
        return
    close = _FIELDS_BY_KEY.get(_key(field)) or next(
        iter(get_close_matches(field, fields.FIELDS, n=1, cutoff=0.5)), None
    )
    if close is None and (near := get_close_matches(_key(field), _FIELDS_BY_KEY, n=1)):
        close = _FIELDS_BY_KEY[near[0]]
    cure = f"do you mean {close}?" if close else f"the fields are {', '.join(fields.FIELDS)}."
    raise MappingError(f"There is no field {quoted(field)}; {cure}")


def _place(columns: Sequence[str], field: str, column: str) -> int:
    wanted = strip(column)
    counts = Counter(columns)
    if wanted and counts[wanted] == 1:
        return columns.index(wanted)
    alike = [place for place, name in enumerate(columns) if name.casefold() == wanted.casefold()]
    if not wanted or not alike:
        raise MappingError(
            f'The list has no column "{wanted}", which is stated for {field}; its columns are {_listed(columns)}.'
        )
    if len(alike) > 1:
        raise MappingError(
            f'The list has {len(alike)} columns "{wanted}", one of which is stated for {field}; rename the others.'
        )
    return alike[0]


def _recognised(columns: Sequence[str], taken: Collection[int]) -> Iterator[tuple[str, list[int]]]:
    """Give each field that names explain, with the places of the columns that have such a name.

    A column that is stated for one field is not taken for another.
    """
    places: dict[str, list[int]] = {}
    for place, column in enumerate(columns):
        field = _FIELDS_BY_KEY.get(_key(column))
        if field is not None and place not in taken:
            places.setdefault(field, []).append(place)
    yield from places.items()


def _why_ambiguous(field: str, names: Sequence[str]) -> str:
    if len(set(names)) < len(names):
        return (
            f"The list has {len(names)} columns {quoted(names[0])}, one of which would be {field}; rename the others."
        )
    return f"The columns {_listed(names)} could each be {field}; choose one with --map {field}=COLUMN."


def _listed(columns: Sequence[str]) -> str:
    named = [quoted(column) for column in columns if column]
    rest = f" and {len(named) - LISTED_COLUMNS} more" if len(named) > LISTED_COLUMNS else ""
    return ", ".join(named[:LISTED_COLUMNS]) + rest
