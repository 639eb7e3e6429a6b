"""Checks the ledger's file, its rows that are still open, and the keys of its PINs; changes nothing."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bulk_topup.app.doctor.findings import CheckStatus, Finding
from bulk_topup.domain.states import OPEN_STATES, RowState
from bulk_topup.errors import LedgerError, PinKeyError
from bulk_topup.ledger import LedgerStore, examine
from bulk_topup.ledger.pin_keys import PinKeys, load_pin_keys
from bulk_topup.system.files import OWNER_ONLY

_MIB: Final = 1024 * 1024
#: Bytes of the write-ahead log after which something keeps SQLite from folding it into the ledger.
LARGE_LOG: Final = 256 * _MIB
#: Runs that a sentence names.
_RUNS_NAMED: Final = 5


def examine_ledger(path: Path) -> Iterator[Finding]:
    """Check a ledger.

    Args:
        path: the SQLite file, which need not be there yet.
    """
    try:
        keys = load_pin_keys()
    except PinKeyError as error:
        yield Finding(check="PIN key", verdict=CheckStatus.BAD, message=str(error))
        return
    if not path.exists():
        yield Finding(
            check="ledger", verdict=CheckStatus.OK, message=f"There is none at {path} yet; the first run makes it."
        )
        yield _pin_keys(keys, frozenset(), path)
        return
    try:
        health = examine(path)
        with LedgerStore(path, read_only=True) as ledger:
            counts = [(run, ledger.rows.counts(run)) for run in ledger.runs.all()]
    except LedgerError as error:
        yield Finding(
            check="ledger",
            verdict=CheckStatus.BAD,
            message=str(error),
            cure="Pay its lists with no other ledger before you know what this one holds.",
        )
        return
    sizes = f"{health.size / _MIB:,.1f} MiB, its log {health.log_size / _MIB:,.1f} MiB"
    if health.problems:
        yield Finding(
            check="ledger",
            verdict=CheckStatus.BAD,
            message=f"{path} is damaged: {'; '.join(health.problems)}.",
            cure="Start no run. Bring back a copy, or begin anew: the same lists give the same external ids, so that "
            "`bulk-topup reconcile --rebuild LIST` finds what was paid.",
        )
    elif health.log_size > LARGE_LOG:
        yield Finding(
            check="ledger",
            verdict=CheckStatus.WARN,
            message=f"{path} is sound ({sizes}).",
            cure="Look for a process that keeps the ledger open, and end it: its log only grows while one reads.",
        )
    else:
        yield Finding(check="ledger", verdict=CheckStatus.OK, message=f"{path} is sound ({sizes}, {len(counts)} runs).")
    yield from _modes(path)
    open_runs = {run.name: total for run, of in counts if (total := sum(of[state] for state in OPEN_STATES))}
    conflicts = {run.name: of[RowState.CONFLICT] for run, of in counts if of[RowState.CONFLICT]}
    if open_runs:
        yield Finding(
            check="runs",
            verdict=CheckStatus.WARN,
            message=f"Rows are open: {_named(open_runs)}.",
            cure=f"Unless a run is on, go on with `bulk-topup resume {next(iter(open_runs))}`.",
        )
    if conflicts:
        yield Finding(
            check="runs",
            verdict=CheckStatus.WARN,
            message=f"A person has to look at rows: {_named(conflicts)}.",
            cure=f"See `bulk-topup conflict list {next(iter(conflicts))}`.",
        )
    if not open_runs and not conflicts:
        yield Finding(check="runs", verdict=CheckStatus.OK, message="No run has open rows or conflicts.")
    yield _pin_keys(keys, health.pin_keys, path)


def _modes(path: Path) -> Iterator[Finding]:
    """Check that the ledger's files are their owner's alone; nothing of them is opened, which could drop locks."""
    for file in (path, *(path.with_name(path.name + ending) for ending in ("-wal", "-shm"))):
        try:
            found = file.stat()
        except FileNotFoundError:
            continue
        mode = stat.S_IMODE(found.st_mode)
        if mode & ~OWNER_ONLY:
            yield Finding(
                check="ledger's files",
                verdict=CheckStatus.WARN,
                message=f"{file} can be used by others (mode {mode:o}).",
                cure=f"Make it private: chmod 600 {file}",
            )
        elif found.st_uid != os.geteuid():
            yield Finding(
                check="ledger's files",
                verdict=CheckStatus.WARN,
                message=f"{file} belongs to another user.",
                cure="Start runs as the user that owns the ledger.",
            )


def _named(runs: dict[str, int]) -> str:
    named = ", ".join(f"{count} of {name}" for name, count in list(runs.items())[:_RUNS_NAMED])
    return f"{named} and of {len(runs) - _RUNS_NAMED} runs more" if len(runs) > _RUNS_NAMED else named


def _pin_keys(keys: PinKeys, used: frozenset[str], path: Path) -> Finding:
    if missing := sorted(used - set(keys.ids)):
        return Finding(
            check="PIN key",
            verdict=CheckStatus.BAD,
            message=f"PINs are encrypted with the key {', '.join(missing)}, which is not in {keys.where}.",
            cure=f"Bring that key back; if it is lost, `bulk-topup pin-key rotate --ledger {path}` goes on without it.",
        )
    if not keys.ids:
        return Finding(
            check="PIN key",
            verdict=CheckStatus.OK,
            message=f"There is none in {keys.where} yet; the first run makes it.",
        )
    return Finding(
        check="PIN key", verdict=CheckStatus.OK, message=f"{keys.ids[0]} is in {keys.where}. Keep a copy of it."
    )
