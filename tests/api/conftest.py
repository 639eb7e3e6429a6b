"""The options, jobs and books of scripts that pay against a sandbox over a real socket."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from bulk_topup import Credentials, Job


@pytest.fixture
def options(
    sandbox: Any, credentials: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """The options of a script that pays in the test's sandbox, with a ledger in the test's folder."""
    monkeypatch.chdir(tmp_path)
    key, secret = credentials
    return {
        "base_url": sandbox.base_url,
        "credentials": Credentials(api_key=key, api_secret=SecretStr(secret)),
        "ledger": tmp_path / "ledger.db",
    }


@pytest.fixture
def job_of(tmp_path: Path) -> Callable[..., Job]:
    """Return a function that creates a job with the given number of rows, each for another number."""

    def make(rows: int = 3, *, last: str = "", **settings: Any) -> Job:
        list_ = tmp_path / "bonus.csv"
        lines = "".join(f"R-{row},+6595123{400 + row},5\n" for row in range(rows))
        list_.write_text(f"reference,phone,amount\n{lines}{last}")
        return Job.model_validate({"list": str(list_), "name": "bonus", "run_key": "may", "product": 6418, **settings})

    return make


@pytest.fixture
def paid(sandbox: Any, credentials: tuple[str, str]) -> Callable[[], list[str]]:
    """Return a function that reads the credited numbers from the provider's books."""

    def read() -> list[str]:
        response = httpx2.get(sandbox.books_url, auth=credentials).raise_for_status()
        return sorted(entry["credit_party"] for entry in response.json()["transactions"])

    return read
