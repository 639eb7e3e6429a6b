"""`bulk-topup doctor`: its output and its exit code."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.private_files import write_private


def test_a_crontab_that_pays_with_another_ledger_is_a_warning(
    invoke: Callable[..., Any], options: tuple[str, ...], places: dict[str, Any]
) -> None:
    places["crontab"] = "0 5 * * * bulk-topup run pay.toml --ledger /srv/other.db\n"
    result = invoke("doctor", *options)
    assert "the crontab (amina) uses /srv/other.db" in " ".join(result.stdout.split())
    assert "0 errors, 1 warning." in result.stdout


def test_an_installation_that_can_pay_has_no_problems(invoke: Callable[..., Any], options: tuple[str, ...]) -> None:
    result = invoke("doctor", *options)
    assert "No problems found." in result.stdout
    assert "API credentials accepted." in result.stdout
    assert "100,000.00 USD available" in result.stdout


def test_each_check_is_in_the_json_and_nothing_is_created(
    invoke: Callable[..., Any], options: tuple[str, ...], tmp_path: Path
) -> None:
    report = json.loads(invoke("doctor", "--json", *options).stdout)
    assert report["ok"] is True
    checks = [check["check"] for check in report["checks"]]
    assert checks[:5] == ["versions", "time zone", "environment", "connection", "credentials"]
    assert {"clock", "rate limit", "balance", "ledger", "ledger's folder", "report's folder", "PIN key"} <= set(checks)
    assert not (tmp_path / "ledger.db").exists()
    assert not (tmp_path / "reports").exists()


def test_the_embedded_sandbox_is_checked_and_named_and_its_own_credentials_are_not_praised(
    invoke: Callable[..., Any],
) -> None:
    report = json.loads(invoke("doctor", "--ledger", "ledger.db", "--env", "sandbox", "--json").stdout)
    checks = {check["check"]: check for check in report["checks"]}
    assert "10,000.00 USD available, 0.00 on hold." in {check["message"] for check in report["checks"]}
    assert "SANDBOX: no money moves." in checks["environment"]["message"]
    assert "are not used, and were not tested." in checks["environment"]["message"]
    assert checks["environment"]["fix"] == "Test them with --env preprod or --env production."
    assert checks["environment"]["verdict"] == "warn"
    own = "The embedded sandbox has credentials of its own. No others were tested."
    assert checks["credentials"]["message"] == own
    assert not [check for check in report["checks"] if "accepted" in check["message"]]


def test_credentials_are_not_tested_anywhere_while_no_environment_is_named(
    invoke: Callable[..., Any], tmp_path: Path
) -> None:
    file = write_private(tmp_path / "account.env", "DVS_API_KEY=k\nDVS_API_SECRET=s\n")
    report = json.loads(invoke("doctor", "--json", "--credentials", file, code=3).stdout)
    [found] = [check for check in report["checks"] if check["check"] == "credentials"]
    assert found["verdict"] == "bad"
    assert "no environment is named" in found["message"]
    assert "ledger" in {check["check"] for check in report["checks"]}


def test_the_pair_that_is_given_is_tested_where_the_environment_says(
    invoke: Callable[..., Any], options: tuple[str, ...], environment: dict[str, str]
) -> None:
    result = invoke("doctor", "--env", "preprod", *options)
    shown = " ".join(result.stdout.split())
    assert "Environment: preprod. Account: http://127.0.0.1:" in shown
    assert "API credentials accepted." in shown
    assert "SANDBOX" not in shown
    assert "SANDBOX: only a simulator may be there." in " ".join(invoke("doctor", *options).stdout.split())
    environment["DVS_API_KEY"] = "of-another-account"
    assert "API credentials refused" in invoke("doctor", "--env", "preprod", *options, code=4).stdout


def test_refused_credentials_exit_with_the_code_of_the_provider(
    invoke: Callable[..., Any], options: tuple[str, ...], environment: dict[str, str]
) -> None:
    environment["DVS_API_SECRET"] = "wrong-secret-77aa"
    result = invoke("doctor", *options, code=4)
    assert "API credentials refused (HTTP 401)." in result.stdout
    assert "1 error, 0 warnings." in result.stdout
    assert "wrong-secret" not in result.stdout


def test_missing_credentials_are_reported_beside_the_other_checks(
    invoke: Callable[..., Any], options: tuple[str, ...], environment: dict[str, str]
) -> None:
    del environment["DVS_API_KEY"], environment["DVS_API_SECRET"]
    result = invoke("doctor", "--json", *options, code=3)
    report = {check["check"]: check for check in json.loads(result.stdout)["checks"]}
    assert "Set DVS_API_KEY and DVS_API_SECRET" in report["credentials"]["message"]
    assert report["ledger"]["verdict"] == "ok"


def test_a_file_that_is_no_ledger_exits_with_1(
    invoke: Callable[..., Any], options: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "ledger.db").write_text("not a ledger at all")
    assert "belongs to another program" in invoke("doctor", *options, code=1).stdout


def test_a_probe_writes_a_report_and_exits_with_1_where_dvs_is_otherwise_than_believed(
    invoke: Callable[..., Any], options: tuple[str, ...], tmp_path: Path
) -> None:
    result = invoke("doctor", "--probe", "--json", *options, code=1)
    written = json.loads((tmp_path / "probe-report.json").read_text())
    assert json.loads(result.stdout) == written
    assert {each["belief"] for each in written["findings"] if each["agrees"] is False} >= {"expiry"}
    assert "beliefs" in result.stderr
    assert "Report written to probe-report.json" in result.stderr


def test_a_probe_that_crashes_does_not_say_that_nothing_was_sent(
    invoke: Callable[..., Any], options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: object, **__: object) -> None:
        raise RecursionError("a body that is nested too deeply")

    monkeypatch.setattr("bulk_topup.cli.commands.doctor.probe_provider", crash)
    assert "RecursionError" in invoke("doctor", "--probe", *options, code=75).stderr


def test_production_is_never_probed(invoke: Callable[..., Any], tmp_path: Path) -> None:
    result = invoke("doctor", "--probe", "--env", "production", code=3)
    assert "Run it with --env preprod." in result.stderr
    assert not (tmp_path / "probe-report.json").exists()
