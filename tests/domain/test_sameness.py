"""Which spellings are one beneficiary, which may be two, and that expressions and functions agree."""

import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulk_topup.domain import sameness
from bulk_topup.domain.sameness import account_key, mobile_key, near_part, reference_in, reference_key
from bulk_topup.plan.party_keys import party_key

EQUAL_ACCOUNTS = [
    ("095 325 68161", "09532568161"),
    ("\uff11\uff12\uff13", "123"),
    ("12\u200b3", "123"),
    ("12\u00ad-\ufe0f3", "12-3"),
    ("12\u20133", "12-3"),
    ("12\u22123", "12-3"),
    ("123\n", "123"),
]
NEAR_ACCOUNTS = [("0012", "12"), ("1-23", "12-3"), ("AB1", "ab1"), ("3029442961", "03029442961"), ("1.5", "15")]
NUMBERS = st.from_regex(r"\+(55[1-9][1-9][2-9][0-9]{7,8}|521?[0-9]{10}|549?[0-9]{10}|[1-9][0-9]{6,14})", fullmatch=True)
TEXTS = st.one_of(
    st.text(max_size=12),
    st.text(st.sampled_from("0129aB-\u2013\u2212 \u00a0\u200b\u00ad./ßΣİ\u00e9e\u0301\t"), max_size=8),
)


@pytest.mark.parametrize(("one", "other"), EQUAL_ACCOUNTS)
def test_spellings_of_one_account_are_equal(one: str, other: str) -> None:
    assert account_key(one) == account_key(other)
    assert reference_key(one) == reference_key(other)


@pytest.mark.parametrize(("one", "other"), NEAR_ACCOUNTS)
def test_accounts_that_may_be_two_customers_are_near(one: str, other: str) -> None:
    assert account_key(one) != account_key(other)
    assert near_part(account_key(one)) == near_part(account_key(other))


def test_qualifiers_and_references_are_equal_without_case() -> None:
    assert account_key("A1", "PREPAID", "B1") == account_key("A1", "prepaid", "b1")
    assert reference_key("GC-001") == reference_key("gc-001")
    assert reference_key("001") != reference_key("1")
    assert near_part(reference_key("001")) == near_part(reference_key("1"))


@pytest.mark.parametrize(
    ("one", "other", "are_near"),
    [
        ("GC-001", "gc1", True),
        ("GC-A00", "gc-a0", True),
        ("A-007-B08", "a7b8", True),
        ("E-1", "E-10", False),
        ("E-101", "E-11", False),
    ],
)
def test_references_are_near_without_zeros_after_letters(one: str, other: str, are_near: bool) -> None:
    assert sameness.is_near(reference_key(one), reference_key(other)) is are_near
    bills = account_key("12", bill=one), account_key("12", bill=other)
    assert sameness.is_near(*bills) is are_near


@given(TEXTS)
def test_a_key_of_an_earlier_version_can_be_renewed(text: str) -> None:
    folded = sameness.folded_without_case(text)
    earlier = sameness._key(sameness.REFERENCE, (sameness.near(text),), (folded,))
    assert sameness.renewed_reference_key(earlier) == reference_key(text)
    assert sameness.renewed_reference_key(reference_key(text)) == reference_key(text)


def test_an_account_with_another_qualifier_is_another_party() -> None:
    keys = [account_key("1", "2"), account_key("12"), account_key("1 2"), account_key("1", "3")]
    assert [near_part(key) for key in keys] == ["account:1 2", "account:12", "account:12", "account:1 3"]


def test_a_bill_with_and_without_its_reference_are_near() -> None:
    with_bill, without = account_key("12", bill="B-7"), account_key("12")
    assert with_bill != without
    assert near_part(with_bill) == near_part(without) == "account:12"
    assert account_key("12", bill="B-8") != with_bill


@pytest.mark.parametrize(
    ("written", "modern"),
    [
        ("+551187654321", "+5511987654321"),
        ("+551167654321", "+5511967654321"),
        ("+551127654321", "+551127654321"),  # a fixed line
        ("+5511987654321", "+5511987654321"),
        ("+5215512345678", "+525512345678"),
        ("+525512345678", "+525512345678"),
        ("+5491155550000", "+5491155550000"),
        ("+6591234567", "+6591234567"),
    ],
)
def test_numbers_have_one_modern_form_where_that_is_certain(written: str, modern: str) -> None:
    assert sameness.modern_mobile_number(written) == modern
    assert mobile_key(written) == mobile_key(modern)


