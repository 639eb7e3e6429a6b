"""How a run stands in a sentence, what that means for whoever started it, and what to do next; pure."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bulk_topup.domain.environment import Environment, default_ledger
from bulk_topup.domain.report_files import not_completed_name
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import OPEN_STATES, RowState


class Severity(StrEnum):
    """How good a piece of news is."""

    #: Nothing is left to do.
    GOOD = "good"
    #: It is not over.
    OPEN = "open"
    #: A person has to do something.
    BAD = "bad"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What to do next."""

    #: A sentence, or the beginning of one that the command ends.
    text: str
    #: The command that does it; empty where it takes more than one.
    command: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunVerdict:
    """What a person has to know of a run first."""

    tone: Severity
    #: One sentence.
    headline: str
    #: What the exit code of a start that ends so is, and what it means, as a sentence.
    ending: str
    #: What to do next, the most pressing first.
    steps: tuple[Step, ...]


_ENDINGS: Final = {
    Severity.GOOD: "A start that ends like this has the exit code 0: all rows completed.",
    Severity.OPEN: "A start that ends like this has the exit code 75, or 4 where the provider stopped it: rows are "
    "open.",
    Severity.BAD: "A start that ends like this has the exit code 1: it is finished, and some rows did not complete.",
}


def run_arguments(run: Run) -> str:
    """Give the words by which a command finds a run again: its name, its environment and its ledger, where needed."""
    words = [shlex.quote(run.name)]
    environment = Environment(run.environment)
    if environment != Environment.SANDBOX:
        words.append(f"--env {environment}")
    if run.ledger is not None and run.ledger != default_ledger(environment):
        words.append(f"--ledger {shlex.quote(str(run.ledger))}")
    return " ".join(words)


def format_rows(number: int) -> str:
    """Give a number of rows in words: `1 row`, `1,200 rows`."""
    return f"{number:,} {'row' if number == 1 else 'rows'}"


def verdict_of(
    run: Run, counts: Mapping[RowState, int], *, contradicted: int, is_under_way: bool = False
) -> RunVerdict:
    """Judge a run by the number of its rows in each state.

    Args:
        run: the run.
        counts: its rows in each state, all states named.
        contradicted: paid or open rows that the list contradicts.
        is_under_way: a process works on it.
    """
    rows, completed = sum(counts.values()), counts[RowState.COMPLETED]
    open_ = sum(counts[state] for state in OPEN_STATES)
    of_all = f"{completed:,} of {format_rows(rows)} {'is' if completed == 1 else 'are'} completed"
    if is_under_way:
        tone, headline = Severity.OPEN, f"Under way: {of_all}, {open_:,} are open."
    elif open_:
        tone, headline = Severity.OPEN, f"Not finished: {of_all}, {open_:,} still open."
    elif completed < rows:
        tone, headline = Severity.BAD, f"Finished: {of_all}, {rows - completed:,} did not complete."
    elif contradicted:
        tone = Severity.BAD
        headline = f"Finished: {of_all}, and the list contradicts {contradicted:,} of them."
    else:
        tone = Severity.GOOD
        headline = f"All done: {of_all}." if rows else "The run has no rows."
    return RunVerdict(
        tone=tone,
        headline=headline,
        ending=_ENDINGS[tone],
        steps=() if is_under_way else tuple(_steps(run, counts, contradicted)),
    )


def _steps(run: Run, counts: Mapping[RowState, int], contradicted: int) -> Iterator[Step]:
    if run.purged_at is not None:
        if counts[RowState.COMPLETED] < sum(counts.values()):
            yield Step(text="Its people were forgotten, so it is never sent again: pay whom it owes by another run.")
        return
    name = run_arguments(run)
    if strange := counts[RowState.CONFLICT] + contradicted:
        yield Step(text=f"A person has to look at {format_rows(strange)}:", command=f"bulk-topup conflict list {name}")
    if open_ := sum(counts[state] for state in OPEN_STATES):
        yield Step(
            text=f"Go on with {format_rows(open_)} still open, and pay none of them by other means:",
            command=f"bulk-topup resume {name}",
        )
    if failed := counts[RowState.FAILED]:
        yield Step(
            text=f"Try again what may fare better of {format_rows(failed)} that failed:",
            command=f"bulk-topup retry {name}",
        )
    if wrong := counts[RowState.FAILED] + counts[RowState.REFUSED]:
        yield Step(
            text=f"Correct what is wrong with {format_rows(wrong)} in {not_completed_name(run)}, which lies with the "
            "report, and start the list again with --corrections and that file."
        )
    if reversed_ := counts[RowState.REVERSED]:
        yield Step(text=f"Ask the provider why it took {format_rows(reversed_)} back before anything is paid anew.")
