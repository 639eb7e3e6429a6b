"""`bulk-topup status`: the newest runs first, and those that its options choose."""

import json
from pathlib import Path
from typing import Any

import pytest

STOPPED = ("--deadline", "2020-01-01")


@pytest.fixture
def runs(pay: Any, tmp_path: Path) -> None:
    """A run that is completed, and a newer one with an open row."""
    for name, options, code in (("first", (), 0), ("second", STOPPED, 75)):
        (tmp_path / f"{name}.csv").write_text(f"phone,amount\n+6591{name[:1].encode().hex()}0100,5\n")
        (tmp_path / f"{name}.toml").write_text(f'name = "{name}"\nlist = "{name}.csv"\nrun_key = "1"\nproduct = 6418\n')
        pay("run", f"{name}.toml", *options, code=code)


def _named(pay: Any, *options: object) -> list[str]:
    return [each["run"] for each in json.loads(pay("status", "--json", *options).stdout)]


@pytest.mark.usefixtures("runs")
def test_the_newest_run_is_first_and_options_choose_among_runs(pay: Any) -> None:
    assert _named(pay) == ["second/1", "first/1"]
    table = pay("status").stdout
    assert table.index("second/1") < table.index("first/1")
    assert _named(pay, "--open") == ["second/1"]
    assert _named(pay, "--job", "FIRST") == ["first/1"]
    assert _named(pay, "--since", "1d") == ["second/1", "first/1"]
    assert _named(pay, "--since", "2999-01-01") == []
    assert pay("status", "--job", "third").stdout == "No runs.\n"


@pytest.mark.usefixtures("runs")
def test_only_the_newest_runs_are_shown_unless_all_are_asked_for(pay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bulk_topup.cli.screens.status.MAX_RUNS_SHOWN", 1)
    shown = pay("status").stdout
    assert "second/1" in shown
    assert "first/1" not in shown
    assert "The newest 1 of 2 runs. To show all, add --all." in shown
    assert "first/1" in pay("status", "--all").stdout
    assert _named(pay) == ["second/1", "first/1"]


def test_options_that_choose_among_runs_do_not_go_with_the_name_of_one(invoke: Any) -> None:
    assert "Remove them, or the run's name." in invoke("status", "list/a", "--open", code=2).stderr
    assert "neither an age such as 7d" in invoke("status", "--since", "soon", code=2).stderr
