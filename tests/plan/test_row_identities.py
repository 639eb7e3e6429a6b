"""Identities of rows, and duplicates in a list."""

import json
from collections.abc import Callable

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_topup.domain import fields
from bulk_topup.domain.identity import occurrence_identity, party_identity
from bulk_topup.domain.identity_version import IdentityVersion
from bulk_topup.domain.problems import decode_problems
from bulk_topup.dvs.models.product import Product
from bulk_topup.plan import Checker, PlanOptions
from tests.helpers.checked_rows import CheckedRow, RowChecker

MakeProduct = Callable[..., Product]
MakeFrame = Callable[..., pl.DataFrame]
Check = Callable[..., list[CheckedRow]]

ALLOWED = PlanOptions(allow_duplicates=True)
A, B = "+6595123100", "+6595123101"


def test_the_amount_is_no_part_of_a_rows_identity(check: Check, ranged: MakeProduct) -> None:
    identities = {
        check(ranged(), {fields.CREDIT_MOBILE: A, fields.AMOUNT: amount, "sender.last_name": name})[0].identity
        for amount, name in (("5", "Invented"), ("6", "Invented"), ("5000", "Imagined"), (None, None))
    }
    assert len(identities) == 1


def test_product_number_account_and_qualifier_all_distinguish_rows(
    check: Check, fixed: MakeProduct, ranged: MakeProduct
) -> None:
    rows = [
        {fields.CREDIT_MOBILE: A, fields.CREDIT_ACCOUNT: None, fields.CREDIT_QUALIFIER: None},
        {fields.CREDIT_MOBILE: B, fields.CREDIT_ACCOUNT: None, fields.CREDIT_QUALIFIER: None},
        {fields.CREDIT_MOBILE: None, fields.CREDIT_ACCOUNT: A, fields.CREDIT_QUALIFIER: None},
        {fields.CREDIT_MOBILE: None, fields.CREDIT_ACCOUNT: A, fields.CREDIT_QUALIFIER: "home"},
        {fields.CREDIT_MOBILE: A, fields.CREDIT_ACCOUNT: A, fields.CREDIT_QUALIFIER: None},
    ]
    checked = [*check(fixed(), *rows), *check(ranged(), *rows)]
    assert len({row.identity for row in checked}) == 2 * len(rows)
    assert not any("Duplicate of" in problem.message for row in checked for problem in row.problems)


def test_the_same_number_twice_for_one_product_is_an_error_at_the_second(check: Check, fixed: MakeProduct) -> None:
    checked = check(fixed(), *({fields.CREDIT_MOBILE: number} for number in (A, B, A, A)))
    assert [bool(row.problems) for row in checked] == [False, False, True, True]
    [problem] = checked[2].problems
    assert problem.message == "Duplicate of line 2. Remove one, or add --allow-duplicates."
    assert problem.column == "its credit_party_identifier.mobile_number"
    assert problem.may_be_paid
    assert len({row.identity for row in checked}) == 4


def test_the_message_for_a_duplicate_in_a_workbook_has_its_row(fixed: MakeProduct, frame: MakeFrame) -> None:
    rows = [{fields.REFERENCE: "E-1", fields.PRODUCT_ID: "4520", fields.CREDIT_MOBILE: A}] * 2
    checker = Checker({4520: fixed()}, {}, PlanOptions(), lambda _lines: {}, "row")
    [_, duplicate] = checker.check(frame(*rows))["problems"]
    assert [problem.message for problem in decode_problems(duplicate)] == [
        '"E-1" is already the reference of row 2. Every row needs its own.',
        "Duplicate of row 2. Remove one, or add --allow-duplicates.",
    ]


def test_duplicates_are_found_over_the_whole_list_not_only_in_a_batch(fixed: MakeProduct, frame: MakeFrame) -> None:
    columns = {fields.CREDIT_MOBILE: "phone", fields.PRODUCT_ID: "product"}
    checker = RowChecker({4520: fixed()}, columns, PlanOptions())
    row = {fields.PRODUCT_ID: "4520", fields.CREDIT_MOBILE: A}
    [first] = checker.check(frame(row))
    [second] = checker.check(frame(row, first_line=1002))
    assert first.problems == ()
    assert "Duplicate of line 2." in second.problems[0].message


def test_allowed_duplicates_are_numbered_in_list_order(check: Check, fixed: MakeProduct) -> None:
    checked = check(fixed(), *({fields.CREDIT_MOBILE: number} for number in (A, B, A, A)), options=ALLOWED)
    assert all(row.problems == () for row in checked)
    first = checked[0].identity
    assert [row.identity for row in checked] == [first, checked[1].identity, f"{first}#2", f"{first}#3"]


