r"""Runs one `bulk-topup` command in this process and breaks it on purpose; touches what the command touches.

The product has no hooks for this: functions of it are replaced, in this process alone, before the command begins.

    python -m chaos.runner --kill after_intent_commit:2 -- run list.csv --product 6418
"""

import argparse
import ctypes
import os
import resource
import secrets
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx2

import bulk_topup.ledger.base
import bulk_topup.ledger.store
import bulk_topup.report.write
from bulk_topup.cli import main as command
from bulk_topup.clock import SystemClock
from bulk_topup.dvs.transport import Answer, Call, HTTPTransport
from bulk_topup.ledger import Ledger

#: Where a process can be killed, in the order in which a run comes by.
INSTANTS: Final = (
    "before_merge_commit",
    "after_merge_commit",
    "before_intent_commit",
    "after_intent_commit",
    "before_send",
    "after_send",
    "after_response",
    "before_result_commit",
    "after_result_commit",
    "in_report",
    "between_report_files",
)
#: Whose commits have instants, by the ledger's method.
COMMITS: Final = {"merge": "merge", "claim": "intent", "record": "result"}
#: The ways to make the product wrong that the campaign must find out.
SABOTAGES: Final = ("random_ids", "second_payment", "forgotten_line")

_PAYING: Final = "/async/transactions"
_AFTER_BODY: Final = "http11.send_request_body.complete"
#: capset(2): the version of its structures, and the two rights of root that ignore the rights of files.
_CAPABILITY_VERSION: Final = 0x20080522
_IGNORES_RIGHTS: Final = (1 << 1) | (1 << 2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Breakage:
    """What goes wrong inside a runner's process."""

    #: The instant at which it is killed; None for never.
    instant: str | None = None
    #: At which pass by that instant.
    nth: int = 1
    #: Bytes beyond which no file can be written, as on a full disk; None for no limit.
    file_limit: int | None = None
    #: Whether the rights of files bind it, although it runs as root.
    bound_by_rights: bool = False
    #: How many questions for the time of day are answered before each offset in seconds takes its place.
    clock: tuple[tuple[int, float], ...] = ()
    #: Every so-manieth creation is sent two times; 0 for none.
    twice: int = 0
    #: How the product is made wrong, to see whether the campaign finds out; None leaves it as it is.
    sabotage: str | None = None

    @property
    def words(self) -> list[str]:
        """The same as options of this module."""
        words = []
        if self.instant is not None:
            words += ["--kill", f"{self.instant}:{self.nth}"]
        if self.file_limit is not None:
            words += ["--file-limit", str(self.file_limit)]
        if self.bound_by_rights:
            words += ["--bound-by-rights"]
        if self.clock:
            words += ["--clock", " ".join(f"{calls}:{offset:g}" for calls, offset in self.clock)]
        if self.twice:
            words += ["--twice", str(self.twice)]
        if self.sabotage is not None:
            words += ["--sabotage", self.sabotage]
        return words


def parse(words: Sequence[str]) -> tuple[Breakage, list[str]]:
    """Read the words of a start: what breaks, and the command."""
    parser = argparse.ArgumentParser(prog="python -m chaos.runner", description="Run a command and break it.")
    parser.add_argument("--kill", metavar="INSTANT:N", default="", help=f"one of {', '.join(INSTANTS)}, and its pass")
    parser.add_argument("--file-limit", type=int, metavar="BYTES", help="no file grows beyond this")
    parser.add_argument("--bound-by-rights", action="store_true", help="root is bound by the rights of files")
    parser.add_argument("--clock", metavar="CALLS:SECONDS ...", default="", help="offsets of the time of day")
    parser.add_argument("--twice", type=int, metavar="N", default=0, help="send every n-th creation two times")
    parser.add_argument("--sabotage", choices=SABOTAGES, help="make the product wrong")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- and the command of bulk-topup")
    given = parser.parse_args(words)
    instant, _, nth = given.kill.partition(":")
    if instant and instant not in INSTANTS:
        parser.error(f'"{instant}" is not an instant; there are {", ".join(INSTANTS)}.')
    jumps = [jump.partition(":") for jump in given.clock.split()]
    breakage = Breakage(
        instant=instant or None,
        nth=int(nth or 1),
        file_limit=given.file_limit,
        bound_by_rights=given.bound_by_rights,
        clock=tuple((int(calls), float(offset)) for calls, _, offset in jumps),
        twice=given.twice,
        sabotage=given.sabotage,
    )
    return breakage, given.command[1:] if given.command[:1] == ["--"] else given.command


class _Death:
    """Kills this process at the chosen pass by the chosen instant."""

    def __init__(self, instant: str | None, nth: int) -> None:
        self._instant = instant
        self._left = nth

    def passes(self, instant: str) -> None:
        """Pass by an instant, or never get beyond it."""
        if instant == self._instant:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def break_process(breakage: Breakage) -> None:
    """Put everything that breaks in its place; what the process does afterwards meets it."""
    death = _Death(breakage.instant, breakage.nth)
    _break_ledger(death)
    _break_transport(death, breakage.twice)
    _break_report(death)
    if breakage.clock:
        _break_clock(breakage.clock)
    if breakage.sabotage is not None:
        _sabotage(breakage.sabotage)
    if breakage.bound_by_rights:
        _give_up_rights()
    if breakage.file_limit is not None:
        # Python ignores SIGXFSZ, so a write beyond the limit fails with EFBIG as one on a full disk does with ENOSPC.
        resource.setrlimit(resource.RLIMIT_FSIZE, (breakage.file_limit, breakage.file_limit))


def _break_ledger(death: _Death) -> None:
    """Pass by the commits of lists, intents and results; one that changes nothing is no instant."""
    transaction = bulk_topup.ledger.base.transaction
    writing: list[str] = []

    @contextmanager
    def mortal(connection: Any) -> Iterator[None]:
        before = connection.total_changes
        with transaction(connection):
            yield
            changes = connection.total_changes > before
            if writing and changes:
                death.passes(f"before_{writing[-1]}_commit")
        if writing and changes:
            death.passes(f"after_{writing[-1]}_commit")

    def named(method: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*words: Any, **values: Any) -> Any:
            writing.append(name)
            try:
                return method(*words, **values)
            finally:
                writing.pop()

        return call

    bulk_topup.ledger.base.transaction = mortal
    for method, name in COMMITS.items():
        setattr(Ledger, method, named(getattr(Ledger, method), name))


def _break_transport(death: _Death, twice: int) -> None:
    """Pass by what happens to a request that pays, and send some of them two times."""
    request, send = httpx2.AsyncClient.request, HTTPTransport.send
    sent = 0

    async def trace(event: str, _info: object) -> None:
        if event == _AFTER_BODY:
            death.passes("after_send")

    async def traced(client: Any, method: str, url: Any, **values: Any) -> Any:
        if method == "POST" and str(url).startswith(_PAYING):
            values["extensions"] = {"trace": trace}
        return await request(client, method, url, **values)

    async def mortal(transport: HTTPTransport, call: Call) -> Answer:
        nonlocal sent
        if call.method != "POST" or not call.path.startswith(_PAYING):
            return await send(transport, call)
        death.passes("before_send")
        sent += 1
        if twice and sent % twice == 0:
            await send(transport, call)
        answer = await send(transport, call)
        death.passes("after_response")
        return answer

    httpx2.AsyncClient.request = traced  # type: ignore[method-assign, assignment]
    HTTPTransport.send = mortal  # type: ignore[method-assign]


def _break_report(death: _Death) -> None:
    """Pass by a report that is fed with rows, and by each of its files that takes its place."""
    batches, replacing = bulk_topup.report.write.batches, bulk_topup.report.write.replacing

    def mortal_batches(outcomes: Any) -> Iterator[Any]:
        for batch in batches(outcomes):
            yield batch
            death.passes("in_report")

    @contextmanager
    def mortal_replacing(path: Path) -> Iterator[Path]:
        with replacing(path) as temporary:
            yield temporary
        death.passes("between_report_files")

    bulk_topup.report.write.batches = mortal_batches
    bulk_topup.report.write.replacing = mortal_replacing


def _break_clock(jumps: Sequence[tuple[int, float]]) -> None:
    now = SystemClock.now
    calls = 0

    def shifted(clock: SystemClock) -> datetime:
        nonlocal calls
        offset = next((offset for after, offset in reversed(jumps) if calls >= after), 0.0)
        calls += 1
        return now(clock) + timedelta(seconds=offset)

    SystemClock.now = shifted  # type: ignore[method-assign]


def _give_up_rights() -> None:
    """Let the rights of files bind this process also if it is root's (capset(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable of the lower and of the upper 32
    if libc.capget(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    for place in range(3):
        sets[place] &= ~_IGNORES_RIGHTS
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _sabotage(kind: str) -> None:
    """Make the product wrong in a way that it must never be wrong."""
    match kind:
        case "random_ids":
            original = bulk_topup.ledger.store.external_id

            def random_id(job: str, run_key: str, identity: str, attempt: int) -> str:
                return original(job, f"{run_key} {secrets.token_hex(8)}", identity, attempt)

            bulk_topup.ledger.store.external_id = random_id
        case "second_payment":
            send = HTTPTransport.send

            async def pay_again(transport: HTTPTransport, call: Call) -> Answer:
                answer = await send(transport, call)
                if call.body is not None and call.path == _PAYING:
                    other = call.body.replace(b'"external_id":"', b'"external_id":"x')
                    await send(transport, Call(method=call.method, path=call.path, body=other))
                return answer

            HTTPTransport.send = pay_again  # type: ignore[method-assign]
        case "forgotten_line":
            batches = bulk_topup.report.write.batches

            def fewer(outcomes: Any) -> Iterator[Any]:
                return batches(outcome for outcome in outcomes if outcome.line % 5)

            bulk_topup.report.write.batches = fewer


def main(words: Sequence[str]) -> None:
    """Run the command of these words, broken as they say; ends the process by SystemExit, or by its death."""
    breakage, rest = parse(words)
    break_process(breakage)
    command(rest, prog_name="bulk-topup")


if __name__ == "__main__":
    main(sys.argv[1:])
