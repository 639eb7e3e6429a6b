"""All options that the commands share that pay: run, resume and retry."""

from dataclasses import dataclass

import cloup

from bulk_topup.cli.options.approval import yes_option
from bulk_topup.cli.options.groups import collect
from bulk_topup.cli.options.monitoring import MonitoringOptions, monitoring_options, quiet_option
from bulk_topup.cli.options.pace import CallbackOptions, PaceOptions, callback_options, pace_options
from bulk_topup.cli.options.provider import ProviderArguments, provider_options, same_account_option
from bulk_topup.cli.options.report import ReportArguments, report_options


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentOptions:
    """How a run is paid, watched and reported."""

    pace: PaceOptions
    provider: ProviderArguments
    callbacks: CallbackOptions
    report: ReportArguments
    monitoring: MonitoringOptions
    #: Whether the account is unchanged although its credentials or URL changed.
    is_same_account: bool
    #: Whether production is confirmed by --yes.
    is_confirmed: bool
    is_quiet: bool
    as_json: bool


payment_options = collect(
    "payment",
    PaymentOptions,
    yes_option,
    pace_options,
    provider_options,
    same_account_option,
    callback_options,
    report_options,
    monitoring_options,
    quiet_option,
    cloup.option("--json", "as_json", is_flag=True, help="Print the result as JSON; progress goes to standard error."),
)
