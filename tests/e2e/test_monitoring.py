"""Notifications, pings, metrics and logs: what they report, what they never contain, and that they change no run."""

import json
import shlex
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from openpyxl import load_workbook

from bulk_topup.app import monitor
from bulk_topup.cli import main
from bulk_topup.cli.monitoring import monitored
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import run_lock
from tests.helpers.hand_clock import SkippingClock
from tests.helpers.monitoring_output import figure, logged, pinged
from tests.helpers.private_files import write_private
from tests.helpers.smtp_and_http_receivers import Hook, Mailbox, attachments_of, serve_hook, serve_mailbox, text_of

Write = Callable[..., Path]


@pytest.fixture
def hook(environment: dict[str, str]) -> Iterator[Hook]:
    """A web server that the environment names: notifications go to /notify, pings to /ping-…"""
    with serve_hook() as found:
        environment["HOOK"] = f"json://payer:hunter2@127.0.0.1:{found.port}/notify"
        environment["PING"] = f"{found.url}/ping-0c1d2e3f"
        yield found


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with serve_mailbox() as found:
        yield found


@pytest.fixture
def job(tmp_path: Path) -> Write:
    """Return a function that writes a job and its list; a number that ends in 1xx is declined."""

    def write(*numbers: str, more: str = "", to: str = "${HOOK}", on: str = "start finish failure approval") -> Path:
        rows = "".join(f"A-{line},{number},5\n" for line, number in enumerate(numbers or ("+6595123001",)))
        (tmp_path / "pay.csv").write_text(f"reference,phone,amount\n{rows}")
        (tmp_path / "pay.toml").write_text(
            f'list = "pay.csv"\nrun_key = "1"\nproduct = 6418\nenvironment = "sandbox"\n'
            f'ping = "${{PING}}"\nmetrics = "pay.prom"\n'
            f'logs = "pay.jsonl"\n{more}\n[[notifications]]\nto = ["{to}"]\non = {json.dumps(on.split())}\n'
        )
        return tmp_path / "pay.toml"

    return write


def notified(hook: Hook) -> list[dict[str, Any]]:
    return [json.loads(body) for _, path, body in hook.requests if path == "/notify"]


def titles(hook: Hook) -> list[str]:
    return [each["title"] for each in notified(hook)]


