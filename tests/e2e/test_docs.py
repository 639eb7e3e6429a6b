"""The documentation: every command line in it runs, every script in it runs, every link leads somewhere."""

import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bulk_topup.cli import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(
    path.relative_to(ROOT) for path in (ROOT / "README.md", *ROOT.glob("*/**/*.md")) if ".venv" not in path.parts
)
PYTHON = r"^```python\n(.*?)^```"
#: Pages in the order in which the README leads to them, then the others.
READING_ORDER = list(
    dict.fromkeys([Path("README.md"), *map(Path, re.findall(r"\]\((docs/[\w-]+\.md)", README)), *PAGES])
)
#: Commands that pay. Their exit code is 1 if rows were declined, as numbers of the sample lists ask the sandbox to.
PAYING = {"run", "resume", "retry"}
#: Commands that their pages say are refused: a list with errors, an empty template, one person who plans and approves.
REFUSED = {
    "bulk-topup plan sample_files/bad/lost-plus.csv",
    "bulk-topup plan bonus.xlsx --product 7350",
    "bulk-topup approve plan.json --key controller.key --yes",
    (
        "bulk-topup run sample_files/rewards.csv --product 6418 --approved plan.approved.json "
        "--approver-key controller.key.pub"
    ),
}


def _commands(page: Path) -> list[str]:
    blocks = re.findall(
        r"^```console\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def test_every_command_line_runs_in_one_ledger_from_the_first_page_to_the_last(
    start: Callable[..., Any],
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("DVS_API_KEY", "DVS_API_SECRET"):  # with which the embedded sandbox would have to be named everywhere
        del environment[name]
    refused = set()
    for page in READING_ORDER:
        folder = tmp_path / page.with_suffix("")
        folder.mkdir(parents=True)
        for name in ("sample_files", "jobs"):
            (folder / name).symlink_to(ROOT / name)
        monkeypatch.chdir(folder)
        for line in _commands(page):
            program, *words = shlex.split(line.replace("--port 8080", "--port 0"))
            if program == "make":
                assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
                continue
            assert program == "bulk-topup"
            if words[0] in {"sandbox", "listen"}:
                process = start(*words)
                assert "http://127.0.0.1:" in process.stdout.readline()
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=60)
                code, error = process.returncode, None
            else:
                result = CliRunner().invoke(main, words, env=environment)
                out, err, code, error = result.stdout, result.stderr, result.exit_code, result.exception
            assert isinstance(error, SystemExit | None), f"{page}: {line}\n{error!r}"
            if line in REFUSED:
                refused.add(line)
            expected = {3} if line in REFUSED else {0, 1} if words[0] in PAYING else {0}
            assert code in expected, f"{page}: {line}\n{out}\n{err}"
            assert "Traceback" not in err
    assert refused == REFUSED


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        file = (ROOT / page).parent / name if name else ROOT / page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert anchor in {heading.lower().replace(" ", "-") for heading in headings}, target


def _scripts(page: str) -> list[str]:
    return re.findall(PYTHON, (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def _run_script(script: str, environment: dict[str, str], folder: Path) -> list[str]:
    """Run a script, and return the lines that it prints."""
    result = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_the_scripts_of_the_api_client_run(environment: dict[str, str], sandbox: Any, tmp_path: Path) -> None:
    where = {**environment, "DVS_BASE_URL": sandbox.base_url}
    printed = [_run_script(script, where, tmp_path) for script in _scripts("docs/api-client.md")]
    assert printed == [
        ["6418 Lionwave airtime", "6430 Straits Mobile 60 minutes", "1 100000"],
        ["Lionwave True", "Straits Mobile False"],
    ]


def test_the_scripts_of_the_python_page_run(environment: dict[str, str], tmp_path: Path) -> None:
    for name in ("DVS_API_KEY", "DVS_API_SECRET"):
        del environment[name]
    for name in ("sample_files", "jobs"):
        (tmp_path / name).symlink_to(ROOT / name)
    printed = [_run_script(script, environment, tmp_path) for script in _scripts("docs/python-api.md")]
    assert printed == [
        [
            "gift-cards/spring 15 0 237.50",
            "ALL_COMPLETED 15 237.50",
            "['reference', 'product_id', 'amount', 'result_line']",
        ],
        ["['line', 'column', 'message'] 0"],
    ]
