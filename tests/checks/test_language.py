"""The language check finds every idiom that it refuses, and leaves alone what has to stay."""

import subprocess
import sys
from pathlib import Path

import pytest

from checks.findings import Finding
from checks.language import check_markdown, check_python, check_repository
from checks.repository import markdown_files

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = Path("bulk_topup/engine/runner.py")
ELSEWHERE = Path("chaos/checker.py")

#: A sample of each idiom of prose, with the words that are found.
PROSE = [
    ("The key of whoever pays.", "whoever"),
    ("Whoever pays has the key.", "Whoever"),
    ("It credits somebody else.", "somebody"),
    ("The row is tried anew.", "anew"),
    ("Nothing is amiss.", "amiss"),
    ("It hinders the run.", "hinders"),
    ("A try that may fare better.", "fare"),
    ("A try that fares better.", "fares"),
    ("It failed of late.", "of late"),
    ("What became of the row.", "became of"),
    ("What becomes of the row.", "becomes of"),
    ("A watcher that looks on.", "looks on"),
    ("They look on.", "look on"),
    ("To go on, state --yes.", "state --"),
]
#: A sample of each idiom of messages, as source text, with the words that are found.
MESSAGES = [
    ('f"{count} rows are refused."', "} rows"),
    ('"Unknown guard; do you mean max_rows?"', "do you mean"),
    ('f"Started {at:%Y-%m-%d %H:%M}."', "%H:%M"),
    ('"Stopped by the provider."', "the provider"),
]


def found(text: str, path: Path = PRODUCT) -> list[str]:
    """Return what is found in a Python file, without the words of the finding's frame."""
    return [finding.what for finding in check_python(path, text)]


@pytest.mark.parametrize(
    ("opener", "words"),
    [
        ("Give the newest key.", "Give"),
        ("Tell whether it is final.", "Tell"),
        ("Take in a page.", "Take in"),
        ("Say what a row costs.", "Say"),
        ("Demand a key.", "Demand"),
        ("Judge the rows.", "Judge"),
        ("Put a row in its place.", "Put"),
        ("Look at a row.", "Look"),
    ],
)
def test_a_function_whose_docstring_starts_in_dialect_is_found(opener: str, words: str) -> None:
    assert found(f'def newest():\n    """{opener}"""\n') == [f'docstring starts with "{words}"']


@pytest.mark.parametrize(
    "opener", ["Return the newest key.", "Look up a number.", "Given a row, do nothing.", "Putty."]
)
def test_a_docstring_that_starts_with_a_plain_verb_is_accepted(opener: str) -> None:
    assert found(f'async def newest():\n    """{opener}"""\n') == []


def test_a_class_and_a_module_may_start_with_any_word() -> None:
    assert found('"""Tell the story."""\n\n\nclass Teller:\n    """Give and take."""\n') == []


@pytest.mark.parametrize(("sentence", "words"), PROSE)
@pytest.mark.parametrize(
    "source",
    [
        '"""{}"""\n',
        'class Row:\n    """{}"""\n',
        "#: {}\nROWS = 1\n",
        'raise ValueError("{}")\n',
        'click.echo("{}")\n',
        'print("{}")\n',
        'click.option("--rows", help="{}")\n',
    ],
    ids=["module docstring", "class docstring", "comment", "error", "echo", "print", "help"],
)
@pytest.mark.parametrize("path", [PRODUCT, ELSEWHERE], ids=["product", "elsewhere"])
def test_an_idiom_is_found_in_all_prose(sentence: str, words: str, source: str, path: Path) -> None:
    assert found(source.format(sentence), path) == [f'"{words}"']


@pytest.mark.parametrize(("sentence", "words"), PROSE)
def test_an_idiom_is_found_in_a_page(sentence: str, words: str) -> None:
    [finding] = check_markdown(Path("docs/guide.md"), f"# Guide\n\n{sentence}\n")
    assert (finding.line, finding.what) == (3, f'"{words}"')


@pytest.mark.parametrize(("literal", "words"), MESSAGES)
def test_an_idiom_of_messages_is_found_wherever_the_product_writes_one(literal: str, words: str) -> None:
    for source in (f"raise ValueError({literal})\n", f"fix = {literal}\n", f"def line():\n    return {literal}\n"):
        assert found(source) == [f'"{words}"']


@pytest.mark.parametrize(("literal", "words"), MESSAGES)
def test_elsewhere_an_idiom_of_messages_is_found_in_what_is_raised_or_printed(literal: str, words: str) -> None:
    assert found(f"raise ValueError({literal})\n", ELSEWHERE) == [f'"{words}"']
    assert found(f"sample = {literal}\n", ELSEWHERE) == []


def test_an_idiom_of_messages_is_accepted_in_docstrings_and_comments_that_users_do_not_read() -> None:
    assert found('"""The provider, DVS or the sandbox."""\n\n# The provider decides.\nROWS = 1\n') == []


def test_the_docstring_of_a_command_is_a_message() -> None:
    assert found('@cli.command("list")\ndef list_all():\n    """Show what the provider has."""\n') == ['"the provider"']


@pytest.mark.parametrize(
    "literal",
    [
        'f"Ready: {format_rows(count)} to send."',
        '"Did you mean max_rows?"',
        'f"Started {at:%Y-%m-%d %H:%M} UTC."',
        '"%Y-%m-%dT%H:%M:%SZ"',
        '"Stopped by DVS."',
    ],
)
def test_what_is_to_be_written_instead_is_accepted(literal: str) -> None:
    assert found(f"message = {literal}\n") == []


