"""Stops a run whose remaining rows may not be sent now: they were corrected, or their amounts are too old."""

from bulk_topup.domain.verdict import format_rows
from bulk_topup.engine.control import StopReason
from bulk_topup.engine.run_context import RunContext


async def stop_if_rows_are_left(context: RunContext) -> None:
    """Stop submitting if pending rows are left that neither time nor an outcome of this run lets send.

    Args:
        context: what the parts of the run share.
    """
    call, attempts, run = context.journal.call, context.ledger.attempts, context.run
    if outdated := await call(attempts.outdated, run):
        context.control.stop(
            StopReason.OUTDATED,
            f"The amounts of {format_rows(outdated)} were asked for too long ago, so these were not sent. Run the list "
            "again to ask for them.",
        )
    rows, due = await call(context.ledger.absences.withheld, run)
    if due is not None:
        verb = "was" if rows == 1 else "were"
        context.control.stop(
            StopReason.WITHHELD,
            f"{format_rows(rows)} {verb} corrected after a request that may still arrive. Not sent before "
            f"{due:%Y-%m-%d %H:%M} UTC. Resume then: {context.resume_command}",
        )
