"""An office that pays by hand and by cron: its folder, its provider, and commands in this process by a hand clock."""

import contextlib
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from click.testing import CliRunner
from pydantic import SecretStr

from bulk_topup.cli import main as command
from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig
from chaos.hand_clock import HandClock

_KEY: Final = "office-key"
_SECRET: Final = "office-secret-7c2f"
#: Factor of the documented delays: a usual payment is final after a millisecond.
_TIME_SCALE: Final = 0.001
#: More than any office pays.
_BALANCES: Final = {"USD": Decimal(10**9), "EUR": Decimal(10**9)}
#: Commands that pay, which get no waits of their own.
_PAYING: Final = frozenset({"run", "resume", "retry"})
_QUICKLY: Final = ("--rate", "10000", "--poll-interval", "0.05")
#: Commands without a provider's address.
_OFFLINE: Final = frozenset({"ledger"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment:
    """Something that a person is paid: who or what is credited, with which product, how much."""

    #: The mobile number or account; None for a card.
    party: str | None
    product: int
    #: None for products of a fixed value.
    amount: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """One start of a command, as a person or cron does it, and what has to come of it."""

    #: When, as the machine's clock shows it.
    at: datetime
    words: tuple[str, ...]
    #: The requests that it has to send, no more and no fewer.
    pays: Sequence[Payment] = ()
    code: int = 0
    #: Files that are written before it, by name.
    files: Mapping[str, str] = field(default_factory=dict)
    #: The time zone of another machine that starts it; None for the office's own.
    elsewhere: str | None = None
    #: A text that the output must have.
    says: str = ""

    @property
    def is_silent(self) -> bool:
        """Whether it may print nothing: what cron starts is quiet unless something is wrong."""
        return "--quiet" in self.words and self.code == 0


class Office:
    """The folder, the provider and the machine of an office; use it as a context manager.

    Inside the block, this process's folder and time zone are the office's.

    Args:
        folder: an empty folder for lists, ledger, reports and books.
        zone: the machine's time zone.
        now: the time of its first day, in UTC.
    """

    def __init__(self, folder: Path, zone: str, now: datetime) -> None:
        self._folder = folder
        self.zone = ZoneInfo(zone)
        self._clock = HandClock(now)
        self._books = folder / "books.jsonl"
        self._read = 0
        config = SandboxConfig(
            api_key=_KEY,
            api_secret=SecretStr(_SECRET),
            time_scale=_TIME_SCALE,
            rate_limit=0,
            balances=_BALANCES,
            books=self._books,
        )
        self._sandbox = EmbeddedSandbox(config, self._clock)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(contextlib.chdir(self._folder))
        self._stack.enter_context(_time_zone(self.zone.key))
        self._stack.enter_context(self._sandbox)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def play(self, start: Start) -> str | None:
        """Play a start, and return what is wrong with its end; None if nothing is."""
        for name, text in start.files.items():
            path = self._folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        self._clock.set(start.at.replace(tzinfo=self.zone).astimezone(UTC))
        with _time_zone(start.elsewhere or self.zone.key):
            result = CliRunner().invoke(command, self._arguments(start), env=self._environment(), obj=self._clock)
        paid = Counter(self._new_payments())
        expected = Counter(start.pays)
        wrong = []
        if result.exit_code != start.code:
            wrong.append(f"exit code {result.exit_code}, not {start.code}")
        if late := expected - paid:
            wrong.append(f"not paid: {_format(late)}")
        if more := paid - expected:
            wrong.append(f"paid too much: {_format(more)}")
        if start.is_silent and result.output:
            wrong.append("not silent")
        if start.says not in result.output:
            wrong.append(f'does not say "{start.says}"')
        if not wrong:
            return None
        where = f" on a machine in {start.elsewhere}" if start.elsewhere else ""
        crash = "" if isinstance(result.exception, SystemExit | None) else f"\n{result.exception!r}"
        what = f"{start.at:%a %Y-%m-%d %H:%M} `{' '.join(start.words)}`{where}"
        return f"{what}: {'; '.join(wrong)}.\n{result.output}{crash}"

    def _arguments(self, start: Start) -> list[str]:
        words = [*start.words, "--ledger", "ledger.db"]
        words += [] if start.words[0] in _OFFLINE else ["--base-url", self._sandbox.base_url]
        return [*words, *(_QUICKLY if start.words[0] in _PAYING else ())]

    def _environment(self) -> dict[str, str]:
        home = str(self._folder)
        return {"HOME": home, "COLUMNS": "200", "DVS_API_KEY": _KEY, "DVS_API_SECRET": _SECRET}

    def _new_payments(self) -> Iterator[Payment]:
        """Yield the payments that the provider was asked for since the last call."""
        with self._books.open("rb") as file:
            file.seek(self._read)
            for line in file:
                self._read += len(line)
                event = json.loads(line, parse_float=Decimal, parse_int=Decimal)
                if event["event"] == "created":
                    yield _payment(event["request"])


def _payment(request: dict[str, Any]) -> Payment:
    credited = request.get("credit_party_identifier") or {}
    asked = request.get("destination") or {}
    return Payment(
        party=credited.get("mobile_number") or credited.get("account_number"),
        product=int(request["product_id"]),
        amount=asked.get("amount"),
    )


def _format(payments: Counter[Payment]) -> str:
    return ", ".join(f"{each.party or 'a card'} ({each.amount}, {count} times)" for each, count in payments.items())


@contextlib.contextmanager
def _time_zone(name: str) -> Iterator[None]:
    """Make a time zone that of this process inside the block."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()
