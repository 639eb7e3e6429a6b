"""Finds idioms that users of the field do not speak: in names, docstrings, comments, messages, help and pages.

    python -m checks.language

It prints `file:line: what: write instead` for each, and exits with 1 if there are any. A literal that has to stay, such
as a value that ledgers contain, has a comment on its line that starts with `language:` and gives the reason.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from checks.findings import Finding, print_findings
from checks.repository import markdown_files, python_files
from checks.source import Source, Text

#: Texts that code reads back, and so never change.
_READ_BACK = re.compile(r"Do not pay by other means|\(example\)|resolved as ...:|\.told\b")
#: Files whose literals stay: messages of DVS itself, and migrations of ledgers as they were released.
_FIXED_LITERALS = re.compile(r"bulk_topup/(dvs/statuses|ledger/(\w+/)*(schema|migrations))\.py")
#: A table whose headings name the time zone need not repeat it in each cell.
_ZONE_IN_HEADING = re.compile(r"\(UTC\)$")
#: Last words of module names that end in -ing and are nouns of the field.
_NOUNS = {"blocking", "ending", "mapping", "monitoring", "ping", "polling", "pricing", "spending"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """An idiom, and what to write instead."""

    pattern: re.Pattern[str]
    instead: str


def _rule(pattern: str, instead: str) -> Rule:
    return Rule(pattern=re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE), instead=instead)


#: How a function's docstring must not start.
OPENERS = Rule(
    pattern=re.compile(r"(Give|Tell|Take\s+in|Say|Demand|Judge|Put|Look(?!\s+up))\b"),
    instead="start with Return, Yield, Raise, Write, Read, Check, Record, Set or another plain verb",
)
PROSE = (
    _rule(r"\bwhoever\b", "name the role, or address the reader"),
    _rule(r"\bsomebody\b", "name the role, or use the passive"),
    _rule(r"\banew\b", "again"),
    _rule(r"\bamiss\b", "wrong"),
    _rule(r"\bhinders?\b", "prevents, blocks"),
    _rule(r"\bfares?\b", "may succeed"),
    _rule(r"of late\b", "recently"),
    _rule(r"bec[ao]me?s? of\b", "the outcome of"),
    _rule(r"look(s|ing)? on\b", "monitor"),
    _rule(r"\bstate --", "add --"),
)
MESSAGES = (
    _rule(r"\} rows\b", "format_rows(count), which knows the singular"),
    _rule(r"do you mean\b", "Did you mean"),
    # Times with a T are RFC 3339, for programs.
    Rule(pattern=re.compile(r"(?<!T)%H:%M(?!.*UTC)"), instead="name the zone: 2026-11-30 19:22 UTC"),
    _rule(r"\bthe provider\b", "DVS, or DT One for the company"),
)
NAMES = (
    _rule(r"^def _?(told|does|kept)$", "a verb for a function, a noun for a property"),
    _rule(r"demand_", "check_"),
)


def check_python(path: Path, text: str) -> Iterator[Finding]:
    """Yield what breaks the rules in a Python file.

    Args:
        path: the file, relative to the repository.
        text: what it contains.
    """
    stem = path.stem.removeprefix("test_")
    if stem.endswith("ing") and stem.rpartition("_")[2] not in _NOUNS:
        yield Finding(path=path, line=1, what=f'module name "{path.stem}"', instead="a noun of the field")
    source = Source(text)
    for docstring in source.docstrings():
        opener = OPENERS.pattern.match(docstring.text)
        if docstring.of_function and opener is not None:
            what = f'docstring starts with "{opener.group()}"'
            yield Finding(path=path, line=docstring.line, what=what, instead=OPENERS.instead)
        yield from _findings(path, docstring, (*PROSE, *MESSAGES) if docstring.is_help else PROSE)
    for comment in source.comments():
        yield from _findings(path, comment, PROSE)
    for line, name in source.names():
        for rule in NAMES:
            if rule.pattern.search(name):
                yield Finding(path=path, line=line, what=f'name "{name}"', instead=rule.instead)
    yield from _check_literals(path, source)


def check_markdown(path: Path, text: str) -> Iterator[Finding]:
    """Yield what breaks the rules in a page; the arguments are those of `check_python`."""
    yield from _findings(path, Text(text=text, line=1), PROSE)


def check_repository(root: Path) -> Iterator[Finding]:
    """Yield what breaks the rules in the files of a repository."""
    for path in python_files(root):
        yield from check_python(path.relative_to(root), path.read_text(encoding="utf-8"))
    for path in markdown_files(root):
        yield from check_markdown(path.relative_to(root), path.read_text(encoding="utf-8"))


def _check_literals(path: Path, source: Source) -> Iterator[Finding]:
    """Check messages: every sentence of the product, elsewhere what is raised, printed or shown as help."""
    if _FIXED_LITERALS.fullmatch(path.as_posix()):
        return
    texts = list(source.literals() if path.parts[0] == "bulk_topup" else source.printed_literals())
    names_zone = any(_ZONE_IN_HEADING.search(text.text) for text in texts)
    for text in texts:
        for finding in _findings(path, text, (*PROSE, *MESSAGES)):
            if not (names_zone and "%H:%M" in finding.what):
                yield finding


def _findings(path: Path, text: Text, rules: Iterable[Rule]) -> Iterator[Finding]:
    # What is read back is replaced by as many characters, so that every line stays where it is.
    prose = _READ_BACK.sub(lambda found: "x" * len(found.group()), text.text)
    for rule in rules:
        for match in rule.pattern.finditer(prose):
            what = f'"{" ".join(match.group().split())}"'
            yield Finding(path=path, line=text.line_of(match), what=what, instead=rule.instead)


def main() -> None:
    """Check the repository around the current folder, and exit with 1 if a rule is broken."""
    sys.exit(print_findings(check_repository(Path.cwd())))


if __name__ == "__main__":
    main()
