"""Countries by code and English name, as lists, DVS and calling codes write them; pure."""

import re
import unicodedata
from functools import cache
from typing import Final, NamedTuple

from bulk_topup.domain.country_table import TABLE

#: Other usual English names, by alpha-2 code.
_OTHER_NAMES: Final = {
    "AE": ("UAE", "Emirates"),
    "BO": ("Plurinational State of Bolivia", "Bolivia, Plurinational State of"),
    "BN": ("Brunei Darussalam",),
    "CD": (
        "DR Congo",
        "DRC",
        "Democratic Republic of the Congo",
        "Congo, The Democratic Republic of the",
        "Congo-Kinshasa",
    ),
    "CG": ("Republic of the Congo", "Congo-Brazzaville"),
    "CI": ("Ivory Coast",),
    "CV": ("Cape Verde",),
    "CZ": ("Czech Republic",),
    "FK": ("Falkland Islands (Malvinas)",),
    "FM": ("Micronesia, Federated States of", "Federated States of Micronesia"),
    "GB": ("UK", "Great Britain", "Britain", "United Kingdom of Great Britain and Northern Ireland"),
    "GM": ("The Gambia",),
    "BS": ("The Bahamas",),
    "IR": ("Iran, Islamic Republic of", "Islamic Republic of Iran"),
    "KP": ("Korea, Democratic People's Republic of", "DPRK"),
    "KR": ("Korea", "Korea, Republic of", "Republic of Korea"),
    "LA": ("Lao People's Democratic Republic",),
    "MD": ("Moldova, Republic of", "Republic of Moldova"),
    "MK": ("Macedonia",),
    "MM": ("Burma",),
    "MO": ("Macau",),
    "NL": ("Holland", "The Netherlands"),
    "PH": ("The Philippines",),
    "PS": ("Palestine, State of", "State of Palestine"),
    "RU": ("Russian Federation",),
    "ST": ("São Tomé and Príncipe",),
    "SY": ("Syrian Arab Republic",),
    "SZ": ("Swaziland",),
    "TL": ("East Timor",),
    "TR": ("Turkey",),
    "TW": ("Taiwan, Province of China",),
    "TZ": ("Tanzania, United Republic of", "United Republic of Tanzania"),
    "US": ("United States of America", "America"),
    "VA": ("Holy See", "Holy See (Vatican City State)", "Vatican"),
    "VE": ("Venezuela, Bolivarian Republic of", "Bolivarian Republic of Venezuela"),
    "VG": ("British Virgin Islands",),
    "VI": ("US Virgin Islands", "United States Virgin Islands"),
    "VN": ("Viet Nam",),
}


class Country(NamedTuple):
    """One country."""

    #: ISO 3166-1 alpha-2, as calling codes have it.
    alpha_2: str
    #: ISO 3166-1 alpha-3, as DVS has it.
    alpha_3: str
    #: Its usual English name.
    name: str


#: Every country of ISO 3166-1, and Kosovo by the codes that the EU and DVS use.
COUNTRIES: Final = tuple(Country(line[:2], line[3:6], line[7:]) for line in TABLE.strip().splitlines())


def find_country(text: str) -> Country | None:
    """Return the country of an ISO 3166-1 code of two or three letters, or of an English name, in any case.

    Accents, spaces and marks between the letters do not matter. None for a text that names no country.
    """
    return _countries_by_key().get(_key(text))


@cache
def _countries_by_key() -> dict[str, Country]:
    by_key = {_key(text): country for country in COUNTRIES for text in country}
    by_code = {country.alpha_2: country for country in COUNTRIES}
    return by_key | {_key(name): by_code[code] for code, names in _OTHER_NAMES.items() for name in names}


def _key(text: str) -> str:
    """Return a text's letters and digits without accents and case, with `&` as the word."""
    plain = unicodedata.normalize("NFKD", text.replace("&", " and ")).casefold()
    return re.sub(r"[\W_]", "", "".join(character for character in plain if not unicodedata.combining(character)))
