"""What cron and systemd run: the printed lines in a bare environment, without output unless there is a problem."""

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bulk_topup.ledger import run_lock
from tests.e2e.conftest import COMMAND
from tests.helpers.private_files import write_private

PATIENCE = 120


@pytest.fixture
def job(tmp_path: Path) -> Path:
    folder = tmp_path / "pay day 100%"
    folder.mkdir()
    (folder / "pay.csv").write_text("reference,phone,amount\nA-1,+6595123001,5\nA-2,+6595123002,5\n")
    (folder / "pay.toml").write_text(
        'list = "pay.csv"\nrun_key = "1"\nproduct = 6418\nenvironment = "sandbox"\n[schedule]\nat = "* * * * *"\n',
        encoding="utf-8",
    )
    return folder / "pay.toml"


@pytest.fixture
def printed(invoke: Any, job: Path, sandbox: Any, credentials: tuple[str, str]) -> Callable[..., str]:
    """Return a function that prints a schedule of the job, with a file of its credentials."""
    write_private(job.parent / "account.env", "DVS_API_KEY={}\nDVS_API_SECRET={}\n".format(*credentials))

    def schedule(*words: str) -> str:
        places = ("--environment-file", job.parent / "account.env", "--directory", job.parent)
        books = ("--ledger", job.parent / "ledger.db", "--base-url", sandbox.base_url)
        return str(invoke("schedule", "print", job, *words, *places, *books).stdout)

    return schedule


def _bare(*words: str, environment: tuple[str, ...] = (), folder: Path | None = None) -> Any:
    return subprocess.run(
        ["env", "-i", *environment, *words],
        cwd=folder or "/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def test_the_crontab_line_pays_in_a_bare_environment_and_prints_nothing(
    printed: Callable[..., str], job: Path, books: Any, tmp_path: Path
) -> None:
    lines = [line for line in printed("--cron").splitlines() if line.startswith("* * * * * ")]
    command = lines[0].removeprefix("* * * * * ").replace("\\%", "%")
    home = (f"HOME={tmp_path}",)
    for _ in range(2):
        result = _bare("/bin/sh", "-c", command, environment=home)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert len(books()["transactions"]) == 2
    assert (job.parent / "reports/pay-1/summary.json").exists()


def test_the_unit_pays_in_a_bare_environment_and_prints_nothing(
    printed: Callable[..., str], books: Any, tmp_path: Path
) -> None:
    settings = dict(line.split("=", 1) for line in printed("--systemd").splitlines() if "=" in line)
    words = [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(settings["ExecStart"])]
    file = Path(settings["EnvironmentFile"].replace("%%", "%"))
    environment = (f"HOME={tmp_path}", *file.read_text().splitlines())
    result = _bare(*words, environment=environment, folder=Path(settings["WorkingDirectory"].replace("%%", "%")))
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert len(books()["transactions"]) == 2


def test_units_are_written_into_a_folder(printed: Callable[..., str], tmp_path: Path) -> None:
    printed("--systemd", "--output-dir", str(tmp_path / "units"))
    assert sorted(file.name for file in (tmp_path / "units").iterdir()) == [
        "bulk-topup-pay.service",
        "bulk-topup-pay.timer",
    ]


def test_units_of_another_job_are_never_replaced(printed: Callable[..., str], invoke: Any, job: Path) -> None:
    units = job.parent / "units"
    printed("--systemd", "--output-dir", str(units))
    printed("--systemd", "--output-dir", str(units))  # its own units are replaced
    other = job.parent / "other.toml"
    other.write_text('name = "pay"\n' + job.read_text().replace('"* * * * *"', '"0 5 * * *"'))
    before = {file.name: file.read_text() for file in units.iterdir()}
    errors = invoke("schedule", "print", other, "--systemd", "--output-dir", units, code=3).stderr
    assert "already exists and runs another job" in errors
    assert {file.name: file.read_text() for file in units.iterdir()} == before


