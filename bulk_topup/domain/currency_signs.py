"""Define the signs by which amounts name their currency, and whose sign each one is; pure."""

from typing import Final

#: The column of a frame with the currency that a row's amount is written with, null for none; no field of a list.
AMOUNT_SIGN: Final = "amount_sign"

_DOLLARS: Final = (
    "USD AUD BBD BMD BND BSD BZD CAD FJD GYD HKD JMD KYD LRD NAD NZD SBD SGD SRD TTD TWD XCD ZWL "
    "ARS CLP COP CUP DOP MXN UYU"
)

#: The currencies of each sign. A sign of several, such as `$`, is that of the product's currency if it is one of them.
_CURRENCIES: Final = {
    "$": _DOLLARS,
    "US$": "USD",
    "A$": "AUD",
    "AU$": "AUD",
    "C$": "CAD NIO",
    "CA$": "CAD",
    "HK$": "HKD",
    "NT$": "TWD",
    "NZ$": "NZD",
    "S$": "SGD",
    "J$": "JMD",
    "EC$": "XCD",
    "RD$": "DOP",
    "MX$": "MXN",
    "R$": "BRL",
    "€": "EUR",
    "£": "GBP EGP SDG SSP LBP SYP GIP FKP SHP",
    "E£": "EGP",
    "¥": "JPY CNY",
    "₹": "INR",
    "RS": "INR PKR LKR NPR MUR SCR",
    "₱": "PHP",
    "₦": "NGN",
    "₵": "GHS",
    "GH₵": "GHS",
    "KSH": "KES",
    "USH": "UGX",
    "TSH": "TZS",
    "RP": "IDR",
    "RM": "MYR",
    "฿": "THB",
    "₫": "VND",
    "₩": "KRW",
    "₽": "RUB",
    "₺": "TRY",
    "₴": "UAH",
    "₪": "ILS",
    "₸": "KZT",
    "₾": "GEL",
    "₼": "AZN",
    "৳": "BDT",
    "TK": "BDT",
    "₭": "LAK",
    "៛": "KHR",
    "R": "ZAR",
    "BS": "BOB VES",
    "S/": "PEN",
    "Q": "GTQ",
    "L": "HNL",
    "₡": "CRC",
    "₲": "PYG",
    "B/": "PAB",
    "KR": "SEK NOK DKK ISK",
    "FR": "CHF",
    "LEI": "RON MDL",
    "DH": "MAD AED",
    "ZŁ": "PLN",
    "KČ": "CZK",
    "FT": "HUF",
    "CFA": "XOF XAF",
    "FCFA": "XOF XAF",
    "F CFA": "XOF XAF",
}

#: All signs, in capitals; the longest first, so that an expression finds `US$` before `$`.
SIGNS: Final = tuple(sorted(_CURRENCIES, key=len, reverse=True))


def signs_of(currency: str) -> tuple[str, ...]:
    """Return the code and the signs, in capitals, of a currency."""
    return (currency, *(sign for sign, currencies in _CURRENCIES.items() if currency in currencies.split()))