def test_an_argentinian_number_with_and_without_9_is_near() -> None:
    with_nine, without = mobile_key("+5491155550000"), mobile_key("+541155550000")
    assert with_nine != without
    assert near_part(with_nine) == near_part(without)


@given(TEXTS)
def test_folding_a_folded_text_changes_nothing(text: str) -> None:
    for fold in (sameness.folded, sameness.folded_without_case, sameness.near, sameness.near_reference):
        assert fold(fold(text)) == fold(text)


@given(TEXTS, TEXTS, TEXTS)
def test_equal_accounts_are_near(number: str, qualifier: str, bill: str) -> None:
    key = account_key(number, qualifier, bill)
    assert near_part(key) == near_part(account_key(sameness.near(number), sameness.near(qualifier)))
    assert key.count(sameness.NEAR_END) <= 1


@given(
    st.lists(
        st.tuples(*(st.one_of(st.none(), kind) for kind in (NUMBERS, TEXTS, TEXTS, TEXTS, TEXTS))),
        min_size=1,
        max_size=5,
    )
)
@example([("+551187654321", None, None, None, None), ("+5491155550000", "0012 ß", "PRÉ", None, "GC-001")])
def test_expressions_and_functions_give_the_same_keys(rows: list[tuple[str | None, ...]]) -> None:
    names = ("mobile_number", "account_number", "account_qualifier")
    columns = [*(f"credit_party_identifier.{name}" for name in names), "statement_identifier.reference", "reference"]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    keys = frame.select(party_key(columns)).to_series().to_list()
    assert keys == [
        sameness.party_key(*party) or (reference_key(reference) if reference else None) for *party, reference in rows
    ]


DOCS = Path(__file__).parents[2] / "docs" / "sameness.md"
EXAMPLES = re.findall(
    r"^\| (\S[^|]*?) \| `([^`]*)` \| (?:`([^`]*)` )?\| (equal|near|different)\b", DOCS.read_text(), re.MULTILINE
)
KEYS: dict[str, Callable[[str], str]] = {
    "mobile number": sameness.mobile_key,
    "account": sameness.account_key,
    "qualifier": lambda text: sameness.account_key("4711", text),
    "reference": sameness.reference_key,
    "bill": lambda text: sameness.account_key("4711", "home", text),
}


@pytest.mark.parametrize(("what", "one", "other", "level"), EXAMPLES)
def test_the_examples_of_the_documentation_are_true(what: str, one: str, other: str, level: str) -> None:
    keys = KEYS[what](one), KEYS[what](other)
    found = "equal" if keys[0] == keys[1] else "near" if sameness.is_near(*keys) else "different"
    assert found == level


def test_the_documentation_has_examples_of_everything() -> None:
    assert len(EXAMPLES) > 20
    assert {example[0] for example in EXAMPLES} == set(KEYS)


BILLS = st.sampled_from(["", "A", "a", "-a", "B-1", "b1", "01", "1", "2"])


@given(st.sampled_from(["12", "012", "1-2", "13"]), BILLS, st.sampled_from(["12", "012", "1-2", "13"]), BILLS)
def test_accounts_are_near_if_numbers_are_and_bills_are_or_one_has_none(
    number: str, bill: str, other_number: str, other_bill: str
) -> None:
    key, other = sameness.account_key(number, "", bill), sameness.account_key(other_number, "", other_bill)
    near_bills = not bill or not other_bill or sameness.near(bill) == sameness.near(other_bill)
    expected = key != other and sameness.near(number) == sameness.near(other_number) and near_bills
    assert sameness.is_near(key, other) == sameness.is_near(other, key) == expected


@pytest.mark.parametrize(
    ("key", "reference"),
    [
        (reference_key("00 12"), "0012"),
        (reference_key("e1"), "e1"),
        (account_key("4711", "PREPAID", "INV-1"), "inv-1"),
        (account_key("4711", "prepaid", "12"), "12"),
        (account_key("0012", "prepaid"), ""),
        (account_key("4711"), ""),
        (mobile_key("+5491123456789"), ""),
    ],
)
def test_a_key_gives_the_reference_in_it(key: str, reference: str) -> None:
    assert reference_in(key) == reference
