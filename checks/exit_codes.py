"""Writes the tables of exit codes in the documentation from `bulk_topup/domain/exit_codes.py`.

python -m checks.exit_codes
"""

import re
from pathlib import Path
from typing import Final

from bulk_topup.domain.exit_codes import ExitCode

ROOT: Final = Path(__file__).parent.parent
#: The pages with the table, between these two lines.
PAGES: Final = (ROOT / "docs" / "guide.md",)
BEGIN: Final = "<!-- exit codes: written by `python -m checks.exit_codes` -->"
END: Final = "<!-- end of exit codes -->"


def table() -> str:
    """Return the table of exit codes in Markdown: code, name in Python, meaning, what to do next."""
    lines = ["| code | `ExitCode` | meaning | next |", "| --- | --- | --- | --- |"]
    lines += [f"| {code.value} | `{code.name}` | {code.sentence} | {code.next_step} |" for code in ExitCode]
    return "\n".join(lines)


def with_table(page: str) -> str:
    """Return a page with the present table between its two lines."""
    return re.sub(
        f"({re.escape(BEGIN)}\n).*?({re.escape(END)})",
        lambda found: f"{found[1]}\n{table()}\n\n{found[2]}",
        page,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")
