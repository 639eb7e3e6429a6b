"""The options of an approved plan, and of a confirmation beforehand."""

from __future__ import annotations  # the job and its approval are heavy to import, and only named here

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import cloup

from bulk_topup.cli.options.groups import APPROVAL, collect

if TYPE_CHECKING:
    from bulk_topup.approvals.approval import Presented
    from bulk_topup.jobs.job import Job


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalOptions:
    """The approved plan of a run, and the public keys that may have signed it."""

    #: The file of the approved plan; None for a run without approval.
    approved: Path | None
    #: Public keys, as text or file names, or `hmac`.
    approver_keys: tuple[str, ...]

    def load(self, job: Job) -> tuple[Job, Presented | None]:
        """Return the job with its trusted keys, and the approved plan; None where no plan is given.

        Raises:
            ApprovalError: a file can't be read, or both the job file and the command line name keys.
        """
        from bulk_topup.app.approval import load_approval
        from bulk_topup.approvals.approval import ApprovalPolicy
        from bulk_topup.approvals.keys import trusted_key
        from bulk_topup.errors import ApprovalError

        keys = tuple(map(trusted_key, self.approver_keys))
        if keys and job.approval.keys:
            raise ApprovalError("The job file names the trusted keys. Remove --approver-key.")
        if keys:
            policy = ApprovalPolicy(required=True, keys=keys, not_by=job.approval.not_by)
            job = job.model_copy(update={"approval": policy})
        return job, None if self.approved is None else load_approval(self.approved, job.approval)


approval_options = collect(
    "approval",
    ApprovalOptions,
    cloup.option(
        "--approved",
        group=APPROVAL,
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Pay what this approved plan allows, and nothing else.",
    ),
    cloup.option(
        "--approver-key",
        "approver_keys",
        group=APPROVAL,
        metavar="KEY",
        multiple=True,
        help="Trust this public key (text or file), or hmac; repeatable. Not for job files, which name their own.",
    ),
)

#: Confirms a production run beforehand.
yes_option = cloup.option(
    "--yes", "is_confirmed", group=APPROVAL, is_flag=True, help="Skip the confirmation prompt of production."
)
