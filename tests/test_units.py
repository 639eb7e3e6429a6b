"""Crontab lines and units that start the same words, whatever characters these have."""

import configparser
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.errors import JobError
from bulk_topup.jobs import load_any_job
from bulk_topup.schedules import Schedule
from bulk_topup.units import Started, crontab, systemd_units

_words = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=20).filter(
    str.isprintable
)


def _started(*words: str, at: str = "0 17 28 * *", catch_up: str = "2h") -> Started:
    return Started(
        name="payroll",
        schedule=Schedule(at=at, catch_up=catch_up),
        words=words or ("bulk-topup", "run"),
        directory=Path("/srv/pay day"),
        user="payer",
        environment_file=Path("/etc/a b.env"),
        log=None,
    )


@given(st.lists(_words, min_size=1, max_size=4))
def test_cron_gives_the_shell_the_words_as_they_are(words: list[str]) -> None:
    lines = [line for line in crontab(_started(*words)).splitlines() if line.startswith("0 1")]
    assert [line.split(" cd ")[0] for line in lines] == ["0 17 28 * *", "0 18,19 28 * *"]
    for line in lines:
        command = line.split(" && umask 077 && ")[1]
        assert "%" not in command.replace("\\%", "")  # to cron an unescaped one ends the line
        assert shlex.split(command.replace("\\%", "%")) == [*words, "--credentials", "/etc/a b.env"]


@given(st.lists(_words, min_size=1, max_size=4))
def test_systemd_reads_the_words_as_they_are(words: list[str]) -> None:
    unit = systemd_units(_started(*words))["bulk-topup-payroll.service"]
    (line,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    assert _as_systemd_reads(line.removeprefix("ExecStart=")) == words


def _as_systemd_reads(line: str) -> list[str]:
    """Split as systemd.service(5) says: C escapes in quotes, then %% and $$ (its examples are in the manual)."""
    assert "%" not in line.replace("%%", "")
    assert "$" not in line.replace("$$", "")
    return [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(line)]


def test_a_service_states_where_as_whom_and_with_which_credentials() -> None:
    units = systemd_units(_started())
    service, timer = (configparser.ConfigParser(interpolation=None) for _ in range(2))
    service.read_string(units["bulk-topup-payroll.service"])
    timer.read_string(units["bulk-topup-payroll.timer"])
    stated = service["Service"]
    assert stated["WorkingDirectory"] == "/srv/pay day"
    assert stated["EnvironmentFile"] == "/etc/a b.env"
    assert (stated["User"], stated["SuccessExitStatus"], stated["Restart"]) == ("payer", "5", "on-failure")
    assert timer["Timer"]["OnCalendar"] == "*-*-28 17:00:00"
    assert timer["Timer"]["Persistent"] == "true"


def test_systemd_itself_finds_nothing_wrong(tmp_path: Path) -> None:
    try:
        subprocess.run(["systemd-analyze", "--version"], capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip("there is no systemd here")
    started = _started("/bin/sh", "-c", "a b%c $d \"e\" 'f' \\g", at="*/20 9-17 * * Mon-Fri")
    for name, text in systemd_units(started).items():
        (tmp_path / name).write_text(text)
    words = ["systemd-analyze", "verify", "--man=no", *map(str, tmp_path.iterdir())]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")


def test_the_example_of_a_crontab_is_what_is_printed_for_the_jobs_beside_it(root: Path) -> None:
    example = (root / "jobs/crontab.example").read_text().partition("\n")[2]
    printed = ""
    for name, command in (("payroll", "run"), ("rewards", "run"), ("retry-payroll", "retry")):
        job = load_any_job(root / f"jobs/{name}.toml")
        assert job.schedule is not None
        there = "/srv/bulk-topup"
        words = [f"{there}/.venv/bin/bulk-topup", command, f"{there}/jobs/{name}.toml", "--scheduled", "--quiet"]
        started = Started(
            name=job.name,
            schedule=job.schedule,
            words=[*words, "--ledger", "/var/lib/bulk-topup/ledger.db"],
            tries_anew=command == "retry",
            directory=Path(there),
            user="payer",
            environment_file=Path("/etc/bulk-topup/account.env"),
            log=None,
        )
        printed += crontab(started)
    assert example == printed


def test_a_schedule_late_in_the_day_has_no_later_starts_on_the_next_one() -> None:
    assert "Makes up" not in crontab(_started(at="0 23 * * *", catch_up="12h"))


def test_what_no_line_can_hold_is_refused() -> None:
    for write in (crontab, systemd_units):
        with pytest.raises(JobError, match="nobody sees"):
            write(_started("a\nb"))
