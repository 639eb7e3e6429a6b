"""The sample files are what their scripts write."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("script", "folder"), [("make_lists.py", ""), ("make_bad_lists.py", "bad")])
def test_a_script_writes_the_sample_lists(root: Path, tmp_path: Path, script: str, folder: str) -> None:
    samples = root / "sample_files"
    subprocess.run([sys.executable, samples / script, tmp_path], check=True)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {
        path.name: path.read_bytes() for path in (samples / folder).iterdir() if path.suffix in {".csv", ".xlsx"}
    }