def test_a_refused_row_keeps_its_number_among_equals(check: Check, ranged: MakeProduct) -> None:
    rows = [{fields.CREDIT_MOBILE: A, fields.AMOUNT: amount} for amount in ("5000", "10")]
    before = check(ranged(), *rows, options=ALLOWED)
    after = check(ranged(), {**rows[0], fields.AMOUNT: "50"}, rows[1], options=ALLOWED)
    assert [bool(row.problems) for row in before] == [True, False]
    assert [row.identity for row in before] == [row.identity for row in after]


def test_the_reference_is_the_identity_where_there_is_one(check: Check, fixed: MakeProduct) -> None:
    [one] = check(fixed(), {fields.REFERENCE: "E-1", fields.CREDIT_MOBILE: A})
    [moved] = check(fixed(), {fields.REFERENCE: "E-1", fields.CREDIT_MOBILE: B})
    assert one.identity == moved.identity


def test_equal_references_are_refused_even_where_duplicates_are_allowed(check: Check, fixed: MakeProduct) -> None:
    rows = [{fields.REFERENCE: "E-1", fields.CREDIT_MOBILE: number} for number in (A, B)]
    [first, second] = check(fixed(), *rows, options=ALLOWED)
    assert first.problems == ()
    [problem] = second.problems
    assert problem.message == '"E-1" is already the reference of line 2. Every row needs its own.'
    assert problem.column == "its reference"
    assert not problem.may_be_paid


def test_a_row_with_another_rows_reference_may_be_paid_by_it_unless_the_credit_party_differs(
    check: Check, fixed: MakeProduct, pin: Product
) -> None:
    same = {fields.REFERENCE: "E-1", fields.CREDIT_MOBILE: A}
    for rows in (check(fixed(), same, same, options=ALLOWED), check(pin, *[{fields.REFERENCE: "V-1"}] * 2)):
        assert [[problem.may_be_paid for problem in row.problems] for row in rows] == [[], [True]]


def test_an_account_qualifier_alone_is_no_credit_party(check: Check, fixed: MakeProduct) -> None:
    rows = [{fields.CREDIT_MOBILE: None, fields.CREDIT_QUALIFIER: "home"}] * 2
    checked = check(fixed(), *rows)
    assert not any("Duplicate of" in problem.message for row in checked for problem in row.problems)
    by_qualifier = fixed(required_credit_party_identifier_fields=[["mobile_number"], ["account_qualifier"]])
    for row in check(by_qualifier, *rows):
        assert 'Add a column "reference" to the list.' in row.problems[0].message


def test_with_references_one_number_is_not_paid_twice_unless_allowed(check: Check, fixed: MakeProduct) -> None:
    rows = [{fields.REFERENCE: reference, fields.CREDIT_MOBILE: A} for reference in ("E-1", "E-2")]
    assert [bool(row.problems) for row in check(fixed(), *rows)] == [False, True]
    assert [bool(row.problems) for row in check(fixed(), *rows, options=ALLOWED)] == [False, False]


def test_a_blank_reference_is_refused(check: Check, fixed: MakeProduct) -> None:
    rows = [{fields.REFERENCE: None, fields.CREDIT_MOBILE: A}, {fields.REFERENCE: "E-1", fields.CREDIT_MOBILE: B}]
    [blank, filled] = check(fixed(), *rows)
    assert [problem.message for problem in blank.problems] == ["Reference required. Every row needs its own."]
    assert filled.problems == ()


def test_a_product_without_a_credit_party_needs_references(check: Check, pin: Product) -> None:
    [row] = check(pin, {"sender.last_name": "Invented"})
    assert 'Add a column "reference" to the list.' in row.problems[0].message
    checked = check(pin, {fields.REFERENCE: "V-1"}, {fields.REFERENCE: "V-2"})
    assert all(row.problems == () and row.credit_party is None for row in checked)


def test_a_repeated_reference_does_not_take_the_identity_of_one_that_looks_numbered(
    check: Check, fixed: MakeProduct
) -> None:
    rows = [
        {fields.REFERENCE: reference, fields.CREDIT_MOBILE: f"+659512310{number}"}
        for number, reference in enumerate(("A", "A", "A#2"))
    ]
    checked = check(fixed(), *rows)
    assert [bool(row.problems) for row in checked] == [False, True, False]
    assert len({row.identity for row in checked}) == 3


