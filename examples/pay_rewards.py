"""Pay a job from a script: plan it, pay it, and show the rows that are not completed.

    python examples/pay_rewards.py jobs/rewards.toml

Run again, it resumes, and pays no row twice.
"""

import sys

from bulk_topup import BulkTopupError, Ledger, Progress, RowState, exit_code_for, plan_list, run_job


def main(job: str) -> int:
    """Pay a job; return the exit code of `bulk-topup run`."""
    try:
        plan = plan_list(job)
        for refusal in plan.refusals():
            print(f"line {refusal.line} {refusal.column}: {refusal.message}")
        for currency, cost in plan.costs.items():
            print(f"{plan.run}: rows to send: {plan.to_send}, expected cost {cost} {currency}")
        result = run_job(job, on_progress=show)
        for row in Ledger().outcomes(result.run):
            if row.state is not RowState.COMPLETED:
                print(f"line {row.line} is {row.state}: {row.message}")
    except BulkTopupError as error:
        print(error, file=sys.stderr)
        return exit_code_for(error)
    print(f"{result.run}: {result.counts[RowState.COMPLETED]} completed, {result.exit_code.name}")
    return result.exit_code


def show(progress: Progress) -> None:
    """Print the progress of the run."""
    print({state.value: count for state, count in progress.counts.items() if count}, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
