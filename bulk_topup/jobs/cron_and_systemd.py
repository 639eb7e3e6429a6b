"""The text of crontab lines and systemd units that start a job by itself; pure."""

import hashlib
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from bulk_topup.errors import JobError
from bulk_topup.jobs.schedule import CronTimes, Schedule
from bulk_topup.system.files import NAME_HASH_LENGTH

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

#: Starts beside those of the schedule after which a job that breaks down again and again rests.
_RESTARTS: Final = 5

_SERVICE: Final = Template("""\
# $file, which starts $job
[Unit]
Description=$title (bulk-topup)
Wants=network-online.target
After=network-online.target
# Those of the schedule on a day, and $restarts more.
StartLimitIntervalSec=12h
StartLimitBurst=$burst

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
_TIMER_LATER: Final = Template("""\
# Makes up for a start that was missed, and goes on with one that the machine's end interrupted.
OnCalendar=$on_calendar
""")
_TIMER: Final = Template("""\
# $file, which starts $job
[Unit]
Description=$title (bulk-topup)

[Timer]
OnCalendar=$on_calendar
${later}# A start that was missed is made up for when the machine is up again, within $until.
Persistent=true
AccuracySec=1s

[Install]
WantedBy=timers.target
""")


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduledCommand:
    """What starts a job: all paths absolute."""

    #: What it is called.
    name: str
    #: Its file.
    job: Path
    schedule: Schedule
    #: The program and its arguments.
    arguments: Sequence[str]
    #: Where it is started.
    directory: Path
    user: str
    #: Lines KEY=VALUE with the credentials; None where none are needed.
    environment_file: Path | None
    #: Whether a further start on the same day would send rows anew that have failed, as one that retries does.
    is_retry: bool = False
    #: Where everything that is printed goes too; None for cron's mail or the journal alone.
    log: Path | None


def crontab(started: ScheduledCommand) -> str:
    """Write the lines of a crontab."""
    _demand_printable(started)
    words = shlex.join(started.arguments)
    if started.environment_file is not None:
        words += f" --credentials {shlex.quote(str(started.environment_file))}"
    line = f"cd {shlex.quote(str(started.directory))} && umask 077 && {words}"
    if started.log is not None:
        line += f" 2>&1 | tee -a {shlex.quote(str(started.log))}"
    command = line.replace("%", r"\%")  # to cron, % ends the line
    schedule = started.schedule
    text = _CRON.substitute(title=started.name, at=schedule.at, user=started.user, command=command)
    if (later := _later(started)) is not None:
        days = schedule.at.split()[2:]
        at = " ".join([str(later.minutes[0]), ",".join(map(str, later.hours)), *days])
        text += _CRON_LATER.substitute(at=at, until=schedule.catch_up, command=command)
    return text


def systemd_units(started: ScheduledCommand) -> dict[str, str]:
    """Write a service and its timer, by the names of their files.

    Each begins with a line that names the job's file, see `belongs_to_another_job`.
    """
    _demand_printable(started)
    _demand_plain_ends(started)
    stem = f"bulk-topup-{_stem(started.name)}"
    environment_file = started.environment_file
    log = started.log
    times, later = started.schedule.times, _later(started)
    starts = times.count_a_day + (0 if later is None else later.count_a_day)
    service = _SERVICE.substitute(
        file=f"{stem}.service",
        job=started.job,
        title=_specifiers(started.name),
        user=started.user,
        directory=_specifiers(str(started.directory)),
        environment_file=""
        if environment_file is None
        else f"EnvironmentFile={_specifiers(_one_file(environment_file))}\n",
        command=" ".join(map(_word, started.arguments)),
        output="journal" if log is None else f"append:{_specifiers(str(log))}",
        restarts=_RESTARTS,
        burst=starts + _RESTARTS,
    )
    timer = _TIMER.substitute(
        file=f"{stem}.timer",
        job=started.job,
        title=_specifiers(started.name),
        on_calendar=times.on_calendar(),
        later="" if later is None else _TIMER_LATER.substitute(on_calendar=later.on_calendar()),
        until=started.schedule.catch_up,
    )
    return {f"{stem}.service": service, f"{stem}.timer": timer}


def belongs_to_another_job(text: str, unit: str) -> bool:
    """Tell whether a unit's text is of another job than the unit that would take its place."""
    return text.partition("\n")[0] != unit.partition("\n")[0]


def _later(started: ScheduledCommand) -> CronTimes | None:
    """Give when starts are made up for and interrupted runs go on; what tries anew does so the next night."""
    hours = () if started.is_retry else started.schedule.times.later_hours(started.schedule.catch_up_window)
    return started.schedule.times.at_hours(hours) if hours else None


def _stem(name: str) -> str:
    """Give what units are called after a job; two jobs never share it."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")
    return (
        plain if plain == name else f"{plain or 'job'}-{hashlib.sha256(name.encode()).hexdigest()[:NAME_HASH_LENGTH]}"
    )


def _demand_plain_ends(started: ScheduledCommand) -> None:
    """Demand paths that systemd takes as they are: it drops blanks at the end, and joins lines after a backslash."""
    for path in filter(None, (started.directory, started.environment_file, started.log)):
        if str(path) != str(path).rstrip().rstrip("\\"):
            raise JobError(f'"{path}" ends in a blank or a backslash, which no unit can hold; name another.')


def _demand_printable(started: ScheduledCommand) -> None:
    places = (started.name, started.job, started.directory, started.environment_file, started.log, *started.arguments)
    for text in map(str, filter(None, places)):
        if not text.isprintable():
            raise JobError(f"{text!a} has characters that nobody sees, which no crontab and no unit can hold.")


def _one_file(path: Path) -> str:
    """Write a path so that it is no wildcard, which systemd takes there."""
    return re.sub(r"[\[*?]", r"[\g<0>]", str(path))


def _specifiers(text: str) -> str:
    """Write a text so that systemd takes its % as they are."""
    return text.replace("%", "%%")


def _word(word: str) -> str:
    """Write one word of a command line as systemd reads it: quoted, with nothing left to expand."""
    if re.fullmatch(r"[A-Za-z0-9_./:=@,+-]+", word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _specifiers(escaped).replace("$", "$$") + '"'
