"""Completion by the Tab key, as shells request it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bulk_topup.cli import main
from bulk_topup.ledger import LedgerStore

COMMAND = Path(sys.executable).with_name("bulk-topup")


@pytest.fixture
def tab(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Return a function that completes the last of some words, as bash does."""
    monkeypatch.chdir(tmp_path)

    def complete(*words: str) -> list[str]:
        line = {"COMP_WORDS": " ".join(["bulk-topup", *words]), "COMP_CWORD": str(len(words))}
        variables = {**environment, **line, "_BULK_TOPUP_COMPLETE": "bash_complete"}
        result = subprocess.run(
            [COMMAND], env=variables, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
        )
        assert result.stderr == ""
        return result.stdout.split()

    return complete


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger with two runs, the second one started later."""
    path = tmp_path / "ledger.db"
    with LedgerStore(path) as opened:
        for key in ("october", "november"):
            opened.staging.clear()
            opened.staging.merge(
                job="payroll", run_key=key, environment="sandbox", list_path="payroll.csv", columns=("phone",)
            )
    return path


def test_commands_options_choices_and_files_are_completed(tab: Callable[..., list[str]]) -> None:
    assert tab("re") == ["plain,reconcile", "plain,report", "plain,resume", "plain,retry"]
    assert "plain,--report-dir" in tab("run", "list.csv", "--rep")
    assert tab("run", "list.csv", "--env", "pr") == ["plain,preprod", "plain,production"]
    assert tab("run", "sample") == ["file,sample"]
    assert tab("annotate", "list/payroll", "pay") == ["file,pay"]


@pytest.mark.parametrize(
    "words",
    [("resume",), ("retry",), ("report",), ("status",), ("annotate",), ("conflict", "list"), ("ledger", "purge")],
)
def test_runs_are_completed_from_the_ledger_that_the_line_names(
    environment: dict[str, str], ledger: Path, words: tuple[str, ...]
) -> None:
    variables = {
        "COMP_WORDS": " ".join(["bulk-topup", *words, "--ledger", str(ledger), "pay"]),
        "COMP_CWORD": str(len(words) + 3),
        "_BULK_TOPUP_COMPLETE": "bash_complete",
    }
    result = CliRunner().invoke(main, [], env={**environment, **variables}, prog_name="bulk-topup")
    assert result.stdout.splitlines() == ["plain,payroll/november", "plain,payroll/october"]


def test_runs_are_completed_from_the_ledger_that_the_environment_names(
    tab: Callable[..., list[str]], environment: dict[str, str], ledger: Path
) -> None:
    assert tab("resume", "payroll/o") == []
    environment["BULK_TOPUP_LEDGER"] = str(ledger)
    assert tab("resume", "payroll/o") == ["plain,payroll/october"]


def test_an_unreadable_ledger_completes_nothing_and_prints_nothing(
    tab: Callable[..., list[str]], tmp_path: Path
) -> None:
    (tmp_path / "other.db").write_text("not a ledger at all")
    assert tab("resume", "--ledger", "other.db", "") == []
    assert tab("resume", "--ledger", "none.db", "") == []
    assert not (tmp_path / "none.db").exists()


def test_bash_completes_with_what_the_command_prints(environment: dict[str, str]) -> None:
    script = (
        f'PATH="{COMMAND.parent}:$PATH"; eval "$(bulk-topup completion bash)"; '
        "COMP_WORDS=(bulk-topup temp); COMP_CWORD=1; _bulk_topup_completion bulk-topup; "
        'echo "${COMPREPLY[@]}"; complete -p bulk-topup'
    )
    result = subprocess.run(
        ["bash", "--norc", "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.splitlines()[0] == "template"
    assert "_bulk_topup_completion bulk-topup" in result.stdout


@pytest.mark.parametrize(
    ("shell", "text"),
    [("bash", "complete -o nosort"), ("zsh", "#compdef bulk-topup"), ("fish", "complete --no-files")],
)
def test_each_shell_gets_its_own_script(invoke: Callable[..., Any], shell: str, text: str) -> None:
    assert text in invoke("completion", shell).stdout
