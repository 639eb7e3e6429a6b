"""What external IDs are computed from: the names as they were written, or folded."""

from bulk_topup.domain.identity import external_id, looks_like
from bulk_topup.domain.identity_version import IdentityVersion, RunIds, ids_of_name


def test_the_first_version_computes_from_the_names_as_they_were_written() -> None:
    ids = RunIds.of_name("Payroll", "2026–11 ", IdentityVersion.AS_WRITTEN)
    assert ids.external_id("party:1", 2) == external_id("Payroll", "2026–11 ", "party:1", 2)


def test_the_second_version_gives_the_same_ids_for_every_spelling() -> None:
    written = RunIds.of_name("Payroll", "2026–11 ").external_id("party:1", 1)
    assert written == RunIds.of_name("PAYROLL", "2026-11").external_id("party:1", 1)
    assert written == external_id("payroll", "2026-11", "party:1", 1)
    assert written.startswith("payroll-")


def test_a_name_in_its_folded_form_has_the_same_ids_in_both_versions() -> None:
    assert [ids.version for ids in ids_of_name("payroll", "2026-11")] == [IdentityVersion.FOLDED]
    assert [ids.version for ids in ids_of_name("Payroll", "2026-11")] == [
        IdentityVersion.FOLDED,
        IdentityVersion.AS_WRITTEN,
    ]


def test_an_id_looks_like_those_of_its_job_whatever_the_version() -> None:
    first, second = (ids.external_id("party:1", 1) for ids in ids_of_name("Straße", "x"))
    assert (first.partition("-")[0], second.partition("-")[0]) == ("strasse", "strae")
    assert looks_like({"Straße", "strasse"}, first)
    assert looks_like({"Straße", "strasse"}, second)
    assert not looks_like({"strasse"}, second)
