"""Four-eyes approval of a plan: signs its statement, and checks that an approval is valid; reads approved plans."""

import hmac
import json
import os
import pwd
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from cryptography.exceptions import InvalidSignature
from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from bulk_topup.approvals.keys import HMAC, Signer, checked_key, key_id, public_key, secret_signer
from bulk_topup.approvals.statement import PlanStatement, SignedModel, read_model
from bulk_topup.domain.run import Run
from bulk_topup.errors import ApprovalError

#: How long an approval is valid by default.
VALID_FOR: Final = timedelta(hours=24)

#: Precedes the signed bytes, so that a signature made for another purpose is not valid for this one.
_PURPOSE: Final = b"bulk-topup approval 1\n"


class ApprovalPolicy(BaseModel):
    """Who must approve a job's plans."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Whether nothing is sent without an approval.
    required: bool = False
    #: The trusted public keys, as `approval-key new` prints them, or "hmac" for the shared secret.
    keys: tuple[Annotated[str, AfterValidator(checked_key)], ...] = ()
    #: Who must not approve: the user who made the plan; "nobody" allows one person to do both.
    not_by: Literal["planner", "nobody"] = "planner"

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        if self.required and not self.keys:
            raise ValueError("an approval is required, but no key is trusted; add keys")
        return self


class Approval(SignedModel):
    """Who approved a plan, when, and until when that is valid."""

    #: The operating system's user.
    approved_by: str
    #: Times in UTC, ISO 8601.
    approved_at: str
    valid_until: str
    #: The ID of the key that signed.
    key: str
    #: The signature of the statement and all fields above, in hexadecimal.
    signature: str


class ApprovedPlan(SignedModel):
    """A statement with its approval, as `approve` writes and `run` reads it."""

    statement: PlanStatement
    approval: Approval

    def signed_bytes(self) -> bytes:
        """Return the bytes that are signed: the same for the same values, and different for any others."""
        values = {"statement": self.statement.model_dump(), **self.approval.model_dump(exclude={"signature"})}
        return _PURPOSE + json.dumps(values, sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Presented:
    """An approved plan that is presented to a run."""

    plan: ApprovedPlan
    #: The shared secret that checks it; None if it is signed with a key.
    secret: bytes | None = None


def approve(
    statement: PlanStatement, signer: Signer, *, approver: str, now: datetime, valid_for: timedelta
) -> ApprovedPlan:
    """Sign the statement of a plan.

    Args:
        statement: what the plan pays.
        signer: the key that signs.
        approver: the operating system's user who approves.
        now: the time, in UTC.
        valid_for: how long the approval is valid.

    Raises:
        ApprovalError: the approver made the plan.
    """
    if statement.not_by == "planner" and approver == statement.planned_by:
        raise ApprovalError(f"{approver} made this plan. Another person must approve it.")
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
    """Check that an approval is signed with a trusted key, by another person than the planner, and has not expired.

    Args:
        presented: the approved plan.
        policy: the trusted keys, and who must not approve.
        now: the time, in UTC.

    Raises:
        ApprovalError: it is not valid.
    """
    plan, approval = presented.plan, presented.plan.approval
    if not policy.keys:
        raise ApprovalError(
            "No key is trusted to approve. Add keys to the job file's [approval] table, or add --approver-key."
        )
    if not any(_is_signed(plan, key, presented.secret) for key in policy.keys):
        raise ApprovalError(
            f"The approval by {approval.approved_by} (key {approval.key}) is not signed with a trusted key, or was "
            "changed after it was signed. Have the plan approved again."
        )
    if policy.not_by == "planner" and approval.approved_by == plan.statement.planned_by:
        raise ApprovalError(f"{approval.approved_by} both made and approved the plan. Another person must approve it.")
    valid_until = datetime.fromisoformat(approval.valid_until)
    if now >= valid_until:
        raise ApprovalError(
            f"The approval by {approval.approved_by} expired {valid_until.astimezone(UTC):%Y-%m-%d %H:%M} UTC. Have "
            "the plan approved again. Rows that a run has already started under it continue with `bulk-topup resume`."
        )


def user_name() -> str:
    """Return the operating system's user of this process; no environment variable can change it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"


def read_approved(file: Path) -> ApprovedPlan:
    """Read an approved plan.

    Raises:
        ApprovalError: the file cannot be read, or is not an approved plan.
    """
    return read_model(file, ApprovedPlan, "an approved plan. Write one with `bulk-topup approve`")


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
    """Return who approved the list of a run's last invocation; None for a run without an approval."""
    return None if run.approval is None else ApprovedPlan.model_validate_json(run.approval).approval.approved_by
