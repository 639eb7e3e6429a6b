"""The text of crontab lines and systemd units that start a job by itself; pure."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from bulk_topup.errors import JobError
from bulk_topup.schedules import Schedule

_CRON: Final = Template("""\
# $title: $at in this machine's time zone. For `crontab -e` of $user; cron mails what is printed, which is only trouble.
# A second start while the first is on says nothing, and one that finds all paid sends nothing.
SHELL=/bin/sh
$at $command
""")
_CRON_LATER: Final = Template("""\
# Makes up for a start that was missed, and goes on with one that was interrupted (exit code 75), until $until later.
$at $command
""")

_SERVICE: Final = Template("""\
# $file
[Unit]
Description=bulk-topup: $title
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=12h
StartLimitBurst=5

[Service]
Type=oneshot
User=$user
WorkingDirectory=$directory
${environment_file}ExecStart=$command
# A run that another process holds is being looked after.
SuccessExitStatus=5
# What was interrupted or killed goes on; what has ended, was refused or stopped by the provider does not.
Restart=on-failure
RestartPreventExitStatus=1 2 3 4
RestartSec=15min
# Requests that are on their way land, and the report is written.
TimeoutStopSec=120
KillMode=mixed
UMask=0077
NoNewPrivileges=true
PrivateTmp=true
StandardOutput=$output
StandardError=$output
""")
_TIMER: Final = Template("""\
# $file
[Unit]
Description=bulk-topup: $title

[Timer]
OnCalendar=$on_calendar
# A start that was missed is made up for when the machine is up again, within $until.
Persistent=true
AccuracySec=1s

[Install]
WantedBy=timers.target
""")


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """What starts a job: all paths absolute."""

    #: What it is called.
    name: str
    schedule: Schedule
    #: The program and its arguments.
    words: Sequence[str]
    #: Where it is started.
    directory: Path
    user: str
    #: Lines KEY=VALUE with the credentials; None where none are needed.
    environment_file: Path | None
    #: Whether a further start on the same day would send rows anew that have failed, as one that retries does.
    tries_anew: bool = False
    #: Where everything that is printed goes too; None for cron's mail or the journal alone.
    log: Path | None


def crontab(started: Started) -> str:
    """Write the lines of a crontab."""
    _demand_printable(started)
    words = shlex.join(started.words)
    if started.environment_file is not None:
        words += f" --credentials {shlex.quote(str(started.environment_file))}"
    line = f"cd {shlex.quote(str(started.directory))} && umask 077 && {words}"
    if started.log is not None:
        line += f" 2>&1 | tee -a {shlex.quote(str(started.log))}"
    command = line.replace("%", r"\%")  # to cron, % ends the line
    schedule = started.schedule
    text = _CRON.substitute(title=started.name, at=schedule.at, user=started.user, command=command)
    hours = () if started.tries_anew else schedule.times.later_hours(schedule.window)
    if hours:
        minute, _, *days = schedule.at.split()
        at = " ".join([minute.split(",")[0], ",".join(map(str, hours)), *days])
        text += _CRON_LATER.substitute(at=at, until=schedule.catch_up, command=command)
    return text


def systemd_units(started: Started) -> dict[str, str]:
    """Write a service and its timer, by the names of their files."""
    _demand_printable(started)
    stem = "bulk-topup-" + (re.sub(r"[^A-Za-z0-9_-]+", "-", started.name).strip("-") or "job")
    environment_file = started.environment_file
    log = started.log
    service = _SERVICE.substitute(
        file=f"{stem}.service",
        title=_specifiers(started.name),
        user=started.user,
        directory=_specifiers(str(started.directory)),
        environment_file="" if environment_file is None else f"EnvironmentFile={_specifiers(str(environment_file))}\n",
        command=" ".join(map(_word, started.words)),
        output="journal" if log is None else f"append:{_specifiers(str(log))}",
    )
    timer = _TIMER.substitute(
        file=f"{stem}.timer",
        title=_specifiers(started.name),
        on_calendar=started.schedule.times.on_calendar(),
        until=started.schedule.catch_up,
    )
    return {f"{stem}.service": service, f"{stem}.timer": timer}


def _demand_printable(started: Started) -> None:
    places = (started.name, started.directory, started.environment_file, started.log, *started.words)
    for text in map(str, filter(None, places)):
        if not text.isprintable():
            raise JobError(f"{text!a} has characters that nobody sees, which no crontab and no unit can hold.")


def _specifiers(text: str) -> str:
    """Write a text so that systemd takes its % as they are."""
    return text.replace("%", "%%")


def _word(word: str) -> str:
    """Write one word of a command line as systemd reads it: quoted, with nothing left to expand."""
    if re.fullmatch(r"[A-Za-z0-9_./:=@,+-]+", word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _specifiers(escaped).replace("$", "$$") + '"'
