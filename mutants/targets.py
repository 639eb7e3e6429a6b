"""The modules of the safety core, with the tests that should notice errors in them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Modules that the same tests are for."""

    name: str
    modules: tuple[Path, ...]
    #: Files and folders of tests, relative to the repository.
    tests: tuple[str, ...]
    #: Least part of the errors that tests notice, of those that change behaviour, in percent.
    aim: int = 95


def _target(name: str, modules: tuple[str, ...], tests: tuple[str, ...], *, aim: int = 95) -> Target:
    paths = tuple(Path("bulk_topup", f"{module}.py") for module in modules)
    return Target(name=name, modules=paths, tests=tuple(f"tests/{test}" for test in tests), aim=aim)


TARGETS: Final = (
    _target(
        "identity",
        ("domain/identity", "domain/identity_version"),
        ("domain", "plan/test_row_identities.py", "ledger/test_rebuild.py"),
        aim=100,
    ),
    _target("duplicates", ("plan/duplicates", "plan/seen_keys"), ("plan",), aim=100),
    _target("moves", ("domain/moves",), ("domain/test_moves.py", "ledger/test_moves.py", "engine"), aim=100),
    _target("approvals", ("approvals/approval", "approvals/keys", "approvals/statement"), ("approvals",), aim=100),
    _target("echo", ("domain/echo",), ("domain/test_echo.py", "engine/test_strange_answers.py")),
    _target("money", ("domain/money",), ("domain/test_money.py", "plan", "report")),
    _target("amounts", ("intake/cells/amounts",), ("intake/cells/test_amounts.py", "intake/test_bad_lists.py")),
    _target(
        "limits",
        ("plan/guard_checks", "engine/budget", "ledger/spending"),
        ("plan", "engine", "ledger/test_spending.py"),
    ),
    _target("hold", ("engine/hold",), ("engine",)),
    _target("submit", ("engine/submit", "engine/creation_responses", "engine/absence_proof"), ("engine",)),
    _target("settlement", ("engine/move_recorder", "engine/track", "engine/conflict_proof"), ("engine",)),
    _target(
        "retries",
        ("dvs/request_retries", "dvs/error_form", "dvs/retry_after"),
        ("dvs", "engine/test_foreign_answers.py"),
    ),
    _target(
        "statements", ("ledger/attempt_statements", "ledger/sql_fragments", "ledger/retries"), ("ledger", "engine")
    ),
)
