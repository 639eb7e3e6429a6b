"""A folder with the examples, sample files and job files, as a user has it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def folder(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with the ledger in it."""
    for name in ("sample_files", "jobs", "examples"):
        (tmp_path / name).symlink_to(root / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BULK_TOPUP_LEDGER", str(tmp_path / "ledger.db"))
    return tmp_path


@pytest.fixture
def python(folder: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Return a function that runs Python in the folder."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env={**os.environ, "HOME": str(folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run
