"""Crontab lines and systemd units that start the same command, whatever characters it has."""

import configparser
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.errors import JobError
from bulk_topup.jobs.cron_and_systemd import ScheduledCommand, belongs_to_another_job, crontab, systemd_units
from bulk_topup.jobs.load import load_any_job
from bulk_topup.jobs.schedule import Schedule

_arguments = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=20
).filter(str.isprintable)


def _command(
    *arguments: str, at: str = "0 17 28 * *", catch_up: str = "2h", name: str = "payroll", is_retry: bool = False
) -> ScheduledCommand:
    return ScheduledCommand(
        name=name,
        job=Path("/srv/jobs/payroll.toml"),
        is_retry=is_retry,
        schedule=Schedule(at=at, catch_up=catch_up),
        arguments=arguments or ("bulk-topup", "run"),
        directory=Path("/srv/pay day"),
        user="payer",
        environment_file=Path("/etc/a b.env"),
        log=None,
    )


@given(st.lists(_arguments, min_size=1, max_size=4))
def test_cron_passes_the_arguments_unchanged_to_the_shell(arguments: list[str]) -> None:
    lines = [line for line in crontab(_command(*arguments)).splitlines() if line.startswith("0 1")]
    assert [line.split(" cd ")[0] for line in lines] == ["0 17 28 * *", "0 18,19 28 * *"]
    for line in lines:
        command = line.split(" && umask 077 && ")[1]
        assert "%" not in command.replace("\\%", "")  # to cron an unescaped one ends the line
        assert shlex.split(command.replace("\\%", "%")) == [*arguments, "--credentials", "/etc/a b.env"]


