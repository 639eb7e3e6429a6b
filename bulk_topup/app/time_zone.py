"""The time zone of a job's days and schedule: its own, that of its latest run, or this machine's; reads the ledger."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bulk_topup.app.open_ledger import ledger_exists, open_for_reading
from bulk_topup.domain.run import Run
from bulk_topup.errors import JobError
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.retry_job import RetryJob
from bulk_topup.jobs.schedule import Due
from bulk_topup.system.clock import Clock, SystemClock
from bulk_topup.system.time_zones import is_machine_zone, load_zone, machine_zone_name


@dataclass(frozen=True, kw_only=True, slots=True)
class JobZone:
    """The time zone of a job's days and schedule."""

    #: Its IANA name; None for this machine's, if that has no name.
    name: str | None
    #: The run that it was taken from; None if the job or this machine sets it.
    run: str | None = None

    @property
    def zone(self) -> ZoneInfo | None:
        """The zone; None for this machine's."""
        return None if self.name is None else load_zone(self.name)

    def is_machines(self, now: datetime) -> bool:
        """Return True if this machine's clock shows the zone's times."""
        return self.zone is None or is_machine_zone(self.zone, now)

    def today(self, clock: Clock | None = None) -> datetime:
        """Return the current time in the zone, whose day is the job's day."""
        return (clock or SystemClock()).now().astimezone(self.zone)


def zone_of(job: Job | RetryJob, ledger: Path) -> JobZone:
    """Return the time zone of a job's days and schedule.

    Two users with different settings, or two machines, thus mean the same day by one job. A list without a job file
    has no days.

    Args:
        job: the job as it is defined.
        ledger: the ledger's file, which may not exist.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    if job.time_zone is not None:
        return JobZone(name=job.time_zone)
    latest = _latest_run(job, ledger)
    if latest is not None and latest.time_zone is not None and load_zone(latest.time_zone) is not None:
        return JobZone(name=latest.time_zone, run=latest.name)
    return JobZone(name=machine_zone_name())


def _latest_run(job: Job | RetryJob, ledger: Path) -> Run | None:
    if isinstance(job, Job) and job.is_bare_list:
        return None
    name = job.name if isinstance(job, Job) else job.retry_of.partition("/")[0]
    if not ledger_exists(ledger):
        return None
    with open_for_reading(ledger) as opened:
        return opened.runs.latest(name)


def in_zone(job: Job, zone: JobZone) -> Job:
    """Return a job with the time zone that is kept with its run; a list without a job file has none."""
    return job if job.is_bare_list else job.model_copy(update={"time_zone": zone.name})


def due_time(job: Job | RetryJob, zone: JobZone, now: datetime) -> Due:
    """Return the due time of a job's schedule that a run at this time is for.

    Args:
        job: the job.
        zone: the time zone of its schedule.
        now: the time, in UTC.

    Raises:
        JobError: the job has no schedule, or nothing is due.
    """
    if job.schedule is None:
        raise JobError("The job has no [schedule], so nothing can be due. Remove --scheduled.")
    try:
        return job.schedule.due(now, zone.zone)
    except JobError as error:
        if zone.run is None or zone.is_machines(now):
            raise
        raise JobError(
            f"{error} The time zone {zone.name} is that of run {zone.run}; to use another one, set time_zone in the "
            "job file."
        ) from None
