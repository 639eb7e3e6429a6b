"""Resolves conflicts by a person's word, kept with who said it and why."""

from collections.abc import Collection

from bulk_topup.app.preflight import PayingAccount, check_same_account
from bulk_topup.domain.attempt import Move
from bulk_topup.domain.run import Run
from bulk_topup.dvs import AsyncDVS
from bulk_topup.ledger import LedgerStore, run_lock
from bulk_topup.reconcile.resolve import ManualResolution, ResolutionError, resolve


async def resolve_conflicts(
    run: Run,
    lines: Collection[int],
    statement: ManualResolution,
    *,
    dvs: AsyncDVS,
    payer: PayingAccount,
    ledger: LedgerStore,
) -> tuple[list[Move], list[int]]:
    """End conflicts of a run's rows as a person states, each by the provider's record where it has one.

    A paid or open row that the list contradicts has no conflict to end: where its own state is stated, what the list
    says is taken as read.

    Args:
        run: the run.
        lines: the rows' lines in the list.
        statement: what the person states of all of them.
        dvs: an open client.
        payer: whose account the client is for.
        ledger: an open ledger.

    Returns:
        The moves that were made, and the lines of the rows whose contradiction was taken as read.

    Raises:
        ResolutionError: a line has neither, or the provider's record says otherwise; rows before it have moved.
        RunLockedError: another process holds the run.
        DVSError: the provider did not answer; rows before it have moved.
    """
    with run_lock(ledger.path, run.job, run.run_key):
        check_same_account(run, payer)
        conflicts = ledger.conflicts.external_ids(run, lines)
        noted = {line for line, state, _ in ledger.conflicts.list_mismatches(run, lines) if state is statement.state}
        known = ledger.comparison.find_attempts(conflicts)
        if strangers := set(lines) - noted - {each.line for each in known.values()}:
            where = ", ".join(map(str, sorted(strangers)))
            raise ResolutionError(
                f"Run {run.name} has no conflict on line {where}, and no row there that is {statement.state} and that "
                f"the list contradicts. `bulk-topup conflict list {run.name}` lists them."
            )
        moves = [await resolve(external_id, statement, dvs=dvs, ledger=ledger) for external_id in conflicts]
        return moves, ledger.conflicts.acknowledge(run, noted, statement.cause)
