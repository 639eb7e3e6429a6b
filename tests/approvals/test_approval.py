"""Approvals: signed by another person, for exactly what was planned, for a time; every change is refused."""

import json
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bulk_topup.approvals import statement
from bulk_topup.approvals.approval import (
    VALID_FOR,
    ApprovalPolicy,
    ApprovedPlan,
    Presented,
    approve,
    check_valid,
    read_approved,
)
from bulk_topup.approvals.keys import Signer, load_signer, make_key, secret_signer, trusted_key
from bulk_topup.approvals.statement import check_same_plan, read_statement
from bulk_topup.domain.guards import Guards
from bulk_topup.errors import ApprovalError
from tests.helpers.sample_statement import NOW, SECRET, STATEMENT


def _approved(signer: Signer, *, approver: str = "carl", **changes: Any) -> ApprovedPlan:
    statement = STATEMENT.model_copy(update=changes)
    return approve(statement, signer, approver=approver, now=NOW, valid_for=VALID_FOR)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    file = tmp_path_factory.mktemp("keys") / "controller.key"
    return file, make_key(file)


def _refused(presented: Presented, policy: ApprovalPolicy, now: datetime = NOW) -> str:
    with pytest.raises(ApprovalError) as error:
        check_valid(presented, policy, now)
    return str(error.value)


def test_a_plan_that_another_person_signed_with_a_trusted_key_is_valid(key: tuple[Path, str]) -> None:
    file, public = key
    policy = ApprovalPolicy(keys=(public,))
    check_valid(Presented(plan=_approved(load_signer(file))), policy, NOW + timedelta(hours=23, minutes=59))


def test_a_shared_secret_signs_too_and_another_secret_does_not() -> None:
    plan = _approved(secret_signer(SECRET))
    policy = ApprovalPolicy(keys=("hmac",))
    check_valid(Presented(plan=plan, secret=SECRET), policy, NOW)
    for other in (SECRET[:-1] + b"!", None):
        assert "not signed with a trusted key" in _refused(Presented(plan=plan, secret=other), policy)


def test_an_untrusted_key_is_refused(key: tuple[Path, str], tmp_path: Path) -> None:
    make_key(tmp_path / "other.key")
    plan = _approved(load_signer(tmp_path / "other.key"))
    assert "not signed with a trusted key" in _refused(Presented(plan=plan), ApprovalPolicy(keys=(key[1],)))


def test_without_any_trusted_key_nothing_is_approved(key: tuple[Path, str]) -> None:
    assert "No key is trusted" in _refused(Presented(plan=_approved(load_signer(key[0]))), ApprovalPolicy())


def test_a_planner_approves_no_own_plan_unless_the_job_allows_it(key: tuple[Path, str]) -> None:
    file, public = key
    with pytest.raises(ApprovalError, match="petra made this plan"):
        _approved(load_signer(file), approver="petra")
    plan = _approved(load_signer(file), approver="petra", not_by="nobody")
    check_valid(Presented(plan=plan), ApprovalPolicy(keys=(public,), not_by="nobody"), NOW)
    assert "both made and approved" in _refused(Presented(plan=plan), ApprovalPolicy(keys=(public,)))


def test_an_approval_expires(key: tuple[Path, str]) -> None:
    plan = _approved(load_signer(key[0]))
    said = _refused(Presented(plan=plan), ApprovalPolicy(keys=(key[1],)), NOW + timedelta(hours=24))
    assert "expired 2026-11-25 09:00 UTC." in said


def test_a_signature_has_one_spelling(key: tuple[Path, str]) -> None:
    plan = _approved(load_signer(key[0]))
    loud = plan.approval.model_copy(update={"signature": plan.approval.signature.upper()})
    changed = Presented(plan=plan.model_copy(update={"approval": loud}))
    assert "was changed after it was signed" in _refused(changed, ApprovalPolicy(keys=(key[1],)))


