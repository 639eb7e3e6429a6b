"""Files that only their owner can read, whatever the mask of the process: credentials files of tests."""

from pathlib import Path


def write_private(path: Path, content: str | bytes) -> Path:
    """Write a file with the mode of a secret, and return its path."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o600)
    return path
