"""Identities that are the same for equal rows, and the external IDs that a row may have had before."""

from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bulk_topup.domain import fields
from bulk_topup.domain.earlier_identities import (
    ListedTransaction,
    fold_identity,
    likely_spellings,
    number_among_equals,
    possible_stems,
)
from bulk_topup.domain.identity import (
    folded_party_identity,
    folded_reference_identity,
    occurrence_identity,
    party_identity,
    reference_identity,
    stem_of,
)
from bulk_topup.domain.identity_version import IdentityVersion, RunIds, ids_of_name
from bulk_topup.domain.sameness import party_key, reference_key
from bulk_topup.plan import row_identities

NOW = datetime(2026, 11, 30, tzinfo=UTC)
NUMBERS = st.sampled_from(
    ["", "+551187654321", "+5511987654321", "+5215512345678", "+525512345678", "+541123456789", "+5491123456789"]
)
TEXTS = st.text(st.sampled_from("01aBß-\u2013\u2212 \u00a0\u200b.\u02d7\u2800"), max_size=4)
#: Mobile number, account number, qualifier and bill, of a credited party, which has a number or an account.
PARTIES = st.tuples(NUMBERS, TEXTS, TEXTS, TEXTS).filter(lambda party: bool(party[0] or party[1]))


@given(PARTIES, PARTIES)
@example(("", "0302 9442961", "PREPAID", "B-1"), ("", "03029442961", "prepaid", "b–1"))
@example(("+551187654321", "", "", ""), ("+5511987654321", "", "", ""))
@example(("", "4711", "", ""), ("", "04711", "", ""))
@example(("", "4711", "", "B-1"), ("", "4711", "", "B-2"))
def test_identities_are_equal_exactly_if_the_parties_are(
    one: tuple[str, str, str, str], other: tuple[str, str, str, str]
) -> None:
    assume(party_key(*one) is not None and party_key(*other) is not None)
    are_equal = party_key(*one) == party_key(*other)
    assert (folded_party_identity(1, *one) == folded_party_identity(1, *other)) == are_equal
    assert folded_party_identity(1, *one) != folded_party_identity(2, *one)


@given(TEXTS, TEXTS)
@example("E-1001", "e\u20131001")
def test_identities_are_equal_exactly_if_the_references_are(one: str, other: str) -> None:
    are_equal = reference_key(one) == reference_key(other)
    assert (folded_reference_identity(one) == folded_reference_identity(other)) == are_equal


@given(st.lists(st.tuples(NUMBERS, TEXTS, TEXTS, TEXTS, TEXTS), min_size=1, max_size=4))
def test_expressions_and_functions_give_the_same_identities(rows: list[tuple[str, ...]]) -> None:
    names = (fields.CREDIT_MOBILE, fields.CREDIT_ACCOUNT, fields.CREDIT_QUALIFIER, "statement_identifier.reference")
    columns = [*names, fields.REFERENCE]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row").with_columns(product=7)
    found = frame.select(
        party=row_identities.folded_party_identity(columns, "product"),
        reference=row_identities.folded_reference_identity(columns),
        written=row_identities.party_identity(columns, "product"),
    ).rows()
    assert found == [
        (
            folded_party_identity(7, *party) if party[0] or party[1] else None,
            folded_reference_identity(reference),
            party_identity(7, tuple(party[:3])) if party[0] or party[1] else None,
        )
        for *party, reference in rows
    ]


@given(PARTIES, TEXTS, st.integers(1, 12))
def test_the_identity_of_a_row_as_it_is_written_can_be_folded(
    party: tuple[str, str, str, str], reference: str, number: int
) -> None:
    written = occurrence_identity(party_identity(7, party[:3]), number)
    assert fold_identity(written, party[3]) == occurrence_identity(folded_party_identity(7, *party), number)
    assert fold_identity(reference_identity(reference), None) == folded_reference_identity(reference)
    assert fold_identity("cells:ab", None) == "cells:ab"


def test_the_identity_of_a_plain_number_is_the_same_in_every_version() -> None:
    assert folded_party_identity(7, "+6595123400", None, None, None) == party_identity(7, ("+6595123400", None, None))


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (reference_identity("E-1001"), reference_identity("e-1001")),
        (reference_identity("e-1001"), reference_identity("E-1001")),
        (reference_identity("E-1001"), reference_identity("E\u20131001 ")),
        (party_identity(7, ("+551187654321", "", "")), party_identity(7, ("+5511987654321", "", ""))),
        (party_identity(7, ("+5215512345678", "", "")), party_identity(7, ("+525512345678", "", ""))),
        (party_identity(7, ("", "03029442961", "")), party_identity(7, ("", "0302 9442961", ""))),
        (party_identity(7, ("", "1", "PREPAID")), party_identity(7, ("", "1", "prepaid"))),
        (party_identity(7, ("", "1", "Prepaid")), party_identity(7, ("", "1", "PREPAID"))),
        (f"{party_identity(7, ('', '1', 'PREPAID'))}#2", f"{party_identity(7, ('', '1', 'prepaid'))}#2"),
    ],
)
def test_likely_spellings_have_what_the_list_said_before(before: str, now: str) -> None:
    assert before in likely_spellings(now)
    assert likely_spellings(now)[0] == now


def test_a_row_may_have_ids_of_its_own_version_first_then_of_others_then_of_other_spellings() -> None:
    versions = ids_of_name("Payroll", "1")
    newest, folded_names, as_written = versions
    found = possible_stems(versions, "reference:e-1", "reference:E–1")
    assert list(found.items())[:3] == [
        (stem_of(newest.external_id("reference:e-1", 1)), frozenset({IdentityVersion.FOLDED})),
        (stem_of(folded_names.external_id("reference:E–1", 1)), frozenset({IdentityVersion.FOLDED_NAMES})),
        (stem_of(as_written.external_id("reference:E–1", 1)), frozenset({IdentityVersion.AS_WRITTEN})),
    ]
    assert set(list(found.values())[3:]) == {frozenset()}
    assert stem_of(as_written.external_id("reference:E-1", 1)) in found
    # Of a row that has one spelling, all versions have one ID.
    [computed_by] = possible_stems(ids_of_name("payroll", "1"), "reference:1", "reference:1").values()
    assert computed_by == {IdentityVersion.FOLDED, IdentityVersion.FOLDED_NAMES}


@pytest.mark.parametrize("number", [1, 2, 9])
@pytest.mark.parametrize("ids", ids_of_name("Payroll", "1")[1:])
def test_a_transaction_tells_the_spelling_under_which_it_was_sent(ids: RunIds, number: int) -> None:
    party = (None, "0302 94–42961", "Home")
    sent = ids.external_id(occurrence_identity(party_identity(7, party), number), 3)

    def number_of(versions: Sequence[RunIds]) -> int | None:
        listed = ListedTransaction(external_id=sent, product_id=7, party=party, bill=None, created_at=NOW)
        return number_among_equals(versions, listed)

    assert number_of(ids_of_name("Payroll", "1")) == number
    assert number_of(ids_of_name("Payroll", "2")) is None