def test_the_updates_and_the_duration_of_a_run_follow_its_clock(
    environment: dict[str, str], job: Write, hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two payments to one number with two minutes between them."""
    words = ("run", job("+6595123001", "+6595123001"), "--allow-duplicates", "--min-interval", 120)
    for name in ("DVS_API_KEY", "DVS_API_SECRET"):
        del environment[name]
    monkeypatch.chdir(tmp_path)
    clock = SkippingClock()
    started = clock.now().timestamp()
    result = CliRunner().invoke(
        main, [*map(str, words), "--ledger", str(tmp_path / "ledger.db")], env=environment, obj=clock
    )
    assert result.exit_code == 0, result.output
    assert pinged(hook) == ["/start", ""]
    metrics = tmp_path / "pay.prom"
    assert figure(metrics, "duration_seconds") >= 120
    assert started - 1 <= figure(metrics, "start_timestamp_seconds") <= started + 60
    assert figure(metrics, "end_timestamp_seconds") <= clock.now().timestamp()
    lines = logged(tmp_path / "pay.jsonl")
    assert len([each for each in lines if each["event"] == "progress"]) >= 120 / monitor.UPDATE_INTERVAL
    assert lines[-1]["seconds"] >= 120


def test_an_invocation_is_reported_at_its_start_and_its_end(
    invoke: Any, job: Write, hook: Hook, options: tuple[str, ...], tmp_path: Path, sandbox: Any
) -> None:
    result = invoke("run", job("+6595123001", "+6595123102"), *options, code=1)
    assert titles(hook) == ["pay/1: started, 2 rows", "pay/1: 1 of 2 rows completed, 1 failed (exit code 1)"]
    assert "Charged: 3.71 USD" in notified(hook)[1]["message"]
    assert f"Report: {tmp_path}/reports/pay-1" in notified(hook)[1]["message"]
    assert pinged(hook) == ["/start", "/1"]
    metrics = tmp_path / "pay.prom"
    assert figure(metrics, "exit_code", job="pay", run="1") == 1
    assert figure(metrics, "rows", state="completed") == figure(metrics, "rows", state="failed") == 1
    assert figure(metrics, "money", kind="charged", currency="USD") == 3.71
    assert figure(metrics, "running", environment="sandbox") == 0
    assert f'account="{sandbox.base_url} (key ' in metrics.read_text()
    lines = logged(tmp_path / "pay.jsonl")
    # A response may be final already, so a row has one move or two.
    last_moves = {line["row_id"]: line["after"] for line in lines if line["event"] == "row moved"}
    assert sorted(last_moves.values()) == ["completed", "failed"]
    assert (lines[0]["event"], lines[-1]["event"]) == ("start", "end")
    assert "Warning" not in result.stderr


def test_an_open_earlier_run_that_stops_a_new_one_is_notified_as_a_failure(
    invoke: Any, job: Write, hook: Hook, options: tuple[str, ...]
) -> None:
    file = job()
    invoke("run", file, "--run-key", "0", "--deadline", "2020-01-01", *options, code=75)
    hook.requests.clear()
    invoke("run", file, "--quiet", *options, code=3)
    assert titles(hook) == ["pay/1: checks failed, nothing was sent (exit code 3)"]
    assert "Run pay/0 of this job is open (1 row pending)" in notified(hook)[0]["message"]
    assert "bulk-topup close pay/0" in notified(hook)[0]["message"]


def test_an_invocation_with_nothing_new_sends_no_notification_but_pings(
    invoke: Any, job: Write, hook: Hook, options: tuple[str, ...]
) -> None:
    invoke("run", job(), *options)
    hook.requests.clear()
    invoke("run", job(), *options)
    assert titles(hook) == []
    assert pinged(hook) == ["/start", ""]


def test_a_channel_for_failures_receives_only_failures(
    invoke: Any, job: Write, hook: Hook, options: tuple[str, ...]
) -> None:
    invoke("run", job(on="failure"), *options)
    assert titles(hook) == []
    invoke("run", job("+6595123102", on="failure"), "--run-key", "2", *options, code=1)
    assert titles(hook) == ["pay/2: 0 of 1 row completed, 1 failed (exit code 1)"]


def test_a_refused_list_is_reported_without_personal_data(
    invoke: Any, job: Write, hook: Hook, options: tuple[str, ...], books: Any
) -> None:
    invoke("run", job("+6595123001", "0659512"), *options, code=3)
    (failure,) = notified(hook)
    assert failure["title"] == "pay/1: checks failed, nothing was sent (exit code 3)"
    assert "1 of 2 rows refused" in failure["message"]
    assert "0659512" not in failure["message"]
    assert pinged(hook) == ["/3"]
    assert books()["transactions"] == []


def test_a_port_in_use_is_reported_by_message_and_on_standard_error(
    invoke: Any, job: Write, hook: Hook, options: tuple[str, ...], books: Any
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        result = invoke("run", job(), "--quiet", "--listen", f"127.0.0.1:{port}", *options, code=5)
    assert f"Can't listen on 127.0.0.1 port {port}: Address already in use. Choose another port." in result.stderr
    (failure,) = notified(hook)
    assert "(exit code 5)" in failure["title"]
    assert pinged(hook)[-1] == "/5"
    assert books()["transactions"] == []


def test_a_missing_list_is_reported(invoke: Any, job: Write, hook: Hook, options: tuple[str, ...]) -> None:
    file = job()
    (file.parent / "pay.csv").unlink()
    invoke("run", file, *options, code=3)
    assert titles(hook) == ["pay/1: checks failed, nothing was sent (exit code 3)"]
    assert figure(file.parent / "pay.prom", "exit_code") == 3


def test_bad_credentials_are_reported_as_on_the_terminal(
    invoke: Any, job: Write, hook: Hook, options: tuple[str, ...], environment: dict[str, str]
) -> None:
    environment["DVS_API_SECRET"] = "another-secret-4e1d"
    result = invoke("run", job(), *options, code=4)
    (failure,) = notified(hook)
    assert "stopped by DVS (exit code 4)" in failure["title"]
    sentence = result.stderr.splitlines()[-1].removeprefix("Error: ")
    assert sentence.partition("`")[0] in failure["message"]  # a terminal's command has this place's options
    assert pinged(hook) == ["/4"]


def test_approvers_are_notified_of_a_plan_and_of_an_invocation_without_approval(
    invoke: Any, job: Write, hook: Hook, options: tuple[str, ...], tmp_path: Path
) -> None:
    file = job(on="approval", more='approval = { required = true, keys = ["hmac"] }')
    invoke("plan", file, "--output", "plan.json", *options)
    invoke("run", file, *options, code=3)
    assert titles(hook) == [
        "pay/1: plan needs an approval",
        "pay/1: approval required, nothing was sent (exit code 3)",
    ]
    assert f"bulk-topup approve {tmp_path}/plan.json" in notified(hook)[0]["message"]


def test_an_interrupted_run_is_reported_and_keeps_its_exit_code(
    start: Any, job: Write, hook: Hook, options: tuple[str, ...], wait_until: Any, tmp_path: Path
) -> None:
    process = start("run", job(*(f"+65951230{line:02}" for line in range(60))), "--rate", 5, *options)
    wait_until(lambda: "/start" in pinged(hook) and titles(hook))
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 75
    assert titles(hook)[-1] == "pay/1: interrupted, can be resumed (exit code 75)"
    assert "bulk-topup resume pay/1" in notified(hook)[-1]["message"]
    assert pinged(hook) == ["/start", "/75"]
    assert logged(tmp_path / "pay.jsonl")[-1]["stopped"] == "interrupted"


def test_an_unexpected_error_is_reported_and_raised(
    hook: Hook, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOOK", environment["HOOK"])
    job = Job.model_validate({"name": "pay", "list": "x.csv", "notifications": [{"to": ["${HOOK}"]}]})

    def fail() -> None:
        with monitored() as found:
            found.configure(job, tmp_path, environment=None)
            raise KeyError("+6595123001")

    with pytest.raises(KeyError):
        fail()
    assert titles(hook) == ["pay: unexpected error, nothing was sent (exit code 3)"]
    assert "KeyError" in notified(hook)[0]["message"]
    assert "6595123001" not in notified(hook)[0]["message"]


@pytest.mark.parametrize("quiet", [(), ("--quiet",)])
def test_a_failed_channel_is_a_warning_even_of_a_quiet_invocation_and_changes_nothing(
    invoke: Any, job: Write, hook: Hook, options: tuple[str, ...], books: Any, quiet: tuple[str, ...]
) -> None:
    hook.status = 500
    result = invoke("run", job(), *quiet, *options)
    assert len(books()["transactions"]) == 1
    warnings = [line for line in result.stderr.splitlines() if line.startswith("Warning: ")]
    assert [line.partition(" failed: ")[0] for line in warnings] == [
        "Warning: The ping at the start",
        "Warning: Notification 1 (json://)",
        "Warning: The ping at the end",
        "Warning: Notification 1 (json://)",
    ]
    assert "hunter2" not in result.stderr
    assert "0c1d2e3f" not in result.stderr


def test_a_channel_that_never_responds_delays_neither_payments_nor_the_end(
    invoke: Any,
    job: Write,
    hook: Hook,
    options: tuple[str, ...],
    books: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(monitor, "PATIENCE", 0.3)
    hook.may_respond.clear()
    result = invoke("run", job(), *options)
    assert len(books()["transactions"]) == 1
    assert result.stderr.count(" failed: timeout.") == 4


def test_an_unusable_log_is_an_error_and_unwritable_metrics_are_a_warning(
    invoke: Any, job: Write, hook: Hook, options: tuple[str, ...], tmp_path: Path
) -> None:
    result = invoke("run", job(), "--metrics", tmp_path / "none/pay.prom", "--log-json", "/dev/full", *options, code=3)
    assert "is not a file" in result.stderr
    result = invoke("run", job(), "--metrics", tmp_path / "none/pay.prom", *options)
    assert "Warning: Can't write the metrics" in result.stderr
    assert pinged(hook)[-1] == ""


def test_an_invocation_of_a_locked_run_reports_nothing(
    invoke: Any, job: Write, hook: Hook, options: tuple[str, ...], tmp_path: Path
) -> None:
    with run_lock(tmp_path / "ledger.db", "pay", "1"):
        invoke("run", job(), *options, code=5)
    assert hook.requests == []
    assert not (tmp_path / "pay.prom").exists()


def test_a_variable_that_the_environment_lacks_is_reported_before_anything_is_sent(
    invoke: Any, job: Write, hook: Hook, options: tuple[str, ...], environment: dict[str, str], books: Any
) -> None:
    del environment["HOOK"]
    file = job()
    assert "${HOOK} of the job file has no value" in invoke("run", file, *options, code=3).stderr
    assert books()["transactions"] == []
    assert pinged(hook) == ["/3"]
    checked = invoke("job", "check", file, code=3)
    assert "line 9, notifications.0: ${HOOK} of the job file has no value" in checked.stdout
    write_private(file.parent / "account.env", f"HOOK=json://127.0.0.1:{hook.port}/notify\n")
    assert "is valid" in invoke("job", "check", file, "--credentials", file.parent / "account.env").stdout


def test_job_check_names_channels_and_files_that_cannot_be_used(
    invoke: Any, job: Write, hook: Hook, environment: dict[str, str], tmp_path: Path
) -> None:
    environment["HOOK"], environment["PING"] = "carrier-pigeon://loft-secret", "loft-secret"
    file = job()
    text = file.read_text().replace('"pay.prom"', '"none/pay.prom"').replace('"pay.jsonl"', '"/"')
    file.write_text(text)
    out = invoke("job", "check", file, code=3).stdout
    assert f"line 6, metrics: there is no folder {tmp_path}/none" in out
    assert "line 7, logs: / is not a file" in out
    assert "line 5, ping: The ping is not a URL" in out
    assert "line 9, notifications.0: Apprise does not know this kind of address" in out
    assert "loft-secret" not in out
    assert hook.requests == []


def test_a_mail_attaches_the_report_without_pins_and_never_one_that_reveals_them(
    invoke: Any, mailbox: Mailbox, options: tuple[str, ...], root: Path, tmp_path: Path
) -> None:
    address = f"mailto://127.0.0.1:{mailbox.port}?from=pay@example.com&to=team@example.com"
    (tmp_path / "gifts.toml").write_text(
        f'list = "{root}/sample_files/gift_cards.csv"\nrun_key = "{{today}}"\n'
        f'[[notifications]]\nto = ["{address}"]\nattach = ["summary", "report", "not_completed"]\n'
    )
    invoke("run", "gifts.toml", "--run-key", "1", *options)
    invoke("run", "gifts.toml", "--run-key", "2", "--pay-again", "more cards", "--reveal-pins", *options)
    masked, revealed = mailbox.mails
    assert set(attachments_of(masked)) == {"summary.json", "results.xlsx"}
    assert set(attachments_of(revealed)) == {"summary.json"}
    assert "15 completed" in text_of(masked)
    (tmp_path / "sent.xlsx").write_bytes(attachments_of(masked)["results.xlsx"])
    sheets = load_workbook(tmp_path / "sent.xlsx").worksheets
    cells = {str(value) for sheet in sheets for row in sheet.iter_rows(values_only=True) for value in row}
    report = invoke("report", "gifts/1", "--reveal-pins", "--format", "jsonl", "--report-dir", "shown", *options)
    pins = [json.loads(line)["pin_code"] for line in (tmp_path / "shown/results.jsonl").read_text().splitlines()]
    assert report.exit_code == 0
    assert len(pins) == 15
    assert not cells & set(pins)


def test_logs_metrics_and_notifications_of_a_run_have_no_personal_data_and_no_secret(
    command: Any, hook: Hook, options: tuple[str, ...], root: Path, tmp_path: Path, credentials: tuple[str, str]
) -> None:
    (tmp_path / "payroll.toml").write_text(
        (root / "jobs/payroll.toml").read_text().replace("../sample_files", f"{root}/sample_files")
        + '\n[[notifications]]\nto = ["${HOOK}"]\non = ["start", "finish", "failure"]\n'
    )
    paying = ("--poll-interval", 0.1, "--log-json", "log.jsonl")
    command("--log-level", "debug", "run", "payroll.toml", *paying, "--metrics", "payroll.prom", *options, code=1)
    command("--log-level", "debug", "run", root / "sample_files/gift_cards.csv", *paying, *options)
    command("report", "list/gift_cards", "--reveal-pins", "--format", "jsonl", "--report-dir", "shown", *options)
    pins = [
        json.loads(line)[name]
        for line in (tmp_path / "shown/results.jsonl").read_text().splitlines()
        for name in ("pin_code", "pin_serial")
    ]
    sheet = load_workbook(root / "sample_files/payroll.xlsx")["Payroll"]
    header, *rows = sheet.iter_rows(values_only=True)
    people = [str(value) for row in rows for value in row if value is not None and len(str(value)) > 5]
    people += [str(row[0]) for row in rows if row[0]]
    products = {str(row[header.index("Product ID")]) for row in rows}
    outputs = (tmp_path / "log.jsonl").read_text(), (tmp_path / "payroll.prom").read_text(), json.dumps(notified(hook))
    assert [line["event"] for line in logged(tmp_path / "log.jsonl")].count("request answered") > 10
    assert len(pins) == 30
    for secret in {*people, *pins, *credentials[1:], "hunter2"} - products:
        assert not [text for text in outputs if str(secret).lstrip("+") in text], secret


def test_a_log_on_standard_output_is_the_only_output_there(
    command: Any, job: Write, hook: Hook, options: tuple[str, ...]
) -> None:
    for quiet in ((), ("--quiet",)):
        result = command("run", job(), "--log-json", "-", *quiet, *options)
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        assert lines[-1]["event"] == "end"
        assert ("Run pay/1" in result.stderr) is (quiet == ())
    assert pinged(hook)[-1] == ""
    first, *_ = command("resume", "pay/1", "--log-json", "-", *options).stdout.splitlines()
    assert json.loads(first)["environment"] == "sandbox"


def test_a_printed_schedule_notifies_logs_and_measures_in_a_bare_environment(
    invoke: Any, job: Write, hook: Hook, sandbox: Any, environment: dict[str, str], tmp_path: Path
) -> None:
    file = job(more='[schedule]\nat = "* * * * *"')
    lines = [f"{name}={environment[name]}" for name in ("DVS_API_KEY", "DVS_API_SECRET", "HOOK", "PING")]
    write_private(tmp_path / "account.env", "\n".join(lines))
    places = ("--environment-file", "account.env", "--ledger", "ledger.db", "--base-url", sandbox.base_url)
    monitoring = ("--metrics", "other.prom", "--log-json", "other.jsonl")
    printed = invoke("schedule", "print", file, "--cron", *places, *monitoring).stdout
    command = next(line for line in printed.splitlines() if line.startswith("* * * * * ")).removeprefix("* * * * * ")
    result = subprocess.run(
        ["env", "-i", f"HOME={tmp_path}", "/bin/sh", "-c", command.replace("\\%", "%")],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert pinged(hook) == ["/start", ""]
    assert titles(hook)[-1] == "pay/1: all rows completed (exit code 0)"
    assert figure(tmp_path / "other.prom", "exit_code") == 0
    assert logged(tmp_path / "other.jsonl")[-1]["exit_code"] == 0
    units = invoke("schedule", "print", file, "--systemd", *places, *monitoring).stdout
    settings = dict(line.split("=", 1) for line in units.splitlines() if "=" in line)
    words = shlex.split(settings["ExecStart"])
    assert words[-4:] == ["--metrics", f"{tmp_path}/other.prom", "--log-json", f"{tmp_path}/other.jsonl"]
