"""Identities and external ids."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.identity import (
    EXTERNAL_ID_LENGTH,
    MAX_ATTEMPTS,
    base_identity,
    external_id,
    folded_party_identity,
    looks_like,
    may_be_computed,
    number_of,
    occurrence_identity,
    party_identity,
    party_of,
    reference_identity,
    slug,
    stem_of,
    unreadable_identity,
)

names = st.text(min_size=1, max_size=80)


@given(names, names, names, st.integers(1, MAX_ATTEMPTS))
def test_an_external_id_always_fits_the_api(job: str, run_key: str, identity: str, attempt: int) -> None:
    made = external_id(job, run_key, identity, attempt)
    assert len(made) <= EXTERNAL_ID_LENGTH
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*-[a-z2-7]{18}-[0-9]{1,4}", made)
    assert made == external_id(job, run_key, identity, attempt)


@given(st.tuples(names, names, names), st.tuples(names, names, names))
def test_different_rows_have_different_external_ids(first: tuple[str, str, str], second: tuple[str, str, str]) -> None:
    assert (external_id(*first, 1) == external_id(*second, 1)) == (first == second)


def test_moving_a_letter_between_job_and_key_makes_another_run() -> None:
    assert external_id("pay", "roll1", "x", 1).split("-")[1] != external_id("payroll", "1", "x", 1).split("-")[1]


def test_the_external_id_never_changes_from_one_version_to_the_next() -> None:
    assert external_id("payroll", "2026-11", "reference:E-1001", 1) == EXPECTED


EXPECTED = "payroll-yn5m6m2y5shp6rdntt-1"


@pytest.mark.parametrize("attempt", [0, -1, MAX_ATTEMPTS + 1])
def test_an_attempt_out_of_bounds_has_no_external_id(attempt: int) -> None:
    with pytest.raises(ValueError, match="attempt"):
        external_id("a", "b", "c", attempt)


def test_the_slug_keeps_what_people_recognise() -> None:
    assert slug("Paie d'été 2026") == "paie-d-ete-2026"
    assert slug("工资") == "run"


@given(
    st.integers(1),
    st.lists(st.none() | names, min_size=3, max_size=3),
    st.lists(st.none() | names, min_size=3, max_size=3),
)
def test_every_part_of_a_party_counts(product: int, one: list[str | None], other: list[str | None]) -> None:
    same = [part or "" for part in one] == [part or "" for part in other]
    assert (party_identity(product, tuple(one)) == party_identity(product, tuple(other))) == same


@given(
    st.integers(1, 10**9),
    st.lists(st.none() | st.sampled_from(["#2", "7#3", "4:x#5", "+6595123100"]) | names, min_size=1, max_size=4),
    st.integers(1, 99),
)
def test_equal_rows_have_one_identity_without_their_numbers(
    product: int, parts: list[str | None], occurrence: int
) -> None:
    identity = party_identity(product, tuple(parts))
    assert base_identity(occurrence_identity(identity, occurrence)) == identity


@pytest.mark.parametrize("identity", [reference_identity("A#2"), "cells:5#2", "party:9:x#2", "party:1:7 #2", "", "#2"])
def test_an_identity_that_is_not_by_credit_party_has_no_number(identity: str) -> None:
    assert base_identity(identity) == identity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("payroll-yn5m6m2y5shp6rdntt-1", 1),
        ("payroll-yn5m6m2y5shp6rdntt-999", 999),
        (f"a-{MAX_ATTEMPTS}", MAX_ATTEMPTS),
        (f"a-{MAX_ATTEMPTS + 1}", None),
        ("a-0", None),
        ("a-01", None),
        ("a-\u00b2", None),
        ("a-\u0661", None),
        ("a-" + "9" * 5000, None),  # more digits than Python reads
        ("a-", None),
        ("a-x", None),
        ("7", 7),
    ],
)
def test_the_number_of_an_attempt_is_read_from_its_external_id(text: str, number: int | None) -> None:
    assert number_of(text) == number


@given(names, names, names, st.integers(1, MAX_ATTEMPTS))
def test_an_external_id_is_taken_apart_again(job: str, run_key: str, identity: str, attempt: int) -> None:
    made = external_id(job, run_key, identity, attempt)
    assert number_of(made) == attempt
    assert f"{stem_of(made)}-{attempt}" == made
    assert stem_of(made) == stem_of(external_id(job, run_key, identity, 1))
    assert looks_like(["another", job], made)


def test_ids_of_other_jobs_and_forms_look_like_none_of_a_job() -> None:
    made = external_id("payroll", "2026-11", "reference:E-1001", 1)
    assert not looks_like(["pay", "payrolls"], made)
    assert not looks_like(["payroll"], made.removesuffix("1") + "0")
    assert not looks_like(["payroll"], made.replace("-yn", "-y"))
    assert not looks_like(["payroll"], made.replace("-yn", "-y1"))
    assert not looks_like([], made)


@given(names, names, names, st.integers(1, MAX_ATTEMPTS))
def test_an_external_id_of_any_job_is_never_taken_for_another_programs(
    job: str, run_key: str, identity: str, attempt: int
) -> None:
    made = external_id(job, run_key, identity, attempt)
    assert may_be_computed(made)
    assert may_be_computed(f" {made.upper()} ")


def test_an_external_id_that_is_not_stated_may_be_any() -> None:
    assert may_be_computed("")
    assert may_be_computed(" ")


@pytest.mark.parametrize(
    "other",
    [
        "4711",
        "ORDER-2026-11-30-1",
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "payroll-aaaaaaaaaaaaaaaaa-1",
        "payroll-aaaaaaaaaaaaaaaaaaa-1",
        "payroll-aaaaaaaaaaaaaaaaa1-1",
        "payroll-aaaaaaaaaaaaaaaaaa-0",
        "payroll-aaaaaaaaaaaaaaaaaa",
        "-aaaaaaaaaaaaaaaaaa-1",
        "payroll-aaaaaaaaaaaaaaaaaa-1-x",
    ],
)
def test_external_ids_of_other_forms_are_those_of_other_programs(other: str) -> None:
    assert not may_be_computed(other)


def test_the_longest_external_id_has_forty_characters() -> None:
    assert MAX_ATTEMPTS == 9999
    assert len(external_id("a" * 30, "b", "c", MAX_ATTEMPTS)) == EXTERNAL_ID_LENGTH == 40
    assert slug("a" * 30) == "a" * 16


def test_the_identities_of_parties_never_change_from_one_version_to_the_next() -> None:
    assert party_identity(6418, ("+6595123100", None, "")) == "party:4:641811:+65951231000:0:"
    assert folded_party_identity(6418, "+5511 87654321".replace(" ", ""), None, None, None) == (
        "party:4:641814:+55119876543210:0:"
    )
    assert folded_party_identity(9, None, " 0012 ", "PREPAID", None) == "party:1:90:4:00127:prepaid"
    assert folded_party_identity(9, "+6595123100", "0012", "Pre paid", " B-1 ") == ("party:1:90:4:00127:prepaid3:b-1")
    assert folded_party_identity(9, None, None, "x", "y") == "party:1:90:0:0:"


def test_product_and_party_are_read_from_an_identity_by_them() -> None:
    assert party_of(party_identity(6418, ("+6595123100", None, "#2"))) == ("6418", "+6595123100", "", "#2")
    assert party_of(reference_identity("party:1:7")) == ()
    assert occurrence_identity("party:1:7", 1) == "party:1:7"
    assert occurrence_identity("party:1:7", 2) == "party:1:7#2"


def test_the_identity_of_a_row_without_a_party_never_changes_from_one_version_to_the_next() -> None:
    assert unreadable_identity('["?"]') == "cells:97d33f27e633ec7e527e74093a432492118fa396bc6cb4226be2205036e6ad25"
    assert reference_identity("E-1") == "reference:E-1"