def test_a_job_that_cannot_run_automatically_has_no_schedule(invoke: Any, job: Path) -> None:
    assert "Choose --cron or --systemd." in invoke("schedule", "print", job, code=2).stderr
    text = job.read_text()
    job.write_text(f'{text}[approval]\nrequired = true\nkeys = ["hmac"]\n')
    assert "needs an approval for each run" in invoke("schedule", "print", job, "--cron", code=3).stderr
    job.write_text(text.replace('environment = "sandbox"', 'environment = "production"'))
    assert "--environment-file" in invoke("schedule", "print", job, "--cron", code=2).stderr
    assert "--yes" in invoke("schedule", "print", job, "--cron", "--environment-file", "x").stdout
    job.write_text(text.partition("[schedule]")[0])
    assert "has no [schedule]" in invoke("schedule", "print", job, "--cron", code=3).stderr


def test_a_schedule_of_an_embedded_sandbox_carries_no_credentials(invoke: Any, job: Path, tmp_path: Path) -> None:
    file = write_private(tmp_path / "account.env", "DVS_API_KEY=k\nDVS_API_SECRET=s\n")
    words = ("schedule", "print", job, "--cron", "--environment-file", file)
    assert "uses no API credentials: nobody would be paid" in invoke(*words, code=2).stderr
    text = job.read_text()
    job.write_text(f'ping = "${{PING}}"\n{text}')
    assert "uses no API credentials" in invoke(*words, code=2).stderr
    write_private(file, "PING=https://ping.example/1\n")
    assert f"--credentials {file}" in invoke(*words).stdout
    job.write_text(text)
    assert "uses no API credentials" in invoke(*words, code=2).stderr


@pytest.mark.parametrize("pair", [(), ("DVS_API_KEY=k", "DVS_API_SECRET=s")], ids=["without", "with"])
def test_a_job_that_names_no_environment_is_refused_in_a_shell_with_and_without_credentials(
    job: Path, tmp_path: Path, pair: tuple[str, ...]
) -> None:
    job.write_text(job.read_text().replace('environment = "sandbox"\n', ""))
    why = "API credentials are given" if pair else "--scheduled needs an environment that is named"
    for words, reason in (
        ("run {} --scheduled --quiet", why),
        ("schedule print {} --cron", "names no environment, which a schedule needs"),
    ):
        line = f"{shlex.quote(str(COMMAND))} {words.format(shlex.quote(str(job)))}"
        result = _bare("/bin/sh", "-c", line, environment=(f"HOME={tmp_path}", *pair))
        assert (result.returncode, result.stdout) == (3, "")
        assert result.stderr.startswith("Error: ")
        assert reason in result.stderr
        assert result.stderr.count("\n") == 1
    assert not list(tmp_path.rglob("*.db*"))


def test_a_quiet_invocation_reports_a_problem_once_on_standard_error(
    invoke: Any, job: Path, options: tuple[str, ...], books: Any
) -> None:
    (job.parent / "pay.csv").write_text("reference,phone,amount\nA-1,+6595123001,5\nA-2,+6595123102,5\n")
    first = invoke("run", job, "--quiet", *options, code=1)
    assert first.stdout == ""
    assert "Run pay/1 is new." in first.stderr
    assert "not-completed.csv" in first.stderr
    again = invoke("run", job, "--quiet", *options, code=1)
    assert (again.stdout, again.stderr) == ("", "")
    assert "1 failed" in invoke("run", job, *options, code=1).stdout
    resumed = invoke("resume", "pay/1", "--quiet", *options, code=1)
    assert (resumed.stdout, resumed.stderr) == ("", "")
    retried = invoke("retry", "pay/1", "--all-failed", "--quiet", *options, code=1)
    assert "not-completed.csv" in retried.stderr
    assert len(books()["transactions"]) == 3


