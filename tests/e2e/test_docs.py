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
from tests.helpers.hand_clock import SkippingClock

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
#: The line that follows a command that does not end with exit code 0.
EXIT_CODE = re.compile(r"# exit code (\d+)")


def _commands(page: Path) -> list[tuple[str, int]]:
    """Return the commands of a page, and the exit code that it states for each: 0 unless a line says otherwise."""
    blocks = re.findall(
        r"^```console\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    commands: list[tuple[str, int]] = []
    for line in [line for block in blocks for line in block.splitlines()]:
        if line.startswith("$ "):
            commands.append((line[2:], 0))
        elif stated := EXIT_CODE.fullmatch(line):
            assert commands[-1][1] == 0, f"{page}: a second exit code of {commands[-1][0]}"
            commands[-1] = (commands[-1][0], int(stated[1]))
    return commands


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_command_line_is_in_a_block_whose_commands_are_run(page: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for kind, block in re.findall(r"^```(\w*)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        assert kind == "console" or not re.search(r"^(\$ |bulk-topup )", block, flags=re.MULTILINE), block


def test_every_command_line_ends_as_its_page_says_in_one_ledger_from_the_first_page_to_the_last(
    start: Callable[..., Any],
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("DVS_API_KEY", "DVS_API_SECRET"):  # with which the embedded sandbox would have to be named everywhere
        del environment[name]
    clock = SkippingClock()
    for page in READING_ORDER:
        folder = tmp_path / page.with_suffix("")
        folder.mkdir(parents=True)
        for name in ("sample_files", "jobs"):
            (folder / name).symlink_to(ROOT / name)
        monkeypatch.chdir(folder)
        for line, expected in _commands(page):
            program, *words = shlex.split(re.sub(r"--port \d+", "--port 0", line))
            if program == "make":  # of the developers, whose targets take as long as all tests
                assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
                continue
            out, err, code = _run_line(line, program, words, start, environment, clock)
            assert code == expected, f"{page}: {line}\n{out}\n{err}"
            assert "Traceback" not in err


def _run_line(
    line: str,
    program: str,
    words: list[str],
    start: Callable[..., Any],
    environment: dict[str, str],
    clock: SkippingClock,
) -> tuple[str, str, int]:
    """Run a command line of a page, and return what it prints and its exit code."""
    if program != "bulk-topup":
        result = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=False)
        return result.stdout, result.stderr, result.returncode
    if words[0] in {"sandbox", "listen"}:  # they serve until they are stopped
        process = start(*words, folder=Path.cwd())
        assert "http://127.0.0.1:" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        return out, err, process.returncode
    invoked = CliRunner().invoke(main, words, env=environment, obj=clock)
    assert isinstance(invoked.exception, SystemExit | None), f"{line}\n{invoked.exception!r}"
    return invoked.stdout, invoked.stderr, invoked.exit_code


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
        ["['line', 'column', 'message', 'kind', 'instead'] 0"],
    ]
