"""The options of how fast and how long a command pays, and of the callbacks that it receives meanwhile."""

from __future__ import annotations  # an address is heavy to import, and only named here

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import cloup

from bulk_topup.cli.options.groups import LIST, PACE, PROVIDER, collect
from bulk_topup.cli.options.times import parse_time_or_duration
from bulk_topup.domain.callback_address import is_safe_address
from bulk_topup.dvs.learned_rate import DEFAULT_RATE, LEARNED_CEILING

if TYPE_CHECKING:
    from bulk_topup.system.bounded_server import Address


@dataclass(frozen=True, kw_only=True, slots=True)
class PaceOptions:
    """How fast and how long a run sends and polls; None for the job's own setting, or the default."""

    #: Most requests per second, and most at the same time.
    rate: float | None
    concurrency: int | None
    #: Seconds between two polls.
    poll_interval: float | None
    #: Seconds without a status change after which the command ends with open rows.
    tracking_timeout: float
    #: Last send time, in UTC.
    deadline: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CallbackOptions:
    """Where DVS posts callbacks, and where this process receives them; None for neither."""

    #: Without the token.
    callback_url: str | None
    #: The file of the token; None for the environment.
    token_file: Path | None
    listen_at: Address | None


def _parse_address(_context: click.Context, _option: click.Parameter, text: str | None) -> Address | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter(f'"{text}" is not HOST:PORT; write it like 127.0.0.1:8443.')
    from bulk_topup.system.bounded_server import Address

    return Address(host=host.strip("[]"), port=int(port))


def _check_url(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    if text is not None and not is_safe_address(text):
        # Not quoted: it may have a password.
        raise click.BadParameter("it is not a URL that DVS can post to safely; write it like https://pay.example.com/.")
    return text


#: Of every command that reads more than a page.
rate_option = cloup.option(
    "--rate",
    group=PACE,
    type=click.FloatRange(min=0.01),
    help=(
        "Most requests per second.  [default: the rate limit that DVS states; if it states none, from "
        f"{DEFAULT_RATE:.0f} up to {LEARNED_CEILING:.0f} while it responds well]"
    ),
)

pace_options = collect(
    "pace",
    PaceOptions,
    rate_option,
    cloup.option(
        "--concurrency",
        group=PACE,
        type=click.IntRange(1, 1000),
        help="Maximum concurrent requests.  [default: as many as the rate needs]",
    ),
    cloup.option(
        "--poll-interval",
        group=PACE,
        type=click.FloatRange(min=0.05),
        help="Seconds between two polls of accepted rows.  [default: 2]",
    ),
    cloup.option(
        "--tracking-timeout",
        group=PACE,
        type=click.FloatRange(min=0),
        default=1800.0,
        show_default=True,
        help="Seconds without a status change before the command ends with open rows.",
    ),
    cloup.option(
        "--deadline",
        group=PACE,
        callback=parse_time_or_duration,
        metavar="TIME",
        help="Last send time, then exit 75: a duration such as 2h, or a time in UTC.",
    ),
)

callback_url_option = cloup.option(
    "--callback-url",
    group=PROVIDER,
    metavar="URL",
    envvar="BULK_TOPUP_CALLBACK_URL",
    callback=_check_url,
    help="HTTPS URL that DVS posts status changes to, without the token.  [default: the address of --listen]",
)
token_file_option = cloup.option(
    "--callback-token-file",
    "token_file",
    group=PROVIDER,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the token that ends the callback URL.  [default: BULK_TOPUP_CALLBACK_TOKEN, in .env too]",
)

callback_options = collect(
    "callbacks",
    CallbackOptions,
    callback_url_option,
    token_file_option,
    cloup.option(
        "--listen",
        "listen_at",
        group=PROVIDER,
        metavar="HOST:PORT",
        callback=_parse_address,
        help="Receive callbacks here during the run.  [default: none; `bulk-topup listen` may run elsewhere]",
    ),
)

#: Uses the day that is due.
scheduled_option = cloup.option(
    "--scheduled",
    "is_scheduled",
    group=LIST,
    is_flag=True,
    help="Run by the job's [schedule]: {today} means the day that is due; if none is due, nothing is sent.",
)
