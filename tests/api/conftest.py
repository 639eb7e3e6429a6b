"""A script's way into bulk-topup: a list to pay against a sandbox over a real socket."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bulk_topup import Credentials, Job
from tests.helpers.plain_http import HTTP


@pytest.fixture(autouse=True)
def script_waits(skipped_waits: None) -> None:
    """Skip the waits of runs and sandboxes, as a script passes no clock."""


@pytest.fixture
def ways(sandbox: Any, credentials: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The provider arguments of a script: the test's sandbox, and a ledger in the test's folder."""
    monkeypatch.chdir(tmp_path)
    key, secret = credentials
    return {
        "base_url": sandbox.base_url,
        "credentials": Credentials(api_key=key, api_secret=SecretStr(secret)),
        "ledger": tmp_path / "ledger.db",
    }


@pytest.fixture
def job_of(tmp_path: Path) -> Callable[..., Job]:
    """Return a function that creates a job of so many rows, each with a number of its own."""

    def make(rows: int = 3, *, last: str = "", **stated: Any) -> Job:
        list_ = tmp_path / "bonus.csv"
        lines = "".join(f"R-{row},+6595123{400 + row},5\n" for row in range(rows))
        list_.write_text(f"reference,phone,amount\n{lines}{last}")
        return Job.model_validate({"list": str(list_), "name": "bonus", "run_key": "may", "product": 6418, **stated})

    return make


@pytest.fixture
def paid(sandbox: Any, credentials: tuple[str, str]) -> Callable[[], list[str]]:
    """Return a function that lists the credit parties of all transactions in the sandbox's books."""

    def read() -> list[str]:
        answer = HTTP.get(sandbox.books_url, auth=credentials).raise_for_status()
        return sorted(entry["credit_party"] for entry in answer.json()["transactions"])

    return read