def _places(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(value, dict):
        return [place for name, part in value.items() for place in _places(part, (*path, name))]
    return [path]


PLACES = _places(_approved(secret_signer(SECRET)).model_dump())


@pytest.mark.parametrize("signer_of", ["key", "secret"])
@given(place=st.sampled_from(PLACES), at=st.integers(0, 10**6), by=st.integers(1, 0x5E))
def test_any_changed_byte_of_any_field_is_refused(
    key: tuple[Path, str], signer_of: str, place: tuple[str, ...], at: int, by: int
) -> None:
    signer = load_signer(key[0]) if signer_of == "key" else secret_signer(SECRET)
    values = json.loads(_approved(signer).model_dump_json())
    holder = values
    for name in place[:-1]:
        holder = holder[name]
    before = holder[place[-1]]
    if isinstance(before, int):
        holder[place[-1]] = before + by
    else:
        index = at % len(before)
        changed = chr((ord(before[index]) - 0x20 + by) % 0x5F + 0x20)
        holder[place[-1]] = before[:index] + changed + before[index + 1 :]
    assert holder[place[-1]] != before
    try:
        changed_plan = ApprovedPlan.model_validate_json(json.dumps(values))
    except ValidationError:
        return
    _refused(Presented(plan=changed_plan, secret=SECRET), ApprovalPolicy(keys=(key[1], "hmac")))


@pytest.mark.parametrize("place", PLACES)
def test_a_field_that_is_missing_or_of_another_kind_is_no_approved_plan(place: tuple[str, ...], tmp_path: Path) -> None:
    for change in ("leave out", "other kind"):
        values = json.loads(_approved(secret_signer(SECRET)).model_dump_json())
        holder = values
        for name in place[:-1]:
            holder = holder[name]
        if change == "other kind":
            holder[place[-1]] = 3 if isinstance(holder[place[-1]], str) else "3"
        elif len(place) == 2 and place[-1] != "format":
            del holder[place[-1]]
        else:
            holder["more"] = {}
        file = tmp_path / "plan.approved.json"
        file.write_text(json.dumps(values))
        with pytest.raises(ApprovalError, match="is not an approved plan"):
            read_approved(file)


def test_texts_that_join_to_the_same_text_are_signed_differently() -> None:
    one = _approved(secret_signer(SECRET), job="pay", run_key="roll")
    other = _approved(secret_signer(SECRET), job="payr", run_key="oll")
    assert one.signed_bytes() != other.signed_bytes()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"job": "bonus"}, "the job is bonus, approved was payroll"),
        ({"run_key": "2026-12"}, "the run key is 2026-12, approved was 2026-11"),
        ({"environment": "preprod"}, "the environment is preprod, approved was production"),
        ({"account": "another"}, "the account is another"),
        ({"rows": 4}, "the number of rows is 4, approved was 3"),
        ({"list_sha256": "d4" * 32}, "the SHA-256 of the list is d4d4"),
        ({"amounts": {"SGD": "31"}}, "the requested amount is 31.00 SGD, approved was 30.00 SGD"),
        ({"amounts": {"SGD": "30"}}, "the requested amount is 0.00 GBP, approved was 12.50 GBP"),
        ({"costs": {"USD": "38.1", "EUR": "1"}}, "the cost is 1.00 EUR, approved was 0.00 EUR"),
        ({"rows_without_known_cost": 1}, "without a known cost is 1"),
        ({"requests_sha256": "d4" * 32}, "at least one row has another identity"),
        ({"amounts": {"SGD": "about 30"}}, "the requested amount is about 30 SGD, approved was 30.00 SGD"),
        ({"costs_sha256": "d4" * 32}, "at least one row has another cost"),
        ({"guards": Guards(spacing=5).model_dump_json()}, "the guards differ: spacing"),
        ({"not_by": "nobody"}, "the person who must not approve is nobody"),
    ],
)
def test_what_differs_from_the_approved_plan_is_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ApprovalError) as error:
        check_same_plan(STATEMENT, STATEMENT.model_copy(update=change))
    assert says in str(error.value)


def test_who_plans_again_when_and_with_which_version_is_no_difference() -> None:
    check_same_plan(
        STATEMENT, STATEMENT.model_copy(update={"planned_by": "cron", "planned_at": "", "version": "0.2.0"})
    )


def test_a_private_key_is_its_owners_alone_and_never_overwritten(key: tuple[Path, str]) -> None:
    file, public = key
    assert file.stat().st_mode & 0o777 == 0o600
    assert trusted_key(str(file.with_name("controller.key.pub"))) == public
    with pytest.raises(ApprovalError, match="Can't write the key"):
        make_key(file)
    assert load_signer(file).id.startswith("ed25519:")


