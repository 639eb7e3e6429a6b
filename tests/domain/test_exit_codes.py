"""Exit codes: every error has one of its own, every code has a sentence."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import bulk_topup
from bulk_topup.domain.exit_codes import _CODES, ExitCode, exit_code_for
from bulk_topup.dvs import NoResponseError
from bulk_topup.dvs.errors import ErrorDetail, error_for
from bulk_topup.errors import (
    AccountMismatchError,
    AlreadyPaidError,
    BalanceTooLowError,
    BulkTopupError,
    ConfirmationRequiredError,
    DeclinedError,
    EarlierRunOpenError,
    EnvironmentNotNamedError,
    LedgerBehindError,
    LedgerError,
    LedgerLockedError,
    LedgerMissingError,
    LedgerWriteError,
    PinKeyError,
    PortInUseError,
    ReportError,
    RunLockedError,
    RunNotFoundError,
    SandboxLockedError,
    TransactionNotFoundError,
)

#: A number where an exit code belongs: ended with, compared, named, or as the key of a table.
_NUMBER = re.compile(
    r"""
      \b(sys\.exit|_exit|SystemExit|(\w+\.)?Exit|RunExit)\(\s*\d
    | \b(sys\.exit|_exit|SystemExit|(\w+\.)?Exit|RunExit)\(.*\belse\s+\d
    | \b(exit_)?code\s*(==|!=|<|>|in|not\ in)\s*[({\[]?\s*\d
    | \bexit_code\s*=\s*\d
    | \b(?!MAX_|MIN_)\w*(EXIT|EXIT_CODE|CRASH_CODE|INTERRUPTED_CODE)\b(\s*:\s*\w+)?\s*=\s*\d
    """,
    re.VERBOSE,
)


def _below(class_: type[BulkTopupError]) -> Iterator[type[BulkTopupError]]:
    for child in class_.__subclasses__():
        yield child
        yield from _below(child)


def test_every_error_of_every_module_has_a_code_by_itself_or_by_a_base_below_the_common_one() -> None:
    for module in pkgutil.walk_packages(bulk_topup.__path__, "bulk_topup."):
        if not module.name.endswith(("__main__", "pyreqwest_transport")):
            importlib.import_module(module.name)
    classes = {class_ for class_ in _below(BulkTopupError) if class_.__module__.startswith("bulk_topup.")}
    listed = {class_ for class_, _ in _CODES}
    assert len(classes) > 40
    assert BulkTopupError not in listed
    assert {class_.__name__ for class_ in classes if not listed & set(class_.__mro__)} == set()


def test_no_class_is_listed_after_one_of_its_bases() -> None:
    classes = [class_ for class_, _ in _CODES]
    assert len(classes) == len(set(classes))
    for number, class_ in enumerate(classes):
        assert not set(classes[:number]) & set(class_.__mro__[1:])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfirmationRequiredError(), 3),
        (PinKeyError(), 3),
        (LedgerError(), 3),
        (LedgerMissingError(), 3),
        (EnvironmentNotNamedError(), 3),
        (AccountMismatchError(), 3),
        (AlreadyPaidError(), 3),
        (EarlierRunOpenError(), 3),
        (RunNotFoundError(), 3),
        (TransactionNotFoundError(), 3),
        (error_for(404, (ErrorDetail(code=1008004, message=""),)), 3),
        (error_for(400, (ErrorDetail(code=1000400, message=""),)), 3),
        (error_for(409, (ErrorDetail(code=1000400, message=""),)), 3),
        (error_for(400, (ErrorDetail(code=1007001, message=""),)), 3),
        (BalanceTooLowError(), 4),
        (error_for(400, (ErrorDetail(code=1006001, message=""),)), 4),
        (error_for(401, ()), 4),
        (error_for(403, ()), 4),
        (error_for(429, ()), 4),
        (error_for(503, ()), 4),
        (NoResponseError(), 4),
        (PortInUseError(), 5),
        (RunLockedError(), 5),
        (SandboxLockedError(), 5),
        (LedgerLockedError(), 5),
        (DeclinedError(), 6),
        (LedgerWriteError(), 75),
        (LedgerBehindError(), 75),
        (ReportError(), 75),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BulkTopupError) else str(value),
)
def test_an_error_has_the_code_of_the_table(error: BulkTopupError, code: int) -> None:
    assert exit_code_for(error) == code


def test_an_error_without_a_code_gets_none_silently() -> None:
    with pytest.raises(LookupError, match="BulkTopupError has no exit code"):
        exit_code_for(BulkTopupError())


def test_every_code_has_a_sentence_of_its_own() -> None:
    assert [code.value for code in ExitCode] == [0, 1, 2, 3, 4, 5, 6, 75]
    assert len({code.sentence for code in ExitCode}) == len(ExitCode)
    assert all(code.sentence.endswith(".") for code in ExitCode)
    assert len({code.headline for code in ExitCode}) == len(ExitCode)
    assert all(code.next_step.endswith(".") for code in ExitCode)


def test_only_a_lock_and_an_interruption_may_succeed_later_by_themselves() -> None:
    assert {code for code in ExitCode if code.is_transient} == {ExitCode.RUN_LOCKED, ExitCode.RESUMABLE}


def test_no_other_module_holds_the_number_of_an_exit_code(root: Path) -> None:
    package = root / "bulk_topup"
    found = [
        f"{path.relative_to(root)}:{number}: {line.strip()}"
        for path in sorted(package.rglob("*.py"))
        if path != package / "domain" / "exit_codes.py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if _NUMBER.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "sys.exit(3)",
        "raise SystemExit(75)",
        "raise click.exceptions.Exit(0 if agrees else 1)",
        "raise click.exceptions.Exit(ExitCode.STOPPED_BY_PROVIDER if bad else 1)",
        "if end.exit_code in {0, ExitCode.RUN_LOCKED}:",
        "if ending.code == 1 and short:",
        "INTERRUPTED_CODE: Final = 75",
    ],
)
def test_a_number_in_place_of_an_exit_code_is_found(line: str) -> None:
    assert _NUMBER.search(line)
