"""The command that pays a list or a job."""

from pathlib import Path
from typing import Any

import click

from bulk_topup.app.monitored_run import MonitoredWatcher
from bulk_topup.app.run import FinishedRun, run_list
from bulk_topup.app.session import open_session
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.event_loop import run_async
from bulk_topup.cli.monitoring import monitored
from bulk_topup.cli.options.approval import approval_from, approval_options
from bulk_topup.cli.options.list import job_from, list_options, start_of
from bulk_topup.cli.options.monitoring import monitoring_options
from bulk_topup.cli.options.pace import pace_options, scheduled_option
from bulk_topup.cli.options.provider import provider_from, provider_options
from bulk_topup.cli.options.report import report_from, report_options
from bulk_topup.cli.payment import Callbacks, end_if_archived, print_and_exit, watcher_and_options
from bulk_topup.cli.quiet import suppress_output
from bulk_topup.cli.screens.plan import plan_json
from bulk_topup.dvs import codec
from bulk_topup.errors import BalanceTooLowError, GuardError, RowsRefusedError
from bulk_topup.jobs.job import NoListError


@click.command("run")
@list_options
@scheduled_option
@provider_options
@report_options
@approval_options
@monitoring_options
@pace_options
def run_command(**values: Any) -> None:
    """Check, plan, submit, track and report a list; start it again to resume.

    LIST is a CSV or XLSX file, JOB a job file that ends in .toml. Started again, a run goes on where it was and
    never pays a row twice; --run-key names a new run.

    \b
    Example:
      bulk-topup run sample_files/rewards.csv --product 6418
    """
    with monitored() as teller, suppress_output(values["quiet"]), exit_on_error():
        job, folder = job_from(values)
        teller.configure(
            job,
            folder,
            environment=values["environment"],
            metrics=values.pop("metrics"),
            log=values.pop("log_json"),
            credentials=values["credentials"],
        )
        corrections: Path | None = values.pop("corrections")
        job, approval = approval_from(values, job)
        provider = provider_from(values, job.environment)
        try:
            job = job.at(start_of(values, job.schedule), folder)
        except NoListError as missing:
            gone = missing.job
            report = report_from(values, gone.name, str(gone.run_key), gone.reports, gone.report_folder)
            end_if_archived(missing, provider, report.folder)
            raise
        teller.set_run(job.name, str(job.run_key))
        report = report_from(values, job.name, str(job.run_key), job.reports, job.report_folder)
        callbacks, same_account = Callbacks(values), values.pop("same_account")
        watcher, options = watcher_and_options(values, provider, job.concurrency, callbacks, report, teller)

        async def pay() -> FinishedRun:
            async with open_session(
                provider,
                job.name,
                str(job.run_key),
                rate=job.rate,
                connections=job.concurrency,
                same_account=same_account,
            ) as session:
                teller.follow(session.dvs)
                with callbacks.received(session.ledger, options, watcher) as with_callbacks:
                    return await run_list(
                        job,
                        dvs=session.dvs,
                        payer=session.payer,
                        ledger=session.ledger,
                        options=with_callbacks,
                        report=report,
                        watcher=MonitoredWatcher(teller, watcher),
                        corrections=corrections,
                        approval=approval,
                        lock=session.lock,
                    )

        try:
            finished = teller.finished = run_async(pay())
        except (RowsRefusedError, GuardError, BalanceTooLowError):
            if watcher.json and watcher.plan:
                click.echo(codec.encode(plan_json(*watcher.plan)))
            raise
        print_and_exit(finished, watcher)
