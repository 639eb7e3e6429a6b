"""Two people for one payment: what a plan states, who signed it, and whether that holds; touches key files only."""

import hmac
import json
import os
import pwd
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from cryptography.exceptions import InvalidSignature
from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from bulk_topup.approvals.keys import HMAC, Signer, checked_key, key_id, public_key, secret_signer
from bulk_topup.approvals.statement import PlanStatement, Signed, _read
from bulk_topup.domain.run import Run
from bulk_topup.errors import ApprovalError

#: How long an approval holds unless its approver says otherwise.
VALID_FOR: Final = timedelta(hours=24)

#: Before what is signed, so that a signature for something else is none for this.
_PURPOSE: Final = b"bulk-topup approval 1\n"


class ApprovalPolicy(BaseModel):
    """Whose approval a job needs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Nothing is sent without an approval.
    required: bool = False
    #: The public keys whose signatures count, as `approval-key new` prints them, or "hmac" for the shared secret.
    keys: tuple[Annotated[str, AfterValidator(checked_key)], ...] = ()
    #: Who must not approve: the user who made the plan; "nobody" lets one person do both.
    not_by: Literal["planner", "nobody"] = "planner"

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        if self.required and not self.keys:
            raise ValueError("an approval is required, and no key is trusted; state keys")
        return self


class Approval(Signed):
    """Who agreed, when, and until when that holds."""

    #: Operating system's user.
    approved_by: str
    approved_at: str
    valid_until: str
    #: Which key signed.
    key: str
    #: Over the statement and all of the above, in hexadecimal.
    signature: str


class ApprovedPlan(Signed):
    """A statement with its approval: what `approve` writes and `run` takes."""

    statement: PlanStatement
    approval: Approval

    def signed_bytes(self) -> bytes:
        """Give what the signature is over: the same bytes for the same values, and for no others."""
        values = {"statement": self.statement.model_dump(), **self.approval.model_dump(exclude={"signature"})}
        return _PURPOSE + json.dumps(values, sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Presented:
    """An approval that a start presents, with the shared secret where one is needed to check it."""

    plan: ApprovedPlan
    secret: bytes | None = None


def approve(
    statement: PlanStatement, signer: Signer, *, approver: str, now: datetime, valid_for: timedelta
) -> ApprovedPlan:
    """Sign what a plan states.

    Raises:
        ApprovalError: the approver made the plan.
    """
    if statement.not_by == "planner" and approver == statement.planned_by:
        raise ApprovalError(f"{approver} made this plan, so somebody else has to approve it.")
    approval = Approval(
        approved_by=approver,
        approved_at=now.isoformat(),
        valid_until=(now + valid_for).isoformat(),
        key=signer.id,
        signature="",
    )
    unsigned = ApprovedPlan(statement=statement, approval=approval)
    signature = signer.sign(unsigned.signed_bytes()).hex()
    return unsigned.model_copy(update={"approval": approval.model_copy(update={"signature": signature})})


def check_valid(presented: Presented, policy: ApprovalPolicy, now: datetime) -> None:
    """Demand that an approval is signed with a trusted key, by somebody else than the planner, and holds now.

    Raises:
        ApprovalError: it is not.
    """
    plan, approval = presented.plan, presented.plan.approval
    if not policy.keys:
        raise ApprovalError(
            "No key is trusted to approve; state keys in the job file's [approval] table, or --approver-key."
        )
    if not any(_is_signed(plan, key, presented.secret) for key in policy.keys):
        raise ApprovalError(
            f"The approval by {approval.approved_by} (key {approval.key}) is not signed with a trusted key, or was "
            "changed after it was signed; have the plan approved again."
        )
    if policy.not_by == "planner" and approval.approved_by == plan.statement.planned_by:
        raise ApprovalError(f"{approval.approved_by} both made and approved the plan; somebody else has to approve it.")
    if now >= datetime.fromisoformat(approval.valid_until):
        raise ApprovalError(
            f"The approval by {approval.approved_by} was valid until {approval.valid_until}; have the plan approved "
            "again. What a run has already begun under it goes on with `bulk-topup resume`."
        )


def user_name() -> str:
    """Give the operating system's name of who runs this process; no environment variable changes it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"


def read_approved(file: Path) -> ApprovedPlan:
    """Read an approved plan.

    Raises:
        ApprovalError: the file cannot be read, or is none.
    """
    return _read(file, ApprovedPlan, "an approved plan; make one with `bulk-topup approve`")


def _is_signed(plan: ApprovedPlan, key: str, secret: bytes | None) -> bool:
    approval = plan.approval
    try:
        signature = bytes.fromhex(approval.signature)
    except ValueError:
        return False
    if signature.hex() != approval.signature:
        return False
    if key == HMAC:
        if secret is None:
            return False
        signer = secret_signer(secret)
        return hmac.compare_digest(signer.sign(plan.signed_bytes()), signature) and approval.key == signer.id
    public = public_key(key)
    try:
        public.verify(signature, plan.signed_bytes())
    except InvalidSignature:
        return False
    return approval.key == key_id(public)


def approver_of(run: Run) -> str | None:
    """Give who approved what a run paid last; None for a run that nobody approved."""
    return None if run.approval is None else ApprovedPlan.model_validate_json(run.approval).approval.approved_by
