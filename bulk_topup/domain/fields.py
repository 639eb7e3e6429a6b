"""The names that a list's columns map to: DVS's own request fields and three of ours; pure vocabulary."""

from typing import Final

REFERENCE: Final = "reference"  # the list's own key for a row: its identity where mapped
PRODUCT_ID: Final = "product_id"
AMOUNT: Final = "amount"  # goes to `destination` or `source`, as the calculation mode says
CURRENCY: Final = "currency"  # what unit the list means; must equal the product's

_PARTY = ("mobile_number", "account_number", "account_qualifier")
_PERSON = (
    "last_name",
    "first_name",
    "middle_name",
    "nationality_country_iso_code",
    "mobile_number",
    "email",
    "address_text",
    "address_city",
    "address_country_iso_code",
    "address_postal_code",
)

#: Ends the cells of a template's example row that would name somebody; a list that has such a cell is refused at it.
EXAMPLE: Final = "(example)"

#: The groups of a transaction request that a row can fill, each with its fields (reference: Transactions, create).
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "credit_party_identifier": _PARTY,
    "debit_party_identifier": _PARTY,
    "sender": _PERSON,
    "beneficiary": _PERSON,
    "statement_identifier": ("reference", "due_date"),
    "additional_identifier": ("purchaser_id",),
}

#: Every DVS field that a column can map to, as `group.field`.
DVS_FIELDS: Final = tuple(f"{group}.{field}" for group, fields in GROUPS.items() for field in fields)

#: Everything that a column can map to.
FIELDS: Final = (REFERENCE, PRODUCT_ID, AMOUNT, CURRENCY, *DVS_FIELDS)

CREDIT_MOBILE: Final = "credit_party_identifier.mobile_number"
CREDIT_ACCOUNT: Final = "credit_party_identifier.account_number"
CREDIT_QUALIFIER: Final = "credit_party_identifier.account_qualifier"

#: The fields that hold a mobile number in E.164 form.
MOBILE_FIELDS: Final = tuple(name for name in DVS_FIELDS if name.endswith(".mobile_number"))
