"""The text of crontab lines and systemd units that run a job on its schedule; pure."""

import hashlib
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.errors import JobError
from bulk_topup.jobs.schedule import CronTimes, Schedule
from bulk_topup.system.files import NAME_HASH_LENGTH

_CRON: Final = Template("""\
# $title: $at in this machine's time zone. Add to the crontab of $user (`crontab -e`); cron mails errors and warnings.
# A run that is locked by another process, or has nothing to send, prints nothing.
SHELL=/bin/sh
$at $command
""")
_CRON_LATER: Final = Template("""\
# Catch-up for $until: starts a missed run, or resumes an interrupted one (exit code $resumable).
$at $command
""")

#: Restarts after failures per 12 hours, in addition to the scheduled starts.
_RESTARTS: Final = 5

#: Exit codes that a restart cannot change.
_FINAL_CODES: Final = [code for code in ExitCode if code and not code.is_transient]

# `belongs_to_another_job` compares the first lines with those of files that exist: they must not change.
_SERVICE: Final = Template("""\
# $file, which starts $job
[Unit]
Description=$title (bulk-topup)
Wants=network-online.target
After=network-online.target
# The scheduled starts of a day, and $restarts restarts.
StartLimitIntervalSec=12h
StartLimitBurst=$burst

[Service]
Type=oneshot
User=$user
WorkingDirectory=$directory
${environment_file}ExecStart=$command
# Another process is running this run.
SuccessExitStatus=$locked
# Restart after an interruption or a crash, but not after a final result.
Restart=on-failure
RestartPreventExitStatus=$final
RestartSec=15min
# Time to finish requests in flight and to write the report.
TimeoutStopSec=120
KillMode=mixed
UMask=0077
NoNewPrivileges=true
PrivateTmp=true
StandardOutput=$output
StandardError=$output
""")
_TIMER_LATER: Final = Template("""\
# Catch-up: starts a missed run, or resumes one that was interrupted when the machine went down.
OnCalendar=$on_calendar
""")
_TIMER: Final = Template("""\
# $file, which starts $job
[Unit]
Description=$title (bulk-topup)

[Timer]
OnCalendar=$on_calendar
${later}# If the machine was down at that time, start once it is up again, at most $until late.
Persistent=true
AccuracySec=1s

[Install]
WantedBy=timers.target
""")


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduledCommand:
    """The command that runs a job on its schedule; all paths absolute."""

    #: Job name.
    name: str
    #: Job file.
    job: Path
    schedule: Schedule
    #: Time zone of its times, an IANA name; None for the machine's.
    time_zone: str | None = None
    #: Program and arguments.
    arguments: Sequence[str]
    #: Working directory.
    directory: Path
    user: str
    #: File with lines KEY=VALUE for the API credentials; None if no credentials are needed.
    environment_file: Path | None
    #: Whether the command retries failed rows, so that another start on the same day would retry them again.
    is_retry: bool = False
    #: File that also receives the output; None for cron's mail or the journal only.
    log: Path | None


def crontab(command: ScheduledCommand) -> str:
    """Return the lines of a crontab.

    Raises:
        JobError: a name or path has invisible characters.
    """
    _check_printable(command)
    arguments = shlex.join(command.arguments)
    if command.environment_file is not None:
        arguments += f" --credentials {shlex.quote(str(command.environment_file))}"
    line = f"cd {shlex.quote(str(command.directory))} && umask 077 && {arguments}"
    if command.log is not None:
        line += f" 2>&1 | tee -a {shlex.quote(str(command.log))}"
    line = line.replace("%", r"\%")  # cron reads % as the end of the line
    schedule = command.schedule
    text = _CRON.substitute(title=command.name, at=schedule.at, user=command.user, command=line)
    if (later := _catch_up_times(command)) is not None:
        days = schedule.at.split()[2:]
        at = " ".join([str(later.minutes[0]), ",".join(map(str, later.hours)), *days])
        text += _CRON_LATER.substitute(at=at, until=schedule.catch_up, command=line, resumable=ExitCode.RESUMABLE.value)
    return text


