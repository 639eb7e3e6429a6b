"""Joins what a command line says of other runs; a schedule decides nothing that needs a person."""

from __future__ import annotations  # what is decided is heavy to import, and only named here

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bulk_topup.cli.options.not_the_same import NotTheSameOptions
    from bulk_topup.domain.earlier_payments import Repetition


def repetition_of(
    pay_again: str | None,
    leave_open: str | None,
    different: NotTheSameOptions,
    *,
    is_scheduled: bool,
    add: bool,
) -> Repetition:
    """Return what a command line says of other runs, and of rows that they have paid.

    Args:
        pay_again: why such rows are paid again; None to refuse them.
        leave_open: why earlier runs of the job stay open; None if they stop it.
        different: the rows that are others than those that they look like.
        is_scheduled: whether the schedule starts it for a due time.
        add: whether the list is added to its run.
    """
    from bulk_topup.domain.earlier_payments import Repetition

    if is_scheduled and leave_open is not None:
        raise click.UsageError("--leave-open is a decision about one run, so no schedule can make it. Remove it.")
    if is_scheduled and pay_again is not None:
        raise click.UsageError("--pay-again is for a person who has seen what is paid again. Remove --scheduled.")
    if is_scheduled and add:
        raise click.UsageError("--add is a decision about one list, so no schedule can make it. Remove it.")
    decision = different.decision(is_scheduled=is_scheduled)
    return Repetition(
        is_scheduled=is_scheduled, pay_again=pay_again, leave_open=leave_open, not_the_same=decision, add=add
    )