references = st.none() | st.sampled_from(["A", "A#2", "A#2#2", "B", "party:1:A", "cells:"])
numbers = st.none() | st.sampled_from([A, B, f"{A}#2"])


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(references, numbers, numbers), min_size=1, max_size=9),
    has_references=st.booleans(),
    options=st.sampled_from([ALLOWED, PlanOptions()]),
)
def test_no_two_rows_of_a_list_share_an_identity(
    check: Check,
    fixed: MakeProduct,
    rows: list[tuple[str | None, str | None, str | None]],
    has_references: bool,
    options: PlanOptions,
) -> None:
    given_rows = [
        {fields.CREDIT_MOBILE: mobile, fields.CREDIT_ACCOUNT: account}
        | ({fields.REFERENCE: reference} if has_references else {})
        for reference, mobile, account in rows
    ]
    checked = check(fixed(), *given_rows, options=options)
    assert len({row.identity for row in checked}) == len(rows)
    again = check(fixed(), *given_rows, options=options)
    assert [row.identity for row in again] == [row.identity for row in checked]
    accepted = [row for row in checked if not row.problems]
    if not options.allow_duplicates:
        parties = [
            tuple(json.loads((row.request or b"").decode())["credit_party_identifier"].items()) for row in accepted
        ]
        assert len(set(parties)) == len(parties)


def test_unidentified_rows_are_identified_by_their_cells(fixed: MakeProduct, frame: MakeFrame) -> None:
    unreadable = [[{"column": "phone", "message": "no number"}]] * 3
    rows = [{fields.CREDIT_MOBILE: None, "sender.last_name": name} for name in ("Invented", "Imagined", "Invented")]
    checker = RowChecker({4520: fixed()}, {}, PlanOptions())
    checked = checker.check(frame(*({fields.PRODUCT_ID: "4520", **row} for row in rows), problems=unreadable))
    assert all(row.identity.startswith("cells:") for row in checked)
    assert checked[2].identity == f"{checked[0].identity}#2"
    assert not any("Duplicate of" in problem.message for row in checked for problem in row.problems)


def test_references_of_two_people_that_are_equal_but_for_their_spelling_are_refused(
    check: Check, fixed: MakeProduct
) -> None:
    rows = [
        {fields.REFERENCE: reference, fields.CREDIT_MOBILE: number} for reference, number in (("E-1", A), ("e–1 ", B))
    ]
    [first, second] = check(fixed(), *rows, options=ALLOWED)
    assert first.problems == ()
    [problem] = second.problems
    expected = '"e–1 " is already the reference of line 2 in another spelling. Every row needs its own.'
    assert problem.message == expected
    assert first.identity == "reference:e-1"
    # A run of an earlier version keeps the identities that its rows have.
    earlier = PlanOptions(allow_duplicates=True, identity_version=IdentityVersion.FOLDED_NAMES)
    assert [row.identity for row in check(fixed(), *rows, options=earlier)] == ["reference:E-1", "reference:e–1 "]


def test_spellings_of_one_party_share_an_identity_and_a_bill_is_part_of_it(check: Check, fixed: MakeProduct) -> None:
    bill = "statement_identifier.reference"
    product = fixed(required_credit_party_identifier_fields=[["account_number"]])
    accounts = [("0302 9442961", "B-1"), ("03029442961", "b–1"), ("03029442961", "B-2")]
    rows = [{fields.CREDIT_MOBILE: None, fields.CREDIT_ACCOUNT: account, bill: text} for account, text in accounts]
    first, second, third = (row.identity for row in check(product, *rows, options=ALLOWED))
    assert second == f"{first}#2"
    assert third not in {first, second}


def test_repeated_rows_are_numbered_as_they_are_written_too(check: Check, fixed: MakeProduct) -> None:
    spelled = {fields.CREDIT_ACCOUNT: "1", fields.CREDIT_QUALIFIER: "HOME", fields.CREDIT_MOBILE: None}
    plain = {fields.CREDIT_ACCOUNT: None, fields.CREDIT_QUALIFIER: None, fields.CREDIT_MOBILE: A}
    checked = check(fixed(), plain, spelled, plain, spelled, options=ALLOWED)
    written = party_identity(4520, (None, "1", "HOME"))
    assert [row.written for row in checked] == [None, written, None, occurrence_identity(written, 2)]
    assert checked[3].identity == occurrence_identity(checked[1].identity, 2) != checked[3].written
