"""What approvals write and read: key IDs, signed bytes, plan files up to their bound, and who approved a run."""

import base64
import os
import pwd
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ValidationError

from bulk_topup.approvals.approval import VALID_FOR, ApprovalPolicy, approve, approver_of, user_name
from bulk_topup.approvals.keys import checked_key, key_id, secret_signer
from bulk_topup.approvals.statement import StatedRepetition, check_same_plan, read_statement
from bulk_topup.errors import ApprovalError
from tests.helpers.sample_run import RUN
from tests.helpers.sample_statement import NOW, SECRET, STATEMENT


def test_the_ids_of_keys_stay_those_of_approvals_that_people_have() -> None:
    assert secret_signer(SECRET).id == "hmac:65e30ea9ab38eb12"
    public = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
    assert key_id(public) == "ed25519:56475aa75463474c"


def test_a_public_key_has_no_signs_that_mean_nothing() -> None:
    raw = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key().public_bytes_raw()
    text = f"ed25519:{base64.b64encode(raw).decode()}"
    assert checked_key(text) == text
    for other in (f"{text[:20]}!{text[20:]}", f"{text}\n", text.replace("ed25519:", "ed25519: ")):
        with pytest.raises(ValueError, match="is not a public key"):
            checked_key(other)


def test_the_order_of_units_does_not_change_what_is_signed() -> None:
    amounts = {"GBP": "12.5", "SGD": "30"}
    assert list(amounts) != list(STATEMENT.amounts)
    plans = [
        approve(each, secret_signer(SECRET), approver="carl", now=NOW, valid_for=VALID_FOR)
        for each in (STATEMENT, STATEMENT.model_copy(update={"amounts": amounts}))
    ]
    assert plans[0].signed_bytes() == plans[1].signed_bytes()
    assert plans[0].approval.signature == plans[1].approval.signature


@pytest.mark.parametrize(
    ("model", "name", "value"), [(STATEMENT, "rows", 4), (ApprovalPolicy(keys=("hmac",)), "required", False)]
)
def test_a_statement_and_a_policy_do_not_change(model: BaseModel, name: str, value: object) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(model, name, value)


@pytest.mark.parametrize(
    ("more", "says"), [(0, "plan.json is not a plan"), (1, "has more than 64 MB, so it is not a plan")]
)
def test_a_plan_file_has_64_mb_at_most(tmp_path: Path, more: int, says: str) -> None:
    file = tmp_path / "plan.json"
    with file.open("wb") as opened:
        opened.truncate(64 * 1024 * 1024 + more)
    with pytest.raises(ApprovalError, match=says):
        read_statement(file)


def test_what_is_paid_again_is_named_on_both_sides() -> None:
    again = STATEMENT.model_copy(
        update={
            "paid_again": (
                StatedRepetition(run="payroll/2026-10", rows=2, reason="second bonus"),
                StatedRepetition(run="extra/may", rows=1, reason="lost card"),
            )
        }
    )
    named = "2 rows of payroll/2026-10: second bonus; 1 row of extra/may: lost card"
    with pytest.raises(ApprovalError) as more:
        check_same_plan(STATEMENT, again)
    assert f"what is paid again is {named}; approved was nothing" in str(more.value)
    with pytest.raises(ApprovalError) as fewer:
        check_same_plan(again, STATEMENT)
    assert f"what is paid again is nothing; approved was {named}" in str(fewer.value)


def test_who_approved_a_run_is_read_from_its_approval() -> None:
    assert approver_of(RUN) is None
    plan = approve(STATEMENT, secret_signer(SECRET), approver="carl", now=NOW, valid_for=VALID_FOR)
    assert approver_of(replace(RUN, approval=plan.model_dump_json())) == "carl"


def test_a_user_without_a_name_is_named_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    assert user_name() == pwd.getpwuid(os.getuid()).pw_name
    known = {user.pw_uid for user in pwd.getpwall()}
    unknown = next(number for number in range(50_000, 60_000) if number not in known)
    monkeypatch.setattr(os, "getuid", lambda: unknown)
    assert user_name() == f"user {unknown}"