def systemd_units(command: ScheduledCommand) -> dict[str, str]:
    """Return the texts of a service and its timer, by file name.

    The first line of each names the job file, see `belongs_to_another_job`.

    Raises:
        JobError: a name or path has characters that no unit can contain.
    """
    _check_printable(command)
    _check_path_ends(command)
    stem = f"bulk-topup-{_unit_stem(command.name)}"
    environment_file, log = command.environment_file, command.log
    times, later = command.schedule.times, _catch_up_times(command)
    starts = times.count_a_day + (0 if later is None else later.count_a_day)
    service = _SERVICE.substitute(
        file=f"{stem}.service",
        job=command.job,
        title=_escape_specifiers(command.name),
        user=command.user,
        directory=_escape_specifiers(str(command.directory)),
        environment_file=""
        if environment_file is None
        else f"EnvironmentFile={_escape_specifiers(_escape_wildcards(environment_file))}\n",
        command=" ".join(map(_quote_argument, command.arguments)),
        output="journal" if log is None else f"append:{_escape_specifiers(str(log))}",
        restarts=_RESTARTS,
        burst=starts + _RESTARTS,
        locked=ExitCode.RUN_LOCKED.value,
        final=" ".join(str(code.value) for code in _FINAL_CODES),
    )
    timer = _TIMER.substitute(
        file=f"{stem}.timer",
        job=command.job,
        title=_escape_specifiers(command.name),
        on_calendar=times.on_calendar(command.time_zone),
        later="" if later is None else _TIMER_LATER.substitute(on_calendar=later.on_calendar(command.time_zone)),
        until=command.schedule.catch_up,
    )
    return {f"{stem}.service": service, f"{stem}.timer": timer}


def belongs_to_another_job(existing: str, new: str) -> bool:
    """Return True if the text of an existing unit is of another job than the text that would replace it."""
    return existing.partition("\n")[0] != new.partition("\n")[0]


def _catch_up_times(command: ScheduledCommand) -> CronTimes | None:
    """Return when missed or interrupted runs start again; None for retries, which wait for the next scheduled time."""
    schedule = command.schedule
    hours = () if command.is_retry else schedule.times.later_hours(schedule.catch_up_window)
    return schedule.times.at_hours(hours) if hours else None


def _unit_stem(name: str) -> str:
    """Return the stem of the unit file names for a job name; no two names share it."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")
    return (
        plain if plain == name else f"{plain or 'job'}-{hashlib.sha256(name.encode()).hexdigest()[:NAME_HASH_LENGTH]}"
    )


def _check_path_ends(command: ScheduledCommand) -> None:
    """Raise unless systemd reads paths as they are: it removes final spaces, and joins lines after a backslash."""
    for path in filter(None, (command.directory, command.environment_file, command.log)):
        if str(path) != str(path).rstrip().rstrip("\\"):
            raise JobError(f'"{path}" ends in a space or a backslash, which no unit can contain. Choose another.')


def _check_printable(command: ScheduledCommand) -> None:
    paths = (command.job, command.directory, command.environment_file, command.log)
    for text in map(str, filter(None, (command.name, *paths, *command.arguments))):
        if not text.isprintable():
            raise JobError(f"{text!a} has invisible characters, which no crontab and no unit can contain.")


def _escape_wildcards(path: Path) -> str:
    """Return a path without wildcards, where systemd would expand them."""
    return re.sub(r"[\[*?]", r"[\g<0>]", str(path))


def _escape_specifiers(text: str) -> str:
    """Return a text whose % systemd reads literally."""
    return text.replace("%", "%%")


def _quote_argument(argument: str) -> str:
    """Return one argument of a command line as systemd reads it: quoted, with nothing to expand."""
    if re.fullmatch(r"[A-Za-z0-9_./:=@,+-]+", argument):
        return argument
    escaped = argument.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _escape_specifiers(escaped).replace("$", "$$") + '"'
