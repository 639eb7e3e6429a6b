"""The patterns and lengths that the reference gives for request fields; shared with plan and sandbox.

All are written for `re.fullmatch` semantics: anchored, ASCII digits only.
"""

E164 = r"^\+[1-9][0-9]{6,14}$"
COUNTRY_ISO_CODE = r"^[A-Z]{3}$"
POSTAL_CODE = r"^[A-Z0-9][A-Z0-9\s\-]*[A-Z0-9]$"
PURCHASER_ID = r"^[a-zA-Z0-9\-]{8,36}$"
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
NON_EMPTY = r"\S"

ACCOUNT_NUMBER_MAX_LENGTH = 90
EXTERNAL_ID_MAX_LENGTH = 40
PER_PAGE_DEFAULT = 50
PER_PAGE_MAX = 100
