"""Names of a template's columns, by DVS field; pure."""

from typing import Final

from bulk_topup.domain import fields

#: Names of columns that differ from their fields.
_NAMES: Final[dict[str, str]] = {
    fields.REFERENCE: "reference",
    fields.PRODUCT_ID: "product",
    fields.AMOUNT: "amount",
    fields.CREDIT_MOBILE: "phone",
    fields.CREDIT_ACCOUNT: "account number",
    fields.CREDIT_QUALIFIER: "account qualifier",
    "statement_identifier.reference": "bill reference",
    "statement_identifier.due_date": "due date",
    "additional_identifier.purchaser_id": "purchaser id",
    **{
        f"{group}.{last}": f"{group} {name}"
        for group in ("sender", "beneficiary")
        for last, name in (
            ("nationality_country_iso_code", "nationality"),
            ("address_country_iso_code", "address country"),
        )
    },
}


def column_name(field: str) -> str:
    """Return the column name of a field in templates; lists with this name need no --map."""
    group, _, last = field.partition(".")
    if field in _NAMES:
        return _NAMES[field]
    return f"{group} {last.replace('_', ' ')}" if group in {"sender", "beneficiary"} else field
