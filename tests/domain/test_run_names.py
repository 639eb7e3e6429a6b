"""Job names and run keys in the form in which they are compared."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.run_names import fold_name, fold_run_name, is_usable_name

#: Every way to write a blank or a dash, and characters that show nothing.
BLANKS = [" ", "\t", "\u00a0", "\u2003", "\u3000", "\u2800", "\u3164", "\uffa0"]
DASHES = [
    "-",
    "\u2010",
    "\u2011",
    "\u2012",
    "\u2013",
    "\u2014",
    "\u2015",
    "\u2212",
    "\ufe58",
    "\ufe63",
    "\uff0d",
    "\u2043",
]
UNSEEN = ["\ufe0f", "\ufe00", "\u034f", "\u180b", "\U000e0100"]
#: Texts with many characters that change when they are folded.
TEXTS = st.text(st.sampled_from([*BLANKS, *DASHES, *UNSEEN, *"aAéÉſßẞİıΣς\u0301\u0307ﬁ①K１Ａ/_.0"]) | st.characters())


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Café 2026", unicodedata.normalize("NFD", "Café 2026")),
        ("2026-11", "2026-11 "),
        ("2026-11", "\t2026-11\u00a0"),
        ("november  rewards", "november rewards"),
        ("Payroll", "PAYROLL"),
        ("straße", "STRASSE"),
        ("２０２６", "2026"),
        ("ﬁeld", "field"),
        *((f"a{dash}b", "a-b") for dash in DASHES),
        *((f"a{blank}{blank}b", "a b") for blank in BLANKS),
        *((f"a{unseen}b", "ab") for unseen in UNSEEN),
    ],
)
def test_names_that_nobody_can_tell_apart_are_one(first: str, second: str) -> None:
    assert fold_name(first) == fold_name(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("1-23", "12-3"),
        ("1-23", "123"),
        ("a b", "ab"),
        ("a--b", "a-b"),
        ("a_b", "a-b"),
        ("007", "7"),
        ("e", "é"),
        ("a.", "a"),
    ],
)
def test_nothing_that_can_be_seen_is_removed(first: str, second: str) -> None:
    assert fold_name(first) != fold_name(second)


@given(TEXTS)
def test_a_folded_name_is_folded(text: str) -> None:
    folded = fold_name(text)
    assert fold_name(folded) == folded
    assert folded == unicodedata.normalize("NFKC", folded).casefold().strip()


@given(TEXTS, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_spelling_blanks_and_dashes_make_no_difference(text: str, form: str) -> None:
    folded = fold_name(text)
    assert fold_name(unicodedata.normalize(form, text)) == folded  # type: ignore[arg-type]
    assert fold_name(f" {text}\u2003") == folded
    assert fold_name(text.replace(" ", " \u3000")) == folded
    assert fold_name(text.replace("-", "\u2013")) == folded


@given(st.from_regex(r"[a-z0-9._/]([a-z0-9._/-]| (?! ))*[a-z0-9._/-]", fullmatch=True))
def test_a_plain_name_stays_as_it_is(text: str) -> None:
    assert fold_name(text) == text


def test_job_and_run_key_are_folded_apart() -> None:
    assert fold_run_name("Pay ", "Roll\u20131") == ("pay", "roll-1")


@pytest.mark.parametrize("text", ["", " ", "\u2800", "a\u200bb", "a\nb", "\ufe0f", "a\u00adb"])
def test_a_name_that_is_empty_or_has_invisible_characters_is_not_usable(text: str) -> None:
    assert not is_usable_name(text)


def test_other_names_are_usable() -> None:
    assert is_usable_name("☀\ufe0f Bonus – november 2026")
