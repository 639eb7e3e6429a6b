"""The sample files are what their scripts make."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("script", "folder"), [("make_lists.py", ""), ("make_bad_lists.py", "bad")])
def test_a_script_makes_the_lists_that_are_there(root: Path, tmp_path: Path, script: str, folder: str) -> None:
    samples = root / "sample_files"
    subprocess.run([sys.executable, samples / script, tmp_path], check=True)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {
        path.name: path.read_bytes() for path in (samples / folder).iterdir() if path.suffix in {".csv", ".xlsx"}
    }
