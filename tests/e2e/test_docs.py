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
PAGES = sorted(
    path.relative_to(ROOT) for path in (ROOT / "README.md", *ROOT.glob("*/**/*.md")) if ".venv" not in path.parts
)
PYTHON = r"^```python\n(.*?)^```"
#: Exit codes of commands that do what their page says: pages also show declined rows and refused lists.
EXPECTED_CODES = {0, 1, 3}


def _commands(page: Path) -> list[str]:
    blocks = re.findall(
        r"^```console\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.mark.parametrize("page", [page for page in PAGES if _commands(page)], ids=str)
def test_every_command_line_of_a_page_runs(
    start: Callable[..., Any],
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    page: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("sample_files", "jobs"):
        (tmp_path / name).symlink_to(ROOT / name)
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
        assert isinstance(error, SystemExit | None), f"{line}\n{error!r}"
        assert code in EXPECTED_CODES, f"{line}\n{out}\n{err}"
        assert "Traceback" not in err


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
