"""Entries of other programs that can't be read, in DVS's lists: commands skip, count and name them."""

import json
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import sandbox_options

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def foreign(sandbox: Any, credentials: tuple[str, str]) -> None:
    """Let every list of transactions begin with entries of others that can't be read."""
    token = b64encode(":".join(credentials).encode()).decode()
    request = urllib.request.Request(  # noqa: S310 - the sandbox's own loopback address
        f"{sandbox.address}/sandbox/faults",
        data=json.dumps([{"kind": "foreign"}]).encode(),
        headers={"Authorization": f"Basic {token}", "Content-Type": "application/json"},
        method="PUT",
    )
    urllib.request.urlopen(request).close()  # noqa: S310


@pytest.fixture
def list_(tmp_path: Path) -> Path:
    file = tmp_path / "bonus.csv"
    file.write_text("reference,phone,amount\n" + "".join(f"10{row},+65951{row}00,5\n" for row in range(100, 130)))
    return file


def test_a_run_beside_entries_that_can_not_be_read_pays_everybody_and_counts_and_names_them(
    command: Run, sandbox: Any, list_: Path
) -> None:
    result = command("run", list_, "--product", "6418", "--rate", "1000", *sandbox_options(sandbox))
    assert "All done: 30 of 30 rows completed." in result.stdout
    named = [line for line in result.stderr.splitlines() if line.startswith("Warning: An entry of /transactions")]
    assert any("external_id" in line for line in named)
    assert any("no ID" in line for line in named)
    assert f"Warning: {len(named)} entries of DVS's lists were skipped" in result.stderr


def test_a_transaction_is_shown_by_its_external_id_without_those_of_others_and_without_a_warning(
    pay: Run, list_: Path
) -> None:
    pay("run", list_, "--product", "6418")
    [first, *_] = [json.loads(line)["external_id"] for line in _results(list_)]
    shown = pay("transaction", "show", first, "--json")
    transactions = [each for each in json.loads(shown.stdout) if "unreadable" not in each]
    assert [each["external_id"] for each in transactions] == [first]
    assert "Warning" not in shown.stderr
    missing = pay("transaction", "show", "nobody-1", code=3)
    assert "no transaction" in missing.stderr


def _results(list_: Path) -> list[str]:
    [file] = list_.parent.glob("reports/*/results.jsonl")
    return file.read_text().splitlines()
