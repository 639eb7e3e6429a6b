r"""Runs one `bulk-topup` command in this process and breaks it on purpose; touches what the command touches.

The product has no hooks for this: its functions are replaced, in this process only, before the command starts. Only
the clock is passed in, as the command line takes one from any program that calls it.

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
from functools import partial
from pathlib import Path
from typing import Any, Final

import aiohttp
import click

import bulk_topup.app.plan
import bulk_topup.cli.commands.resume
import bulk_topup.cli.commands.run
import bulk_topup.cli.commands.sandbox
import bulk_topup.cli.payment
import bulk_topup.domain.identity_version
import bulk_topup.ledger.compared_runs
import bulk_topup.ledger.ledger_file
import bulk_topup.report.report_writer
from bulk_topup.cli import main as command
from bulk_topup.cli.lazy_group import INTERRUPTED
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.dvs.transports.base import HTTPRequest, HTTPResponse, HTTPTransport
from bulk_topup.ledger.attempts import AttemptQueries
from bulk_topup.ledger.outcomes import OutcomeQueries
from bulk_topup.ledger.staged_list import StagingQueries
from chaos.breakage import Breakage, parse
from chaos.hand_clock import JumpingClock

#: Methods of the ledger whose commits are instants, with the names of these.
COMMITS: Final = (
    (StagingQueries, "merge", "merge"),
    (AttemptQueries, "claim", "intent"),
    (AttemptQueries, "record", "result"),
)
_PAYING: Final = "/async/transactions"
#: capset(2): the version of its structures, and the two capabilities of root that override file permissions.
_CAPABILITY_VERSION: Final = 0x20080522
_OVERRIDES_PERMISSIONS: Final = (1 << 1) | (1 << 2)


class _Killer:
    """Kills this process at an occurrence of an instant."""

    def __init__(self, instant: str | None, nth: int) -> None:
        self._instant = instant
        self._left = nth

    def reach(self, instant: str) -> None:
        """Kill this process if it is the chosen occurrence of the chosen instant."""
        if instant == self._instant:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def break_process(breakage: Breakage) -> None:
    """Install everything that breaks in this process."""
    killer = _Killer(breakage.instant, breakage.nth)
    _break_ledger(killer)
    _break_transport(killer, breakage.twice)
    _break_report(killer)
    if breakage.sabotage is not None:
        _sabotage(breakage.sabotage)
    if breakage.drops_privileges:
        _drop_privileges()
    if breakage.file_limit is not None:
        # Python ignores SIGXFSZ, so a write beyond the limit fails with EFBIG, like one on a full disk with ENOSPC.
        resource.setrlimit(resource.RLIMIT_FSIZE, (breakage.file_limit, breakage.file_limit))


def _replace(owner: object, name: str, make: Callable[[Any], Any]) -> None:
    """Replace a function by what `make` returns for it."""
    setattr(owner, name, make(getattr(owner, name)))


def _break_ledger(killer: _Killer) -> None:
    """Make the commits of lists, intents and results instants, unless they change nothing."""
    writing: list[str] = []

    def with_instants(transaction: Callable[..., Any]) -> Callable[..., Any]:
        @contextmanager
        def wrapped(connection: Any, **options: Any) -> Iterator[None]:
            before = connection.total_changes
            with transaction(connection, **options):
                yield
                changes = connection.total_changes > before
                if writing and changes:
                    killer.reach(f"before_{writing[-1]}_commit")
            if writing and changes:
                killer.reach(f"after_{writing[-1]}_commit")

        return wrapped

    def named(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            writing.append(name)
            try:
                return method(*arguments, **options)
            finally:
                writing.pop()

        return call

    _replace(bulk_topup.ledger.ledger_file, "transaction", with_instants)
    for queries, method, name in COMMITS:
        _replace(queries, method, partial(named, name))


def _break_transport(killer: _Killer, twice: int) -> None:
    """Make the steps of a request that pays instants, and send some of them twice."""
    sent = 0

    def with_sent_instant(write: Callable[..., Any]) -> Callable[..., Any]:
        async def call(request: aiohttp.ClientRequest, *arguments: Any, **options: Any) -> None:
            await write(request, *arguments, **options)
            if request.method == "POST" and _PAYING in request.url.path:
                killer.reach("after_send")

        return call

    def with_instants(send: Callable[..., Any]) -> Callable[..., Any]:
        async def wrapped(transport: HTTPTransport, request: HTTPRequest) -> HTTPResponse:
            nonlocal sent
            if request.method != "POST" or not request.path.startswith(_PAYING):
                return await send(transport, request)  # type: ignore[no-any-return]
            killer.reach("before_send")
            sent += 1
            if twice and sent % twice == 0:
                await send(transport, request)
            response: HTTPResponse = await send(transport, request)
            killer.reach("after_response")
            return response

        return wrapped

    _replace(aiohttp.ClientRequest, "write_bytes", with_sent_instant)
    _replace(HTTPTransport, "send", with_instants)


def _break_report(killer: _Killer) -> None:
    """Make a report that receives rows, and each of its completed files, instants."""

    def with_row_instants(outcome_pages: Callable[..., Iterator[Outcomes]]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Iterator[Outcomes]:
            for page in outcome_pages(*arguments, **options):
                yield page
                killer.reach("in_report")

        return wrapped

    def with_file_instants(atomic_write: Callable[..., Any]) -> Callable[..., Any]:
        @contextmanager
        def wrapped(path: Path) -> Iterator[Path]:
            with atomic_write(path) as temporary:
                yield temporary
            killer.reach("between_report_files")

        return wrapped

    _replace(OutcomeQueries, "pages", with_row_instants)
    _replace(bulk_topup.report.report_writer, "atomic_write", with_file_instants)


def _drop_privileges() -> None:
    """Make file permissions apply to this process even as root (capset(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, of the lower and of the upper 32
    if libc.capget(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    for index in range(3):
        sets[index] &= ~_OVERRIDES_PERMISSIONS
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _sabotage(kind: str) -> None:
    """Introduce a fault that the product must never have."""

    def random_ids(external_id: Callable[..., str]) -> Callable[..., str]:
        return lambda job, _run_key, *rest: external_id(job, secrets.token_hex(8), *rest)

    def second_payment(send: Callable[..., Any]) -> Callable[..., Any]:
        async def pay_again(transport: HTTPTransport, request: HTTPRequest) -> Any:
            response = await send(transport, request)
            if request.body is not None and request.path == _PAYING:
                await send(
                    transport, replace(request, body=request.body.replace(b'"external_id":"', b'"external_id":"x'))
                )
            return response

        return pay_again

    def forgotten_line(outcome_pages: Callable[..., Iterator[Outcomes]]) -> Callable[..., Any]:
        def omit_lines(*arguments: Any, **options: Any) -> Iterator[Outcomes]:
            for page in outcome_pages(*arguments, **options):
                if rows := [row for row in page.rows() if row.line % 5]:
                    yield Outcomes.of(rows)

        return omit_lines

    def blind_to_others(_: object) -> Callable[..., tuple[()]]:
        return lambda *_, **__: ()

    replaced = {
        "random_ids": ((bulk_topup.domain.identity_version, "external_id", random_ids),),
        "second_payment": ((HTTPTransport, "send", second_payment),),
        "forgotten_line": ((OutcomeQueries, "pages", forgotten_line),),
        "blind_to_others": (
            (bulk_topup.app.plan, "compared_runs", blind_to_others),
            (bulk_topup.ledger.compared_runs, "compared_runs", blind_to_others),
        ),
    }
    for owner, name, make in replaced[kind]:
        _replace(owner, name, make)


def main(arguments: Sequence[str]) -> None:
    """Run a command that breaks as the options say; ends the process by SystemExit or a kill."""
    breakage, command_arguments = parse(arguments)
    break_process(breakage)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    except KeyboardInterrupt:  # it arrived during the imports; a command prints the same
        click.echo(INTERRUPTED, err=True)
        sys.exit(ExitCode.RESUMABLE)
    command(command_arguments, prog_name="bulk-topup", obj=JumpingClock(breakage.clock, breakage.pace))


if __name__ == "__main__":
    main(sys.argv[1:])