@pytest.mark.parametrize("mode", [0o600 | 1 << bit for bit in range(6)])
def test_a_private_key_that_others_may_use_in_any_way_is_not_used(tmp_path: Path, mode: int) -> None:
    make_key(tmp_path / "shared.key")
    (tmp_path / "shared.key").chmod(mode)
    with pytest.raises(ApprovalError, match="Others can read the key"):
        load_signer(tmp_path / "shared.key")


def test_a_file_that_is_no_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.key").write_text("nothing")
    (tmp_path / "no.key").chmod(0o600)
    cases: list[tuple[Callable[[], object], str]] = [
        (lambda: load_signer(tmp_path / "no.key"), "is not a private key"),
        (lambda: load_signer(tmp_path / "missing.key"), "Can't read the key"),
        (lambda: trusted_key("ed25519:AAAA"), "is not a public key"),
        (lambda: trusted_key(str(tmp_path / "no.key")), "is not a public key"),
        (lambda: trusted_key("missing"), "neither a public key nor a file"),
        (lambda: secret_signer(b"short"), "fewer than 32 bytes"),
        (lambda: read_statement(tmp_path / "no.key"), "is not a plan that can be approved"),
        (lambda: read_approved(tmp_path / "missing"), "Can't read "),
    ]
    for attempt, says in cases:
        with pytest.raises(ApprovalError, match=says):
            attempt()


def test_a_job_that_requires_an_approval_must_trust_a_key() -> None:
    with pytest.raises(ValidationError, match="no key is trusted"):
        ApprovalPolicy(required=True)
    with pytest.raises(ValidationError, match="is not a public key"):
        ApprovalPolicy(keys=("ed25519:nonsense",))


def test_plans_are_read_to_a_bound_and_never_from_pipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero"), tmp_path):
        for read in (read_statement, read_approved):
            with pytest.raises(ApprovalError, match="is not a file"):
                read(path)
    monkeypatch.setattr(statement, "MAX_PLAN_BYTES", 10)
    (tmp_path / "plan.json").write_text(" " * 11)
    with pytest.raises(ApprovalError, match="has more than"):
        read_statement(tmp_path / "plan.json")


def test_any_one_of_several_trusted_keys_signs(key: tuple[Path, str], tmp_path: Path) -> None:
    other = make_key(tmp_path / "other.key")
    for keys in ((key[1], other), (other, key[1])):
        for file in (key[0], tmp_path / "other.key"):
            check_valid(Presented(plan=_approved(load_signer(file))), ApprovalPolicy(keys=keys), NOW)


@pytest.mark.parametrize("signer_of", ["key", "secret"])
def test_an_approval_that_names_another_key_than_the_one_that_signed_is_refused(
    key: tuple[Path, str], signer_of: str
) -> None:
    signer = load_signer(key[0]) if signer_of == "key" else secret_signer(SECRET)
    plan = _approved(Signer(id="ed25519:0123456789abcdef", sign=signer.sign))
    policy = ApprovalPolicy(keys=(key[1], "hmac"))
    assert "(key ed25519:0123456789abcdef) is not signed" in _refused(Presented(plan=plan, secret=SECRET), policy)


def test_a_secret_of_32_bytes_is_long_enough_and_one_of_31_is_not() -> None:
    assert secret_signer(b"x" * 32).id.startswith("hmac:")
    with pytest.raises(ApprovalError, match="fewer than 32 bytes"):
        secret_signer(b"x" * 31)


@pytest.mark.parametrize("guards", ["", "[]", "spacing", '{"spacing": "often"}', '{"no_such_guard": 1}'])
def test_a_plan_whose_guards_are_none_is_not_read_to_be_approved(tmp_path: Path, guards: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps({"to_approve": STATEMENT.model_dump()}))
    assert read_statement(file) == STATEMENT
    file.write_text(json.dumps({"to_approve": {**STATEMENT.model_dump(), "guards": guards}}))
    with pytest.raises(ApprovalError, match="is not a plan that can be approved"):
        read_statement(file)
