"""`bulk-topup doctor`: what is shown, and the exit code."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_an_installation_that_can_pay_is_well(here: Callable[..., Any], options: tuple[str, ...]) -> None:
    answer = here("doctor", *options)
    assert "No problems found." in answer.stdout
    assert "API credentials accepted." in answer.stdout
    assert "100,000.00 USD available" in answer.stdout


def test_each_check_is_told_as_json_and_nothing_is_made(
    here: Callable[..., Any], options: tuple[str, ...], tmp_path: Path
) -> None:
    told = json.loads(here("doctor", "--json", *options).stdout)
    assert told["ok"] is True
    checks = [check["check"] for check in told["checks"]]
    assert checks[:4] == ["versions", "time zone", "connection", "credentials"]
    assert {"clock", "rate limit", "balance", "ledger", "ledger's folder", "report's folder", "PIN key"} <= set(checks)
    assert not (tmp_path / "ledger.db").exists()
    assert not (tmp_path / "reports").exists()


def test_the_embedded_sandbox_is_looked_at_too(here: Callable[..., Any]) -> None:
    assert "10,000.00 USD available" in here("doctor", "--ledger", "ledger.db").stdout


def test_a_refused_key_pair_is_the_providers_trouble(
    here: Callable[..., Any], options: tuple[str, ...], environment: dict[str, str]
) -> None:
    environment["DVS_API_SECRET"] = "wrong-secret-77aa"
    answer = here("doctor", *options, code=4)
    assert "API credentials refused (HTTP 401)." in answer.stdout
    assert "1 error, 0 warnings." in answer.stdout
    assert "wrong-secret" not in answer.stdout


def test_missing_credentials_are_told_beside_all_else(
    here: Callable[..., Any], options: tuple[str, ...], environment: dict[str, str]
) -> None:
    del environment["DVS_API_KEY"], environment["DVS_API_SECRET"]
    answer = here("doctor", "--json", *options, code=4)
    told = {check["check"]: check for check in json.loads(answer.stdout)["checks"]}
    assert "Set DVS_API_KEY and DVS_API_SECRET" in told["credentials"]["message"]
    assert told["ledger"]["verdict"] == "ok"


def test_a_ledger_that_is_none_is_our_own_trouble(
    here: Callable[..., Any], options: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "ledger.db").write_text("not a ledger at all")
    assert "belongs to another program" in here("doctor", *options, code=1).stdout
