"""The options of metrics and log, and of what the terminal shows."""

from dataclasses import dataclass

import click
import cloup

from bulk_topup.cli.options.groups import MONITORING, collect


@dataclass(frozen=True, kw_only=True, slots=True)
class MonitoringOptions:
    """The files of metrics and log; None for those of the job file, or none."""

    #: A file that ends in .prom.
    metrics: str | None
    #: A file, or - for standard output.
    log_json: str | None


def _check_metrics_file(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    if text is not None and not text.endswith(".prom"):
        raise click.BadParameter(f'"{text}" does not end in .prom; the collector reads no other files.')
    return text


monitoring_options = collect(
    "monitoring",
    MonitoringOptions,
    cloup.option(
        "--metrics",
        group=MONITORING,
        metavar="FILE.prom",
        callback=_check_metrics_file,
        help="Write metrics for Prometheus' textfile collector.  [default: the job file's setting, or none]",
    ),
    cloup.option(
        "--log-json",
        group=MONITORING,
        metavar="FILE",
        help='Append a line of JSON per event; "-" for standard output.  [default: the job file\'s setting, or none]',
    ),
)

#: For cron, which mails what is printed.
quiet_option = cloup.option(
    "--quiet",
    "is_quiet",
    group=MONITORING,
    is_flag=True,
    help="Print nothing on success; on a new problem, print everything once to standard error. For cron.",
)