def test_a_quiet_invocation_reports_another_problem(invoke: Any, job: Path, options: tuple[str, ...]) -> None:
    job.write_text("skip_refused = true\n" + job.read_text())
    list_ = job.parent / "pay.csv"
    paid = list_.read_text()
    list_.write_text(paid + "A-3,12,5\n")
    assert "A-3" not in invoke("run", job, "--quiet", *options, code=1).stdout
    assert invoke("run", job, "--quiet", *options, code=1).stderr == ""
    list_.write_text(paid + "A-3,13,5\n")
    assert "not an E.164 number" in invoke("run", job, "--quiet", *options, code=1).stderr


def test_a_quiet_invocation_reports_what_a_killed_one_did_not_report(
    invoke: Any, job: Path, options: tuple[str, ...], tmp_path: Path
) -> None:
    job.write_text('archive = "done"\n' + job.read_text())
    (job.parent / "pay.csv").write_text("reference,phone,amount\nA-1,+6595123001,5\nA-2,+6595123102,5\n")
    assert "1 failed" not in invoke("run", job, "--quiet", *options, code=1).stdout
    assert invoke("run", job, "--quiet", *options, code=1).stderr == ""
    (notice,) = tmp_path.glob("ledger.db.*.told")
    notice.unlink()
    assert "has ended (1 completed, 1 failed)" in invoke("run", job, "--quiet", *options, code=1).stderr
    assert invoke("run", job, "--quiet", *options, code=1).stderr == ""


def test_a_reported_problem_hides_no_other_problem(invoke: Any, job: Path, options: tuple[str, ...]) -> None:
    list_ = job.parent / "pay.csv"
    paid = list_.read_text()
    list_.write_text(paid + "A-3,+6595123102,5\n")
    invoke("run", job, "--quiet", *options, code=1)
    assert invoke("run", job, "--quiet", *options, code=1).stderr == ""
    # The same row failed, and the list also changed a row that is completed.
    list_.write_text(paid.replace("A-1,+6595123001,5", "A-1,+6595123001,7") + "A-3,+6595123102,5\n")
    assert "1 row changed in the list after sending" in invoke("run", job, "--quiet", *options, code=1).stderr
    assert invoke("run", job, "--quiet", *options, code=1).stderr == ""
    list_.write_text(paid.replace("A-2,+6595123002,5", "A-2,+6595123002,7") + "A-3,+6595123102,5\n")
    assert "1 row changed in the list after sending" in invoke("run", job, "--quiet", *options, code=1).stderr


def test_the_same_problem_is_reported_again_after_an_invocation_without_problems(
    invoke: Any, job: Path, options: tuple[str, ...]
) -> None:
    list_ = job.parent / "pay.csv"
    paid, changed = list_.read_text(), list_.read_text().replace("001,5", "001,7")
    for text, code in ((paid, 0), (changed, 1), (paid, 0), (changed, 1)):
        list_.write_text(text)
        errors = invoke("run", job, "--quiet", *options, code=code).stderr
        assert ("changed in the list after sending" in errors) is bool(code)


@pytest.fixture
def act_during_run(start: Any, job: Path, options: tuple[str, ...], books: Any, wait_until: Any) -> Callable[..., Any]:
    """Return a function that starts the job with an archive, acts while the run is running, and returns its result."""
    job.write_text('archive = "done"\n' + job.read_text())

    def run(act: Callable[[], object], *words: str) -> Any:
        process = start("run", job, "--rate", "1", "--poll-interval", "0.05", *words, *options)
        wait_until(lambda: bool(books()["transactions"]))
        act()
        out, err = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    return run


def test_a_list_that_changes_during_a_quiet_run_is_reported_and_the_next_invocation_pays_the_rest(
    act_during_run: Callable[..., Any], invoke: Any, job: Path, options: tuple[str, ...], books: Any
) -> None:
    list_ = job.parent / "pay.csv"
    result = act_during_run(lambda: list_.write_text(list_.read_text() + "A-3,+6595123003,5\n"), "--quiet")
    assert (result.returncode, result.stdout) == (75, "")
    assert "changed during the run, so it was not archived. Run again." in result.stderr
    again = invoke("run", job, "--quiet", *options)
    assert (again.stdout, again.stderr) == ("", "")
    assert len(books()["transactions"]) == 3
    assert [file.name for file in (job.parent / "done").iterdir()] == ["pay.csv"]


