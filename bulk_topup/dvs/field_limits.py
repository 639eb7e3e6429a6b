"""Define the patterns and lengths of request fields, as the reference gives them; shared with plan and sandbox.

All patterns are anchored and match ASCII digits only.
"""

#: A mobile number with + and country code (reference: Transactions, create).
E164 = r"^\+[1-9][0-9]{6,14}$"
#: ISO 3166-1 alpha-3 (reference: Countries).
COUNTRY_ISO_CODE = r"^[A-Z]{3}$"
#: A country, or a region of one by ISO 3166-2 (reference: Products, list).
REGION_CODE = r"^[A-Z]{2,3}(?:-[A-Z0-9]{2,3}(?:-[A-Z]{2})?)?$"
#: A label of products, of 4 to 16 characters: only the first is limited to capitals, digits and _ (reference: Products,
#: list). Without commas, which separate labels.
PRODUCT_TAG = r"^[A-Z0-9_][^,]{3,15}$"
#: Keys of an order, separated by commas; a leading minus reverses one (reference: Products, list).
PRODUCT_SORT = r"^-?[a-zA-Z0-9_]+(\s*,\s*-?[a-zA-Z0-9_]+)*$"
#: Of a sender or beneficiary (reference: Transactions, create).
POSTAL_CODE = r"^[A-Z0-9][A-Z0-9\s\-]*[A-Z0-9]$"
#: Of an additional identifier (reference: Transactions, create).
PURCHASER_ID = r"^[a-zA-Z0-9\-]{8,36}$"
#: Year, month, day.
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
#: At least one visible character.
NON_EMPTY = r"\S"

#: Most characters (reference: Transactions, create).
ACCOUNT_NUMBER_MAX_LENGTH = 90
EXTERNAL_ID_MAX_LENGTH = 40
#: Entries of a page, by default and at most (reference: Pagination).
PER_PAGE_DEFAULT = 50
PER_PAGE_MAX = 100
