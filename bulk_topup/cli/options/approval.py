"""The options of an approved plan."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from bulk_topup.app.approval import load_approval
from bulk_topup.approvals.approval import ApprovalPolicy, Presented
from bulk_topup.approvals.keys import trusted_key
from bulk_topup.errors import ApprovalError
from bulk_topup.jobs.job import Job

F = TypeVar("F", bound=Callable[..., Any])


def approval_options(command: F) -> F:
    """Add the options with which a run takes an approval."""
    for decorate in (
        click.option(
            "--approver-key",
            "approver_keys",
            metavar="KEY",
            multiple=True,
            help="Trust this public key (its text or file), or hmac; repeatable. Job files name theirs themselves.",
        ),
        click.option(
            "--approved",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Pay what this approved plan allows, and nothing else.",
        ),
    ):
        command = decorate(command)
    return command


def approval_from(values: dict[str, Any], job: Job) -> tuple[Job, Presented | None]:
    """Take the approval options out of a command's values: the job with its trusted keys, and what is presented.

    Raises:
        ApprovalError: a file cannot be read, or the command line would trust other keys than the job file.
    """
    keys, file = tuple(map(trusted_key, values.pop("approver_keys"))), values.pop("approved")
    if keys and job.approval.keys:
        raise ApprovalError("The job file says which keys are trusted; leave out --approver-key.")
    if keys:
        policy = ApprovalPolicy(required=True, keys=keys, not_by=job.approval.not_by)
        job = job.model_copy(update={"approval": policy})
    if file is None:
        return job, None
    return job, load_approval(file, job.approval)