def test_a_time_needs_no_zone_where_the_heading_has_it() -> None:
    cell = 'cell = f"{at:%Y-%m-%d %H:%M}"\n'
    assert found(cell) == ['"%H:%M"']
    assert found(f'headings = ("run", "started (UTC)")\n{cell}') == []


@pytest.mark.parametrize("name", ["told", "_told", "does", "_does", "kept", "_kept"])
def test_a_function_named_by_a_participle_is_found(name: str) -> None:
    assert found(f"def {name}():\n    return 1\n") == [f'name "def {name}"']


def test_a_name_that_demands_is_found_where_it_is_defined_and_used() -> None:
    assert found("def demand_key():\n    return 1\n\n\ndemand_key()\n") == [
        'name "def demand_key"',
        'name "demand_key"',
    ]


@pytest.mark.parametrize("name", ["told_at", "kept_rows", "toldo", "demanded"])
def test_other_names_are_accepted(name: str) -> None:
    assert found(f"def {name}():\n    return 1\n") == []


@pytest.mark.parametrize("name", ["paying.py", "list_reading.py", "test_following.py"])
def test_a_module_named_by_a_participle_is_found(name: str) -> None:
    assert found("", PRODUCT.with_name(name)) == [f'module name "{name.removesuffix(".py")}"']


@pytest.mark.parametrize(
    "name",
    [
        "blocking.py", "column_mapping.py", "monitoring.py", "ping.py", "polling.py", "pricing.py", "run_ending.py",
        "spending.py", "test_polling.py", "engine.py",
    ],
)  # fmt: skip
def test_a_module_named_by_a_noun_is_accepted(name: str) -> None:
    assert found("", PRODUCT.with_name(name)) == []


@pytest.mark.parametrize(
    "source",
    [
        "STATEMENT = \"UPDATE rows SET note = 'paid to somebody anew'\"\n",
        'STATEMENT = """\n    SELECT * FROM rows -- what became of them\n"""\n',
        'CAUSE = "found in the list of the provider"  # language: a cause that ledgers contain\n',
        'reason = f"{DO_NOT_PAY} Do not pay by other means"\n',
        'note = "(example)"\n',
        'line = f"resolved as ...: {who}"\n',
        'name = f"{path}.told"\n',
    ],
    ids=["SQL", "SQL in lines", "kept with a reason", "read back", "read back", "read back", "read back"],
)
def test_what_has_to_stay_is_accepted(source: str) -> None:
    assert found(source) == []


def test_a_comment_without_a_reason_keeps_nothing() -> None:
    assert found('CAUSE = "seen by the provider"  # language:\n') == ['"the provider"']


@pytest.mark.parametrize("name", ["dvs/statuses.py", "ledger/schema.py", "ledger/sqlite/migrations.py"])
def test_literals_of_dvs_and_of_migrations_are_accepted(name: str) -> None:
    literal, comment = 'MESSAGE = "Refused by the provider"\n', "# Refused anew.\n"
    assert found(literal, Path("bulk_topup") / name) == []
    assert found(comment, Path("bulk_topup") / name) == ['"anew"']
    assert found(literal) == ['"the provider"']


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ('"""A row.\n\nIt was tried of\nlate.\n"""\n', 3),
        ("rows = 1\n# The first line.\n# It was tried of\n# late.\n", 3),
        ('raise ValueError(\n    "The first line. "\n    f"{row} is tried anew."\n)\n', 3),
        ('def first():\n    """Give the first."""\n', 2),
    ],
    ids=["docstring", "comment", "message", "opener"],
)
def test_a_finding_names_the_line_also_where_the_words_are_wrapped(source: str, line: int) -> None:
    [finding] = check_python(PRODUCT, source)
    assert finding.line == line


def test_a_finding_is_printed_with_its_place_and_what_to_write_instead() -> None:
    finding = Finding(path=PRODUCT, line=7, what='"anew"', instead="again")
    assert str(finding) == 'bulk_topup/engine/runner.py:7: "anew": again'


def test_past_decisions_and_the_changelog_are_history(tmp_path: Path) -> None:
    (tmp_path / "docs" / "decisions").mkdir(parents=True)
    for name in ("CHANGELOG.md", "README.md", "docs/guide.md", "docs/decisions/0001-ids.md"):
        (tmp_path / name).write_text("Whoever pays.\n", encoding="utf-8")
    assert [path.relative_to(tmp_path).as_posix() for path in markdown_files(tmp_path)] == [
        "README.md",
        "docs/guide.md",
    ]
    assert [finding.path.as_posix() for finding in check_repository(tmp_path)] == ["README.md", "docs/guide.md"]


def test_the_command_prints_every_finding_and_fails(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Pays\n\nIt is tried anew.\n", encoding="utf-8")
    (tmp_path / "bulk_topup").mkdir()
    (tmp_path / "bulk_topup" / "rows.py").write_text('"""Rows."""\n', encoding="utf-8")
    command = [sys.executable, "-m", "checks.language"]
    failed = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert (failed.returncode, failed.stdout) == (1, 'README.md:3: "anew": again\n')
    (tmp_path / "README.md").write_text("# Pays\n\nIt is tried again.\n", encoding="utf-8")
    passed = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert (passed.returncode, passed.stdout) == (0, "")
