"""Fixtures that all tests share: a clock that is moved by hand, and a sandbox over a real socket."""

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import hypothesis
import pytest
from pydantic import SecretStr

from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig
from bulk_topup.security import redaction
from bulk_topup.system.clock import Clock, SystemClock
from tests.helpers.hand_clock import SkippingClock

API_KEY = "test-key"
API_SECRET = "test-secret-9f3a"
ROOT = Path(__file__).parent.parent

# Tests assert behaviour, never time: the machine may be busy.
hypothesis.settings.register_profile("bulk-topup", deadline=None)
hypothesis.settings.load_profile("bulk-topup")


class HandClock:
    """A clock that moves only when a test sleeps on it or moves it."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += max(0.0, seconds)
        await asyncio.sleep(0)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return three workers for each core, because many tests wait for other processes and for responses."""
    return 3 * (os.cpu_count() or 1)


@pytest.fixture(autouse=True)
def pin_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a PIN key file in the test's folder, where subprocesses with that home find it too, never the user's own."""
    monkeypatch.setenv("BULK_TOPUP_PIN_KEY_FILE", str(tmp_path / ".config/bulk-topup/pin.key"))


@pytest.fixture(autouse=True)
def usual_ledgers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep ledgers without a stated place in the test's folder, where a subprocess with that home has them too."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / ".local/share"))


@pytest.fixture(autouse=True)
def restore_process() -> Iterator[None]:
    """Restore the process-wide state that the command line changes when a test calls it in this process."""
    root = logging.getLogger()
    factory, handlers, level = logging.getLogRecordFactory(), root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook
    hidden = set(redaction._secrets)
    yield
    redaction._secrets.intersection_update(hidden)
    logging.captureWarnings(capture=False)
    logging.setLogRecordFactory(factory)
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook, threading.excepthook = hooks


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def root() -> Path:
    return ROOT


@pytest.fixture
def credentials() -> tuple[str, str]:
    return API_KEY, API_SECRET


@pytest.fixture
def time_scale() -> float:
    """The length of the sandbox's seconds; tests that need longer ones override this fixture."""
    return 0.001


@pytest.fixture
def skipping_clock() -> SkippingClock:
    return SkippingClock()


@pytest.fixture
def skipped_waits(skipping_clock: SkippingClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all of this process take the skipping clock for the machine's: for parts that are passed none."""
    for name in ("now", "monotonic", "sleep"):
        monkeypatch.setattr(SystemClock, name, _method(getattr(skipping_clock, name)))


def _method(call: Callable[..., object]) -> Callable[..., object]:
    return lambda _self, *arguments: call(*arguments)


@pytest.fixture
def sandbox_clock() -> Clock:
    """The sandbox's clock; tests whose other parts have the same one override this fixture."""
    return SystemClock()


@pytest.fixture
def sandbox(tmp_path: Path, time_scale: float, sandbox_clock: Clock) -> Iterator[EmbeddedSandbox]:
    """A fast sandbox with books, balances for every test and no rate limit."""
    config = SandboxConfig(
        time_scale=time_scale,
        rate_limit=0,
        balances={"USD": Decimal(100_000), "EUR": Decimal(100_000)},
        api_key=API_KEY,
        api_secret=SecretStr(API_SECRET),
        books=tmp_path / "provider-books.jsonl",
    )
    with EmbeddedSandbox(config, sandbox_clock) as running:
        yield running
