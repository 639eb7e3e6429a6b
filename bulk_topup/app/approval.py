"""The approval that a caller presents; reads the plan file and the keys."""

from pathlib import Path

from bulk_topup.app.credentials import load_approval_secret
from bulk_topup.approvals.approval import ApprovalPolicy, Presented, read_approved
from bulk_topup.approvals.keys import HMAC


def load_approval(file: Path, policy: ApprovalPolicy) -> Presented:
    """Read an approved plan, with the secret by which it is checked where there is one.

    Raises:
        ApprovalError: the file cannot be read, or is none.
        ConfigurationError: the secret is missing.
    """
    plan = read_approved(file)
    is_secret_needed = HMAC in policy.keys and plan.approval.key.startswith(HMAC)
    return Presented(plan=plan, secret=load_approval_secret() if is_secret_needed else None)
