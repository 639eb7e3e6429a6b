"""Commands that ask DVS about products and numbers use the answers that the ledger keeps, and say of when they are."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

AUTO_PRODUCT = """
list = "auto.csv"
run_key = "1"
columns = {reference = "ref", currency = "currency"}
auto_product = {type = "RANGED_VALUE_RECHARGE"}
"""


def is_kept(result: Any) -> bool:
    """Return True if a command said that its answer was kept."""
    return "To ask again, add --max-age 0." in result.stderr


@pytest.fixture
def auto(tmp_path: Path) -> Path:
    """A job that chooses its products."""
    (tmp_path / "auto.csv").write_text("ref,phone,amount,currency\n1,+6595123400,5,SGD\n2,+6595123402,5,SGD\n")
    job = tmp_path / "auto.toml"
    job.write_text(AUTO_PRODUCT)
    return job


@pytest.mark.parametrize("words", [("products",), ("operators",), ("template", "--product", 6418, "--force")])
def test_a_command_uses_kept_answers_and_says_so(words: tuple[object, ...], pay: Callable[..., Any]) -> None:
    first = pay(*words, "--json")
    assert not is_kept(first)
    second = pay(*words, "--json")
    assert is_kept(second)
    assert json.loads(second.stdout) == json.loads(first.stdout)
    assert not is_kept(pay(*words, "--max-age", 0))


def test_texts_in_another_language_are_not_those_that_are_kept(pay: Callable[..., Any]) -> None:
    pay("products")
    assert not is_kept(pay("products", "--language", "es"))
    assert not is_kept(pay("products", "--language", "es"))
    assert json.loads(pay("products", "--json").stdout)[0]["content_language"] != "es"


def test_a_command_without_a_ledger_that_can_be_used_asks_each_time(pay: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("no ledger")
    for _ in range(2):
        assert not is_kept(pay("products"))
    assert (tmp_path / "ledger.db").read_text() == "no ledger"


def test_an_embedded_sandbox_leaves_no_ledger_behind(invoke: Callable[..., Any], tmp_path: Path) -> None:
    for _ in range(2):
        assert not is_kept(invoke("products", "--ledger", "own.db"))
    assert not (tmp_path / "own.db").exists()


def test_a_plan_says_of_when_its_prices_are_and_its_run_uses_them(auto: Path, pay: Callable[..., Any]) -> None:
    first = pay("plan", auto, "--json")
    prices_at = json.loads(first.stdout)["prices_at"]
    assert f"Prices of {prices_at[:10]} {prices_at[11:16]} UTC." in first.stderr
    assert json.loads(pay("plan", auto, "--json").stdout)["prices_at"] == prices_at
    assert json.loads(pay("plan", auto, "--json", "--max-age", "1d").stdout)["prices_at"] == prices_at
    assert json.loads(pay("plan", auto, "--json", "--max-age", "0").stdout)["prices_at"] > prices_at
    assert "2 of 2 rows completed" in pay("run", auto).stdout


def test_a_purge_leaves_no_number_in_the_ledger(auto: Path, pay: Callable[..., Any], tmp_path: Path) -> None:
    pay("plan", auto)
    assert b"+6595123400" in (tmp_path / "ledger.db").read_bytes()
    pay("ledger", "purge", "--older-than", "90d", "--yes")
    for file in tmp_path.glob("ledger.db*"):
        assert b"+6595123400" not in file.read_bytes()


@pytest.mark.parametrize("option", ["--max-age", "--number-max-age"])
def test_an_age_is_a_duration_or_nothing(option: str, auto: Path, pay: Callable[..., Any]) -> None:
    result = pay("plan", auto, option, "soon", code=2)
    assert '"soon" is not an age; write it like 30m, 2h or 1d, or 0.' in result.stderr


def test_the_age_of_a_job_file_is_checked(auto: Path, pay: Callable[..., Any]) -> None:
    auto.write_text(AUTO_PRODUCT + 'max_age = "soon"\n')
    assert '"soon" is not an age. Write 30m, 2h or 1d, or 0.' in pay("plan", auto, code=3).stderr
    auto.write_text(AUTO_PRODUCT + 'max_age = "0"\nnumber_max_age = "7d"\n')
    pay("plan", auto)
