"""Define when two rows credit the same beneficiary: equal keys, and near ones that only a person can tell apart; pure.

A key is one text. Its near part comes first; what tells equal keys apart follows after a tab where there is anything to
tell apart. Keys that are the same text are equal. Near keys have the same near part, but two bills of one account are
near only if their references are, or if one of them has none.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from bulk_topup.domain.characters import BLANKS, DASH_CATEGORY, INVISIBLE, OTHER_DASHES

#: Ends the near part of a key. No folded text contains it.
NEAR_END: Final = "\t"
#: The next character: all keys with a near part lie between it and the near part followed by this.
AFTER_NEAR: Final = chr(ord(NEAR_END) + 1)
#: Between the parts of a key. No folded text contains it.
SEPARATOR: Final = " "
#: The beginning of the keys of mobile numbers, and of those of them that have near ones, with and without a 9.
MOBILE: Final = "+"
NEAR_MOBILE: Final = "+54"
ACCOUNT: Final = "account:"
REFERENCE: Final = "reference:"
#: The place of a bill's reference among the texts of an account's key, after number and qualifier.
_BILL_INDEX: Final = 2

#: Texts of printable ASCII characters need no Unicode rules, and of what is invisible have only spaces.
PLAIN: Final = r"^[\x20-\x7e]*$"
_PLAIN: Final = re.compile(r"[\x20-\x7e]*")
#: Categories of characters that are invisible or white space.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_UNSEEN_OTHERS: Final = BLANKS | INVISIBLE

#: Zeros before another digit, after a letter: those of `GC-001` without its separators.
INNER_ZEROS: Final = r"([^0-9])0+([0-9])"
WITHOUT_ZEROS: Final = "${1}${2}"
_INNER_ZEROS: Final = re.compile(INNER_ZEROS)

#: A Brazilian mobile number as it was before all got a ninth digit: two digits of the area, then eight from 6 to 9.
BRAZIL_BEFORE: Final = r"^(\+55[1-9][1-9])([6-9][0-9]{7})$"
BRAZIL_NOW: Final = "${1}9${2}"
#: Those of them that are sent with a ninth digit. Trunked radios, whose numbers start with 7, never got one, so these
#: are sent as they are written.
BRAZIL_SENT: Final = r"^(\+55(?:[14689][1-9]|2[12478]|3[1-578]|5[13-5]|7[13-79]))([689][0-9]{7})$"
#: A Mexican mobile number with the 1 that was dialled from abroad until 2019.
MEXICO_BEFORE: Final = r"^\+521([0-9]{10})$"
MEXICO_NOW: Final = "+52${1}"
#: An Argentinian number with the 9 of mobile numbers; without it a valid fixed line may be another beneficiary's.
ARGENTINA_MOBILE: Final = r"^\+549([0-9]{10})$"
#: The modern numbers that had such a form.
_BRAZIL_MODERN: Final = re.compile(r"^(\+55[1-9][1-9])9([6-9][0-9]{7})$")
_MEXICO_MODERN: Final = re.compile(r"^\+52([0-9]{10})$")
_BRAZIL_BEFORE: Final = re.compile(BRAZIL_BEFORE)
_MEXICO_BEFORE: Final = re.compile(MEXICO_BEFORE)
_ARGENTINA_MOBILE: Final = re.compile(ARGENTINA_MOBILE)


def modern_mobile_number(number: str) -> str:
    """Return an E.164 number in its one modern form: with Brazil's ninth digit, without Mexico's 1."""
    if number.startswith("+55"):
        return _BRAZIL_BEFORE.sub(r"\g<1>9\g<2>", number)
    if number.startswith("+521"):
        return _MEXICO_BEFORE.sub(r"+52\1", number)
    return number


def earlier_mobile_number(number: str) -> str:
    """Return the form that an E.164 number in modern form had before; the number itself if it had none."""
    return _MEXICO_MODERN.sub(r"+521\1", _BRAZIL_MODERN.sub(r"\1\2", number))


@lru_cache(maxsize=65536)
def folded(text: str) -> str:
    """Return a text by which equal account numbers are the same: NFKC, nothing invisible, no white space, one dash."""
    if _PLAIN.fullmatch(text):
        return text.replace(" ", "")
    kept = []
    for character in unicodedata.normalize("NFKC", text):
        category = unicodedata.category(character)
        if category == DASH_CATEGORY or character in OTHER_DASHES:
            kept.append("-")
        elif category not in _UNSEEN and character not in _UNSEEN_OTHERS:
            kept.append(character)
    return unicodedata.normalize("NFKC", "".join(kept))  # what is removed may have kept an accent apart


def folded_without_case(text: str) -> str:
    """Return a text by which equal references and account qualifiers are the same: `folded`, and without case."""
    return unicodedata.normalize("NFKC", folded(text).casefold())


def near(text: str) -> str:
    """Return a text by which near account numbers are the same: without case, leading zeros and separators."""
    return "".join(filter(str.isalnum, folded_without_case(text))).lstrip("0")


def near_reference(text: str) -> str:
    """Return a text by which near references are the same: `near`, also without leading zeros after a letter."""
    return _INNER_ZEROS.sub(r"\1\2", near(text))


def mobile_key(number: str) -> str:
    """Return the key of a mobile number in E.164 form."""
    number = modern_mobile_number(number)
    if (found := _ARGENTINA_MOBILE.match(number)) is not None:
        return f"+54{found[1]}{NEAR_END}9"
    return number


def account_key(number: str, qualifier: str = "", bill: str = "") -> str:
    """Return the key of an account.

    Args:
        number: its number.
        qualifier: the account qualifier; empty without one.
        bill: the reference of the bill that is paid; empty without one.
    """
    qualifier, bill = folded_without_case(qualifier), folded_without_case(bill)
    return _key(ACCOUNT, (near(number), near(qualifier)), (folded(number), qualifier, bill))


def reference_key(reference: str) -> str:
    """Return the key of a row that credits nobody, by the list's own reference."""
    return _key(REFERENCE, (near_reference(reference),), (folded_without_case(reference),))