def test_a_list_that_cannot_be_archived_is_reported_by_a_quiet_invocation(
    act_during_run: Callable[..., Any], job: Path
) -> None:
    archive = job.parent / "done"
    result = act_during_run(archive.rmdir, "--quiet", "--json")
    assert (result.returncode, result.stdout) == (1, "")
    assert "Warning: " in result.stderr
    found = json.loads(result.stderr.splitlines()[-2])
    assert found["archived"] is None
    assert re.search(r"Can't move .* to the archive", found["not_archived"])


def test_a_quiet_invocation_shows_refused_rows_on_standard_error(
    invoke: Any, job: Path, options: tuple[str, ...]
) -> None:
    (job.parent / "pay.csv").write_text("reference,phone,amount\nA-1,12,5\n")
    result = invoke("run", job, "--quiet", *options, code=3)
    assert result.stdout == ""
    assert "not an E.164 number" in result.stderr


def test_a_quiet_invocation_never_prompts(invoke: Any, job: Path, options: tuple[str, ...], books: Any) -> None:
    result = invoke("run", job, "--quiet", "--env", "production", *options, code=3)
    assert "Add --yes" in result.stderr
    assert books()["transactions"] == []


def test_a_quiet_invocation_of_a_locked_run_prints_nothing(
    invoke: Any, job: Path, options: tuple[str, ...], tmp_path: Path, books: Any
) -> None:
    with run_lock(tmp_path / "ledger.db", "pay", "1"):
        result = invoke("run", job, "--quiet", *options, code=5)
        assert (result.stdout, result.stderr) == ("", "")
        assert "Another process" in invoke("run", job, *options, code=5).stderr
    assert books()["transactions"] == []


def test_after_the_deadline_nothing_is_sent_and_the_run_can_be_resumed(
    invoke: Any, job: Path, options: tuple[str, ...], books: Any, sandbox: Any, tmp_path: Path
) -> None:
    stopped = invoke("run", job, "--deadline", "2020-01-01", "--json", *options, code=75)
    place = f"--env sandbox --base-url {sandbox.base_url} --ledger {tmp_path}/ledger.db"
    assert json.loads(stopped.stdout)["message"] == f"Deadline reached. Resume: `bulk-topup resume pay/1 {place}`"
    assert books()["transactions"] == []
    invoke("resume", "pay/1", "--deadline", "1h", *options)
    assert len(books()["transactions"]) == 2


def test_a_scheduled_invocation_when_nothing_is_due_sends_nothing(
    invoke: Any, job: Path, options: tuple[str, ...], books: Any
) -> None:
    job.write_text(job.read_text().replace('"* * * * *"', '"0 0 29 2 *"'))
    assert "No run is due" in invoke("run", job, "--scheduled", *options, code=3).stderr
    assert "Remove --today" in invoke("run", job, "--scheduled", "--today", "2026-11-28", *options, code=2).stderr
    job.write_text(job.read_text().partition("[schedule]")[0])
    assert "no [schedule]" in invoke("run", job, "--scheduled", *options, code=3).stderr
    assert books()["transactions"] == []


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_a_manual_and_a_scheduled_invocation_are_the_same_run_in_every_time_zone(
    zone: str, command: Any, environment: dict[str, str], job: Path, options: tuple[str, ...], books: Any
) -> None:
    environment["TZ"] = zone
    job.write_text(job.read_text().replace('run_key = "1"', 'run_key = "{today}"'))
    keys = set()
    for words in (("run", "--scheduled"), ("run",)):
        before = datetime.now(ZoneInfo(zone)).date().isoformat()
        found = json.loads(command(*words, job, "--json", *options).stdout)["run"].removeprefix("pay/")
        assert before <= found <= datetime.now(ZoneInfo(zone)).date().isoformat()
        keys.add(found)
    assert len(books()["transactions"]) == 2 * len(keys)  # midnight may have passed in between
