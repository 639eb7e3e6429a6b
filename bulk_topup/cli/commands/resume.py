"""The command that resumes a run."""

import cloup

from bulk_topup.cli.options.payment import PaymentOptions, payment_options
from bulk_topup.cli.options.run_name import run_argument


@cloup.command("resume")
@run_argument()
@payment_options
def resume_command(run_name: str, payment: PaymentOptions) -> None:
    """Resume a run without rereading its list.

    \b
    Example:
      bulk-topup resume list/rewards
    """
    from bulk_topup.cli.payment import continue_run  # heavy: not for --help

    continue_run(run_name, payment)
