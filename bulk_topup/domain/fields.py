"""Define the fields that a list's columns map to: the request fields of DVS and five of ours; pure."""

from typing import Final

REFERENCE: Final = "reference"  # the list's own key of a row: its identity where mapped
PRODUCT_ID: Final = "product_id"
AMOUNT: Final = "amount"  # sent as `destination` or `source`, by the calculation mode
CURRENCY: Final = "currency"  # the unit of the amount; must equal the product's
COUNTRY: Final = "country"  # that of the row's numbers without a country code; never sent

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

#: The ending of personal cells in a template's example row; a list with such a cell is refused there.
EXAMPLE: Final = "(example)"

#: The groups of a transaction request that a row can set, each with its fields (reference: Transactions, create).
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
FIELDS: Final = (REFERENCE, PRODUCT_ID, AMOUNT, CURRENCY, COUNTRY, *DVS_FIELDS)

CREDIT_MOBILE: Final = "credit_party_identifier.mobile_number"
CREDIT_ACCOUNT: Final = "credit_party_identifier.account_number"
CREDIT_QUALIFIER: Final = "credit_party_identifier.account_qualifier"
BILL_REFERENCE: Final = "statement_identifier.reference"
BILL_DUE_DATE: Final = "statement_identifier.due_date"

#: The fields with a mobile number in E.164 form.
MOBILE_FIELDS: Final = tuple(name for name in DVS_FIELDS if name.endswith(".mobile_number"))
