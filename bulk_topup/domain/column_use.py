"""Define which columns a list's fields are read from, which are only kept, and which are likely; pure."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bulk_topup.domain import fields

#: Fields that people know by another name than DVS's.
_WORDS: Final = {
    fields.CREDIT_MOBILE: "mobile number",
    fields.CREDIT_ACCOUNT: "account number",
    fields.CREDIT_QUALIFIER: "account qualifier",
    fields.PRODUCT_ID: "product",
    fields.COUNTRY: "country of national numbers",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnUse:
    """Which columns of a list are used for what."""

    #: The column of each field that is read from the list.
    used: Mapping[str, str] = field(default_factory=dict)
    #: The columns that are only kept for the report.
    kept: tuple[str, ...] = ()
    #: For a field that the list seems to lack, a kept column that may have it.
    proposed: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Return plain JSON values."""
        return {"used": dict(self.used), "kept": list(self.kept), "proposed": dict(self.proposed)}


def field_words(name: str) -> str:
    """Return a field in words for people, such as `sender first name`."""
    return _WORDS.get(name) or name.replace(".", " ").replace("_", " ")


#: Of a list whose columns are not known.
NO_COLUMNS: Final = ColumnUse()
#: Most columns that advice names.
NAMED_COLUMNS: Final = 5


def map_advice(name: str, use: ColumnUse) -> str:
    """Return how to read a field that no column is mapped to, with the names of the list's own columns."""
    if (column := use.proposed.get(name)) is not None:
        return f'If column "{column}" has it, add {map_option(name, column)}.'
    if not use.kept:
        return f'Add a column "{name}" to the list.'
    if len(use.kept) == 1:
        return f'If column "{use.kept[0]}" has it, add {map_option(name, use.kept[0])}; else add a column.'
    more = len(use.kept) - NAMED_COLUMNS
    names = ", ".join(f'"{column}"' for column in use.kept[:NAMED_COLUMNS]) + (f" and {more} more" if more > 0 else "")
    return f"If one of the columns {names} has it, add {map_option(name, use.kept[0])}, or another of them."


def map_option(name: str, column: str) -> str:
    """Return the option that maps a column to a field, to paste into a shell."""
    return shlex.join(["--map", f"{name}={column}"])
