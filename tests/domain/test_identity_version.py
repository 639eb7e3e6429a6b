"""What external IDs are computed from: names and rows as they were written, or folded."""

import pytest

from bulk_topup.domain.identity import (
    external_id,
    folded_party_identity,
    folded_reference_identity,
    looks_like,
    party_identity,
    reference_identity,
)
from bulk_topup.domain.identity_version import IdentityVersion, RunIds, ids_of_name


def test_the_first_version_computes_from_the_names_as_they_were_written() -> None:
    ids = RunIds.of_name("Payroll", "2026–11 ", IdentityVersion.AS_WRITTEN)
    assert ids.external_id("party:1", 2) == external_id("Payroll", "2026–11 ", "party:1", 2)


def test_the_newest_version_gives_the_same_ids_for_every_spelling() -> None:
    written = RunIds.of_name("Payroll", "2026–11 ").external_id("party:1", 1)
    assert written == RunIds.of_name("PAYROLL", "2026-11").external_id("party:1", 1)
    assert written == external_id("payroll", "2026-11", "party:1", 1)
    assert written.startswith("payroll-")


def test_a_name_in_its_folded_form_has_the_same_ids_in_both_versions_that_fold_no_rows() -> None:
    assert [ids.version for ids in ids_of_name("payroll", "2026-11")] == [
        IdentityVersion.FOLDED,
        IdentityVersion.FOLDED_NAMES,
    ]
    assert [ids.version for ids in ids_of_name("Payroll", "2026-11")] == [
        IdentityVersion.FOLDED,
        IdentityVersion.FOLDED_NAMES,
        IdentityVersion.AS_WRITTEN,
    ]


def test_versions_that_fold_rows_and_those_that_do_not_never_have_the_same_ids() -> None:
    folded, unfolded = (
        RunIds.of_name("payroll", "1", version) for version in (IdentityVersion.FOLDED, IdentityVersion.FOLDED_NAMES)
    )
    assert (folded.job, folded.run_key) == (unfolded.job, unfolded.run_key)
    assert not folded.has_ids_of(unfolded)
    assert unfolded.has_ids_of(RunIds.of_name("payroll", "1", IdentityVersion.AS_WRITTEN))


WRITTEN = (
    reference_identity("E-1"),
    party_identity(7, ("", "0302 9442961", "PREPAID")),
    party_identity(7, ("+551187654321", "", "")),
)
FOLDED = (
    folded_reference_identity("E-1"),
    folded_party_identity(7, "", "0302 9442961", "PREPAID", "B–1"),
    folded_party_identity(7, "+551187654321", "", "", ""),
)


@pytest.mark.parametrize(
    ("version", "identities", "recorded"),
    [
        (
            IdentityVersion.AS_WRITTEN,
            WRITTEN,
            ["payroll-k7jsn3fffgt244tare-1", "payroll-dypkpwvqm5yzsc3s7u-1", "payroll-iv3u7eg44hr6lh2ge7-1"],
        ),
        (
            IdentityVersion.FOLDED_NAMES,
            WRITTEN,
            ["payroll-np6pr6ecidauclqiv4-1", "payroll-dvk5tzvhpeeo26jggy-1", "payroll-a6ayfdaovdvoy3vf4p-1"],
        ),
        (
            IdentityVersion.FOLDED,
            FOLDED,
            ["payroll-6lxgftwqgezer5wldv-1", "payroll-vzofekiuqtcwgj66uf-1", "payroll-lp6wpwklhdxxxyxyup-1"],
        ),
    ],
)
def test_the_ids_of_a_version_never_change(
    version: IdentityVersion, identities: tuple[str, ...], recorded: list[str]
) -> None:
    """Ledgers and DVS have them: an ID that changes pays a row of a lost ledger again."""
    ids = RunIds.of_name("Payroll", "2026–11", version)
    assert [ids.external_id(identity, 1) for identity in identities] == recorded


def test_an_id_looks_like_those_of_its_job_whatever_the_version() -> None:
    first, _, second = (ids.external_id("party:1", 1) for ids in ids_of_name("Straße", "x"))
    assert (first.partition("-")[0], second.partition("-")[0]) == ("strasse", "strae")
    assert looks_like({"Straße", "strasse"}, first)
    assert looks_like({"Straße", "strasse"}, second)
    assert not looks_like({"strasse"}, second)