@given(st.lists(_arguments, min_size=1, max_size=4))
def test_systemd_reads_the_arguments_unchanged(arguments: list[str]) -> None:
    unit = systemd_units(_command(*arguments))["bulk-topup-payroll.service"]
    (line,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    assert _as_systemd_reads(line.removeprefix("ExecStart=")) == arguments


def _as_systemd_reads(line: str) -> list[str]:
    """Split as systemd.service(5) says: C escapes in quotes, then %% and $$ (its examples are in the manual)."""
    assert "%" not in line.replace("%%", "")
    assert "$" not in line.replace("$$", "")
    return [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(line)]


def test_a_service_has_its_directory_user_and_credentials() -> None:
    units = systemd_units(_command())
    service, timer = (configparser.ConfigParser(interpolation=None) for _ in range(2))
    service.read_string(units["bulk-topup-payroll.service"])
    timer.read_string(
        units["bulk-topup-payroll.timer"].replace("OnCalendar", "Later").replace("Later", "OnCalendar", 1)
    )
    options = service["Service"]
    assert options["WorkingDirectory"] == "/srv/pay day"
    assert options["EnvironmentFile"] == "/etc/a b.env"
    assert (options["User"], options["SuccessExitStatus"], options["Restart"]) == ("payer", "5", "on-failure")
    final = [code for code in ExitCode if code and not code.is_transient]
    assert options["RestartPreventExitStatus"].split() == [str(code.value) for code in final]
    assert timer["Timer"]["OnCalendar"] == "*-*-28 17:00:00"
    assert timer["Timer"]["Later"] == "*-*-28 18,19:00:00"
    assert timer["Timer"]["Persistent"] == "true"


@pytest.fixture
def systemd() -> Callable[..., str]:
    """Return a function that calls systemd-analyze, which must report no error."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")

    def analyze(*arguments: object) -> str:
        found = subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, check=False)
        assert (found.returncode, found.stderr) == (0, "")
        return found.stdout

    return analyze


@pytest.mark.parametrize("name", ["payroll", "Löhne 50% \\"])
def test_systemd_accepts_the_units(systemd: Callable[..., str], tmp_path: Path, name: str) -> None:
    command = _command("/bin/sh", "-c", "a b%c $d \"e\" 'f' \\g", at="*/20 9-17 * * Mon-Fri", name=name)
    for file, text in systemd_units(command).items():
        assert not any(line.endswith("\\") for line in text.splitlines())  # it would join the next one
        (tmp_path / file).write_text(text)
    systemd("verify", "--man=no", *tmp_path.iterdir())


@pytest.mark.parametrize(
    ("at", "now", "starts"),
    [
        ("0 17 28 * *", "2026-11-28 17:20", ["2026-11-28 18:00", "2026-11-28 19:00", "2026-12-28 17:00"]),
        ("*/30 9-17 * * Fri", "2026-11-27 17:01", ["2026-11-27 17:30", "2026-11-27 18:00", "2026-11-27 19:00"]),
    ],
)
def test_a_machine_that_was_down_resumes_at_the_next_full_hour(
    systemd: Callable[..., str], at: str, now: str, starts: list[str]
) -> None:
    timer = systemd_units(_command(at=at))["bulk-topup-payroll.timer"]
    expressions = [line.removeprefix("OnCalendar=") for line in timer.splitlines() if line.startswith("OnCalendar=")]
    output = systemd("calendar", f"--base-time={now}", "--iterations=3", *expressions)
    found = re.findall(r"(?:Next elapse|Iter\. #[0-9]+): \w+ (\S+ [0-9:]{5}):00", output)
    assert sorted(found)[:3] == starts


def test_a_retry_has_no_catch_up() -> None:
    timer = systemd_units(_command(is_retry=True))["bulk-topup-payroll.timer"]
    assert timer.count("OnCalendar=") == 1


@pytest.mark.parametrize(("at", "burst"), [("0 17 28 * *", 8), ("0 * * * *", 29), ("*/5 * * * *", 293)])
def test_a_service_can_start_as_often_as_its_schedule(at: str, burst: int) -> None:
    assert f"StartLimitBurst={burst}\n" in systemd_units(_command(at=at))["bulk-topup-payroll.service"]


def test_units_of_jobs_with_different_names_have_different_file_names() -> None:
    names = ["payroll", "Löhne", "Lohne", "L hne", "löhne", "給与", "賞与", "a b", "a-b", "a_b", "a%b"]
    files = [file for name in names for file in systemd_units(_command(name=name))]
    assert len(set(files)) == 2 * len(names)
    assert "bulk-topup-payroll.timer" in files
    assert all(file.isascii() for file in files)


def test_a_unit_names_its_job_file() -> None:
    unit, other = (
        systemd_units(replace(_command(), job=Path(job)))["bulk-topup-payroll.service"]
        for job in ("/srv/a.toml", "/srv/b.toml")
    )
    assert belongs_to_another_job(unit, other)
    assert not belongs_to_another_job(unit.replace("17", "18"), unit)


@pytest.mark.parametrize("folder", ["/srv/pay ", "/srv/pay\\"])
def test_a_folder_that_systemd_would_misread_is_refused(folder: str) -> None:
    with pytest.raises(JobError, match="ends in a space or a backslash"):
        systemd_units(replace(_command(), directory=Path(folder)))


def test_the_path_of_a_credentials_file_is_never_a_wildcard() -> None:
    unit = systemd_units(replace(_command(), environment_file=Path("/etc/a[1]*.env")))["bulk-topup-payroll.service"]
    assert "EnvironmentFile=/etc/a[[]1][*].env\n" in unit


def test_the_catch_up_of_a_crontab_is_hourly() -> None:
    assert "\n0 18,19 28 * * cd " in crontab(_command(at="*/15 17 28 * *"))


def test_the_crontab_example_is_the_output_for_the_sample_jobs(root: Path) -> None:
    example = (root / "jobs/crontab.example").read_text().partition("\n")[2]
    printed = ""
    for name, command in (("payroll", "run"), ("rewards", "run"), ("retry-payroll", "retry")):
        job = load_any_job(root / f"jobs/{name}.toml")
        assert job.schedule is not None
        there = "/srv/bulk-topup"
        arguments = [f"{there}/.venv/bin/bulk-topup", command, f"{there}/jobs/{name}.toml", "--scheduled", "--quiet"]
        scheduled = ScheduledCommand(
            name=job.name,
            job=Path(f"{there}/jobs/{name}.toml"),
            schedule=job.schedule,
            arguments=[*arguments, "--ledger", "/var/lib/bulk-topup/ledger.db"],
            is_retry=command == "retry",
            directory=Path(there),
            user="payer",
            environment_file=None,  # they pay in the sandbox
            log=None,
        )
        printed += crontab(scheduled)
    assert example == printed


def test_a_schedule_late_in_the_day_has_no_catch_up_on_the_next_day() -> None:
    assert "Catch-up" not in crontab(_command(at="0 23 * * *", catch_up="12h"))


def test_invisible_characters_are_refused() -> None:
    for write in (crontab, systemd_units):
        with pytest.raises(JobError, match="has invisible characters"):
            write(_command("a\nb"))
