"""Resolves conflicts by a person's decision, saved in the ledger with the person and the reason."""

from collections.abc import Collection

from bulk_topup.app.preflight import PayingAccount, check_same_account
from bulk_topup.domain.attempt import Move
from bulk_topup.domain.run import Run
from bulk_topup.domain.verdict import run_arguments
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
    """Resolve conflicts of a run's rows, by DVS's transactions where there are any, else by a person's decision.

    A paid or open row with a list mismatch has no conflict: if the decision names the row's own state, the mismatch is
    acknowledged.

    Args:
        run: the run.
        lines: the rows' lines in the list.
        statement: the person's decision for all of them.
        dvs: an open client.
        payer: the account that paid.
        ledger: an open ledger.

    Returns:
        The state changes, and the lines whose mismatch was acknowledged.

    Raises:
        ResolutionError: a line has neither conflict nor mismatch, or DVS's transaction contradicts the decision;
            earlier lines are resolved.
        RunLockedError: another process works on the run.
        DVSError: DVS did not respond; earlier lines are resolved.
    """
    with run_lock(ledger.path, run.job, run.run_key):
        run = ledger.runs.again(run)
        check_same_account(run, payer)
        conflicts = ledger.conflicts.external_ids(run, lines)
        mismatched = {
            line for line, state, _ in ledger.conflicts.list_mismatches(run, lines) if state is statement.state
        }
        known = ledger.comparison.find_attempts(conflicts)
        if unknown := set(lines) - mismatched - {each.line for each in known.values()}:
            where = ", ".join(map(str, sorted(unknown)))
            raise ResolutionError(
                f"Run {run.name} has no conflict on line {where}, and no row there that is {statement.state} with a "
                f"list mismatch. `bulk-topup conflict list {run_arguments(run)}` lists all of them."
            )
        moves = [await resolve(external_id, statement, dvs=dvs, ledger=ledger) for external_id in conflicts]
        return moves, ledger.conflicts.acknowledge(run, mismatched, statement.cause)