def renewed_reference_key(key: str) -> str:
    """Return a key of `reference_key` as it is created today, from one of an earlier version."""
    return reference_key(key.partition(NEAR_END)[2] or key.removeprefix(REFERENCE))


def renewed_account_key(key: str) -> str:
    """Return a key of `account_key` as it is created today, from one of an earlier version."""
    return account_key(*(key.partition(NEAR_END)[2] or key.removeprefix(ACCOUNT)).split(SEPARATOR))


def party_key(mobile: str | None, account: str | None, qualifier: str | None, bill: str | None) -> str | None:
    """Return the key of the credited party; None for a row that credits nobody.

    Args:
        mobile: its mobile number in E.164 form.
        account: its account number, which counts where there are both.
        qualifier: its account qualifier.
        bill: the reference of the bill that is paid.
    """
    if account:
        return account_key(account, qualifier or "", bill or "")
    return mobile_key(mobile) if mobile else None


def near_part(key: str) -> str:
    """Return the near part of a key."""
    return key.partition(NEAR_END)[0]


def is_near(key: str, other: str) -> bool:
    """Return True if two keys are near but not equal."""
    if key == other or near_part(key) != near_part(other):
        return False
    bill, other_bill = near_bill(key), near_bill(other)
    return not bill or not other_bill or bill == other_bill


def near_bill(key: str) -> str:
    """Return the near text of the bill's reference in a key; empty without one."""
    return near_reference(reference_in(key)) if key.startswith(ACCOUNT) else ""


def reference_in(key: str) -> str:
    """Return the folded reference in a key: of a row that credits nobody, or of a bill; empty without one."""
    rest = key.partition(NEAR_END)[2]
    if key.startswith(REFERENCE):
        return rest or key.removeprefix(REFERENCE)
    texts = (rest or key.removeprefix(ACCOUNT)).split(SEPARATOR)
    return texts[_BILL_INDEX] if key.startswith(ACCOUNT) and len(texts) > _BILL_INDEX else ""


def _key(prefix: str, near_texts: tuple[str, ...], texts: tuple[str, ...]) -> str:
    start = prefix + SEPARATOR.join(near_texts).rstrip(SEPARATOR)
    rest = SEPARATOR.join(texts).rstrip(SEPARATOR)
    return start if start == prefix + rest else f"{start}{NEAR_END}{rest}"
