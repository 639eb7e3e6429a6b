r"""Runs one `bulk-topup` command in this process and breaks it on purpose; touches what the command touches.

The product has no hooks for this: functions of it are replaced, in this process alone, before the command begins.

    python -m chaos.runner --kill after_intent_commit:2 -- run list.csv --product 6418
"""

import ctypes
import os
import resource
import secrets
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import aiohttp
import click

import bulk_topup.cli.commands.resume
import bulk_topup.cli.commands.run
import bulk_topup.cli.commands.sandbox
import bulk_topup.ledger.attempts
import bulk_topup.ledger.ledger_file
import bulk_topup.report.report_writer
from bulk_topup.cli import main as command
from bulk_topup.cli.lazy_group import INTERRUPTED, INTERRUPTED_CODE
from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.dvs.transports.base import HTTPRequest, HTTPResponse, HTTPTransport
from bulk_topup.ledger.attempts import AttemptQueries
from bulk_topup.ledger.outcomes import OutcomeQueries
from bulk_topup.ledger.staging import StagingQueries
from bulk_topup.system.clock import SystemClock
from chaos.breakage import Breakage, parse

#: Whose commits have instants, by the ledger's method.
COMMITS: Final = (
    (StagingQueries, "merge", "merge"),
    (AttemptQueries, "claim", "intent"),
    (AttemptQueries, "record", "result"),
)
_PAYING: Final = "/async/transactions"
#: capset(2): the version of its structures, and the two rights of root that ignore the rights of files.
_CAPABILITY_VERSION: Final = 0x20080522
_IGNORES_RIGHTS: Final = (1 << 1) | (1 << 2)


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


def _replace(owner: object, name: str, make: Callable[[Any], Any]) -> None:
    """Put in the place of a function what `make` makes of it."""
    setattr(owner, name, make(getattr(owner, name)))


def _break_ledger(death: _Death) -> None:
    """Pass by the commits of lists, intents and results; one that changes nothing is no instant."""
    writing: list[str] = []

    def mortal(transaction: Callable[..., Any]) -> Callable[..., Any]:
        @contextmanager
        def passing(connection: Any) -> Iterator[None]:
            before = connection.total_changes
            with transaction(connection):
                yield
                changes = connection.total_changes > before
                if writing and changes:
                    death.passes(f"before_{writing[-1]}_commit")
            if writing and changes:
                death.passes(f"after_{writing[-1]}_commit")

        return passing

    def named(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any, **values: Any) -> Any:
            writing.append(name)
            try:
                return method(*words, **values)
            finally:
                writing.pop()

        return call

    _replace(bulk_topup.ledger.ledger_file, "transaction", mortal)
    for queries, method, name in COMMITS:
        _replace(queries, method, partial(named, name))


def _break_transport(death: _Death, twice: int) -> None:
    """Pass by what happens to a request that pays, and send some of them two times."""
    sent = 0

    def passing_by(write: Callable[..., Any]) -> Callable[..., Any]:
        async def call(request: aiohttp.ClientRequest, *words: Any, **values: Any) -> None:
            await write(request, *words, **values)
            if request.method == "POST" and _PAYING in request.url.path:
                death.passes("after_send")

        return call

    def mortal(send: Callable[..., Any]) -> Callable[..., Any]:
        async def passing(transport: HTTPTransport, call: HTTPRequest) -> HTTPResponse:
            nonlocal sent
            if call.method != "POST" or not call.path.startswith(_PAYING):
                return await send(transport, call)  # type: ignore[no-any-return]
            death.passes("before_send")
            sent += 1
            if twice and sent % twice == 0:
                await send(transport, call)
            answer: HTTPResponse = await send(transport, call)
            death.passes("after_response")
            return answer

        return passing

    _replace(aiohttp.ClientRequest, "write_bytes", passing_by)
    _replace(HTTPTransport, "send", mortal)


def _break_report(death: _Death) -> None:
    """Pass by a report that is fed with rows, and by each of its files that takes its place."""

    def mortal_rows(outcome_pages: Callable[..., Iterator[Outcomes]]) -> Callable[..., Any]:
        def passing(*of: Any, **how: Any) -> Iterator[Outcomes]:
            for page in outcome_pages(*of, **how):
                yield page
                death.passes("in_report")

        return passing

    def mortal_files(replacing: Callable[..., Any]) -> Callable[..., Any]:
        @contextmanager
        def passing(path: Path) -> Iterator[Path]:
            with replacing(path) as temporary:
                yield temporary
            death.passes("between_report_files")

        return passing

    _replace(OutcomeQueries, "pages", mortal_rows)
    _replace(bulk_topup.report.report_writer, "atomic_write", mortal_files)


def _break_clock(jumps: Sequence[tuple[int, float]]) -> None:
    calls = 0

    def shifted(now: Callable[[SystemClock], datetime]) -> Callable[[SystemClock], datetime]:
        def tell(clock: SystemClock) -> datetime:
            nonlocal calls
            offset = next((offset for after, offset in reversed(jumps) if calls >= after), 0.0)
            calls += 1
            return now(clock) + timedelta(seconds=offset)

        return tell

    _replace(SystemClock, "now", shifted)


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

    def random_ids(external_id: Callable[..., str]) -> Callable[..., str]:
        return lambda job, _run_key, *which: external_id(job, secrets.token_hex(8), *which)

    def second_payment(send: Callable[..., Any]) -> Callable[..., Any]:
        async def pay_again(transport: HTTPTransport, call: HTTPRequest) -> Any:
            answer = await send(transport, call)
            if call.body is not None and call.path == _PAYING:
                await send(transport, replace(call, body=call.body.replace(b'"external_id":"', b'"external_id":"x')))
            return answer

        return pay_again

    def forgotten_line(outcome_pages: Callable[..., Iterator[Outcomes]]) -> Callable[..., Any]:
        def forget(*of: Any, **how: Any) -> Iterator[Outcomes]:
            for page in outcome_pages(*of, **how):
                if kept := [row for row in page.rows() if row.line % 5]:
                    yield Outcomes.of(kept)

        return forget

    match kind:
        case "random_ids":
            _replace(bulk_topup.ledger.attempts, "external_id", random_ids)
        case "second_payment":
            _replace(HTTPTransport, "send", second_payment)
        case "forgotten_line":
            _replace(OutcomeQueries, "pages", forgotten_line)


def main(words: Sequence[str]) -> None:
    """Run the command of these words, broken as they say; ends the process by SystemExit, or by its death."""
    breakage, rest = parse(words)
    break_process(breakage)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    except KeyboardInterrupt:  # it came while all this was imported; a command says the same
        click.echo(INTERRUPTED, err=True)
        sys.exit(INTERRUPTED_CODE)
    command(rest, prog_name="bulk-topup")


if __name__ == "__main__":
    main(sys.argv[1:])
