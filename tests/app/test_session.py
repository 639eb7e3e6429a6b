"""A session opens ledger, run lock and client in the order that gives a second invocation the right message."""

from pathlib import Path

import pytest

from bulk_topup.app.session import open_session
from bulk_topup.domain.environment import Environment, ProviderOptions
from bulk_topup.errors import ConfigurationError, LedgerError, RunLockedError
from bulk_topup.ledger import LedgerStore, is_locked, run_lock

pytestmark = pytest.mark.anyio


def provider(folder: Path, environment: Environment = Environment.SANDBOX) -> ProviderOptions:
    return ProviderOptions(
        environment=environment, base_url=None, credentials=None, timeout=5, ledger=folder / "ledger.db"
    )


async def test_a_second_session_of_a_run_reports_the_run_and_not_its_sandbox(tmp_path: Path) -> None:
    options = provider(tmp_path)
    async with open_session(options, "payroll", "2026-11") as session:
        assert session.payer.account == "the embedded sandbox"
        assert [each async for each in session.dvs.balances.list()]
        with pytest.raises(RunLockedError, match="payroll/2026-11"):
            async with open_session(options, "payroll", "2026-11"):
                pytest.fail("two sessions work on one run")
        with pytest.raises(ConfigurationError, match="embedded sandbox"):
            async with open_session(options, "payroll", "2026-12"):
                pytest.fail("two processes have one sandbox")
        assert not is_locked(options.ledger, "payroll", "2026-12")
    assert not is_locked(options.ledger, "payroll", "2026-11")


async def test_a_locked_run_is_reported_before_missing_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DVS_API_KEY", "DVS_API_SECRET"):
        monkeypatch.delenv(name, raising=False)
    options = provider(tmp_path, Environment.PRODUCTION)
    with run_lock(options.ledger, "payroll", "2026-11"):
        with pytest.raises(RunLockedError):
            async with open_session(options, "payroll", "2026-11"):
                pytest.fail("a locked run was opened")
    with pytest.raises(ConfigurationError, match="DVS_API_KEY"):
        async with open_session(options, "payroll", "2026-11"):
            pytest.fail("no credentials were needed")


async def test_an_unusable_ledger_is_reported_before_the_run_is_locked(tmp_path: Path) -> None:
    options = provider(tmp_path)
    options.ledger.write_text("no database" * 100)
    with pytest.raises(LedgerError):
        async with open_session(options, "payroll", "2026-11"):
            pytest.fail("the ledger was opened")
    assert not is_locked(options.ledger, "payroll", "2026-11")


async def test_a_ledger_that_is_open_already_stays_open(tmp_path: Path) -> None:
    options = provider(tmp_path)
    with LedgerStore(options.ledger) as ledger:
        async with open_session(options, "payroll", "2026-11", ledger=ledger, same_account=True) as session:
            assert session.ledger is ledger
            assert session.payer.same_account
        assert ledger.runs.all() == []
