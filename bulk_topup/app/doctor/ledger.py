"""Checks the ledger's file, its open rows and its PIN keys; changes nothing."""

import os
import shlex
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from bulk_topup.app.doctor.findings import CheckStatus, Finding
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import OPEN_STATES, RowState
from bulk_topup.domain.verdict import run_arguments
from bulk_topup.errors import LedgerError, PinKeyError
from bulk_topup.ledger import Health, LedgerStore, examine, spelled
from bulk_topup.ledger.pin_keys import PinKeys, load_pin_keys
from bulk_topup.system.files import OWNER_ONLY

_MIB: Final = 1024 * 1024
#: Bytes of the write-ahead log above which a process keeps SQLite from merging it into the ledger.
LARGE_LOG: Final = 256 * _MIB
#: Most runs that a message names.
_RUNS_NAMED: Final = 5


def examine_ledger(path: Path) -> Iterator[Finding]:
    """Check a ledger and the keys of its PINs.

    Args:
        path: the SQLite file, which need not exist.
    """
    try:
        keys = load_pin_keys()
    except PinKeyError as error:
        yield Finding(check="PIN key", status=CheckStatus.BAD, message=str(error))
        return
    if not path.exists():
        yield Finding(
            check="ledger", status=CheckStatus.OK, message=f"No ledger at {path} yet. The first run creates it."
        )
        yield _pin_keys(keys, frozenset(), path)
        return
    try:
        health = examine(path)
        with LedgerStore(path, read_only=True) as ledger:
            counts = [(run, ledger.rows.counts(run)) for run in ledger.runs.all()]
            indistinct = ledger.runs.indistinct()
    except LedgerError as error:
        yield Finding(
            check="ledger",
            status=CheckStatus.BAD,
            message=str(error),
            fix="Do not pay its lists with another ledger before you know what this one has.",
        )
        return
    yield _health(path, health, len(counts))
    yield from _modes(path)
    yield from _runs(counts)
    yield from _names(indistinct)
    yield _pin_keys(keys, health.pin_keys, path)


def _health(path: Path, health: Health, runs: int) -> Finding:
    sizes = f"{health.size / _MIB:,.1f} MiB, its log {health.log_size / _MIB:,.1f} MiB"
    if health.problems:
        return Finding(
            check="ledger",
            status=CheckStatus.BAD,
            message=f"{path} is damaged: {'; '.join(health.problems)}.",
            fix="Start no run. Restore a copy, or rebuild the runs with `bulk-topup reconcile --rebuild LIST`: the "
            "same list has the same external IDs, so payments are found.",
        )
    if health.log_size > LARGE_LOG:
        return Finding(
            check="ledger",
            status=CheckStatus.WARN,
            message=f"{path} is sound ({sizes}).",
            fix="Find the process that keeps the ledger open, and end it: the log grows while a process reads.",
        )
    count = "1 run" if runs == 1 else f"{runs:,} runs"
    return Finding(check="ledger", status=CheckStatus.OK, message=f"{path} is sound ({sizes}, {count}).")


def _runs(counts: Sequence[tuple[Run, Mapping[RowState, int]]]) -> Iterator[Finding]:
    arguments = {run.name: run_arguments(run) for run, _ in counts}
    open_runs = {run.name: total for run, of in counts if (total := sum(of[state] for state in OPEN_STATES))}
    conflicts = {run.name: of[RowState.CONFLICT] for run, of in counts if of[RowState.CONFLICT]}
    if open_runs:
        yield Finding(
            check="runs",
            status=CheckStatus.WARN,
            message=f"Rows are open: {_name_runs(open_runs)}.",
            fix=f"Resume with `bulk-topup resume {arguments[next(iter(open_runs))]}`, unless the run is running.",
        )
    if conflicts:
        yield Finding(
            check="runs",
            status=CheckStatus.WARN,
            message=f"Rows need review: {_name_runs(conflicts)}.",
            fix=f"List them with `bulk-topup conflict list {arguments[next(iter(conflicts))]}`.",
        )
    if not open_runs and not conflicts:
        yield Finding(check="runs", status=CheckStatus.OK, message="No run has open rows or conflicts.")


def _names(indistinct: Sequence[Sequence[Run]]) -> Iterator[Finding]:
    """Check that no two runs of earlier versions have names that nobody can tell apart."""
    for runs in indistinct[:_RUNS_NAMED]:
        yield Finding(
            check="run names",
            status=CheckStatus.WARN,
            message=f"Nobody can tell these names apart: {', '.join(map(spelled, runs))}. A start that names one of "
            "them is refused.",
            fix=f"Give one of them another run key: `bulk-topup ledger rename {run_arguments(runs[-1])} NEW-RUN-KEY`.",
        )


def _modes(path: Path) -> Iterator[Finding]:
    """Check that only the owner can read the ledger's files; they are not opened, which could drop locks."""
    for file in (path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))):
        try:
            found = file.stat()
        except FileNotFoundError:
            continue
        mode = stat.S_IMODE(found.st_mode)
        if mode & ~OWNER_ONLY:
            yield Finding(
                check="ledger's files",
                status=CheckStatus.WARN,
                message=f"Others can read {file} (mode {mode:o}).",
                fix=f"Make it private with `chmod 600 {file}`.",
            )
        elif found.st_uid != os.geteuid():
            yield Finding(
                check="ledger's files",
                status=CheckStatus.WARN,
                message=f"{file} belongs to another user.",
                fix="Start runs as the user who owns the ledger.",
            )


def _name_runs(runs: dict[str, int]) -> str:
    named = ", ".join(f"{count:,} of {name}" for name, count in list(runs.items())[:_RUNS_NAMED])
    return f"{named} and {len(runs) - _RUNS_NAMED:,} more runs" if len(runs) > _RUNS_NAMED else named


def _pin_keys(keys: PinKeys, used: frozenset[str], path: Path) -> Finding:
    if missing := sorted(used - set(keys.ids)):
        return Finding(
            check="PIN key",
            status=CheckStatus.BAD,
            message=f"PINs are encrypted with the key {', '.join(missing)}, which is not in {keys.where}.",
            fix=f"Restore that key. If it is lost, continue without it: `bulk-topup pin-key rotate "
            f"--ledger {shlex.quote(str(path))}`.",
        )
    if not keys.ids:
        return Finding(
            check="PIN key",
            status=CheckStatus.OK,
            message=f"No key in {keys.where} yet. The first run creates it.",
        )
    return Finding(
        check="PIN key", status=CheckStatus.OK, message=f"{keys.ids[0]} is in {keys.where}. Keep a copy of it."
    )
