"""What a start does about rows that other runs have paid: refuses a whole list, and says how to mend a part of one."""

from bulk_topup.domain.earlier_payments import MAX_RUNS_NAMED, EarlierPayments, SentRows
from bulk_topup.domain.states import is_open
from bulk_topup.domain.verdict import format_rows, run_arguments
from bulk_topup.errors import AlreadyPaidError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore


def check_not_paid(job: Job, earlier: EarlierPayments, rows: int, ledger: LedgerStore) -> None:
    """Raise AlreadyPaidError if other runs have paid half of a list's rows or more, and they are not paid again."""
    if not earlier.is_same_list or not earlier.refused:
        return
    names = ", ".join(_format_matched(run) for run in earlier.runs[:MAX_RUNS_NAMED])
    more = f" and {len(earlier.runs) - MAX_RUNS_NAMED:,} more runs" if len(earlier.runs) > MAX_RUNS_NAMED else ""
    first = ledger.runs.named(earlier.runs[0].run)
    way = (
        f"To continue that run: `bulk-topup resume {run_arguments(first)}`."
        if is_open(ledger.rows.counts(first))
        else f"Run {first.name} has nothing left to send or to follow."
    )
    raise AlreadyPaidError(
        f"{job.list} was paid already: {earlier.refused:,} of {format_rows(rows)} "
        f"{'repeats a payment' if earlier.refused == 1 else 'repeat payments'} of {names}{more}. Nothing was sent. "
        f"{way} If these are other payments, add --pay-again REASON. A job that pays the same beneficiaries on "
        "purpose names the other in `beside`."
    )


def _format_matched(run: SentRows) -> str:
    return f"{run.run} ({format_rows(run.rows)}, sent {run.days})"


def how_to_fix(refused: int, repeats: int) -> str:
    """Return how to mend a list with refused rows, as the beginning of a sentence.

    Args:
        refused: the number of refused rows.
        repeats: how many of them repeat payments of other runs.
    """
    if not repeats:
        return "Fix the list"
    what, them = ("repeats a payment", "it") if repeats == 1 else ("repeat payments", "them")
    only = "Remove" if repeats == refused else "Fix the list: remove"
    return (
        f"{format_rows(repeats)} {what} of other runs. {only} {them}, or add --pay-again REASON to pay {them} again on "
        "purpose"
    )
