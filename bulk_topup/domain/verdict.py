"""State how a run ended, what that means for its exit code, and what to do next, in sentences for people; pure."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bulk_topup.domain.decline_advice import may_succeed as may_succeed_of
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.list_command import list_command, place_options
from bulk_topup.domain.report_files import not_completed_name
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import OPEN_STATES, RowState
from bulk_topup.domain.summary import Summary
from bulk_topup.domain.total import LEFT_OUT, NOTHING_DUE

#: A conflict was perhaps paid, and a reversed row was paid once: neither is called failed.
REVIEW_STATES: Final = frozenset({RowState.CONFLICT, RowState.REVERSED})


class Severity(StrEnum):
    """How urgent the state of a run is."""

    #: Nothing to do.
    GOOD = "good"
    #: Rows are open.
    OPEN = "open"
    #: A person has to act.
    BAD = "bad"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What to do next."""

    #: A sentence; ends with a colon where a command follows.
    text: str
    #: The command that does it; empty where one command is not enough.
    command: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunVerdict:
    """What a person needs to know of a run first."""

    severity: Severity
    #: One sentence.
    headline: str
    #: The exit code of a command that ends with the run in this state, and what it means, as a sentence.
    ending: str
    #: What to do next, most urgent first.
    steps: tuple[Step, ...]


#: One account may owe nothing; if none does, it is more likely that they were asked for in the wrong way.
_STEPS_IF_IDLE: Final = (
    Step(
        text="If bills are expected, check the product, the account numbers and qualifiers. Then run again with "
        "--statement-max-age 0, which asks DVS again."
    ),
)
_ENDINGS: Final = {
    Severity.GOOD: f"Exit code {ExitCode.ALL_COMPLETED:d}: all rows completed, or nothing is due.",
    Severity.OPEN: (
        f"Exit code {ExitCode.RESUMABLE:d}, or {ExitCode.STOPPED_BY_PROVIDER:d} if DVS stopped the run: rows are open."
    ),
    Severity.BAD: f"Exit code {ExitCode.INCOMPLETE:d}: the run is finished, but rows failed, were refused or need "
    "review.",
}


def run_arguments(run: Run) -> str:
    """Return the arguments that identify a run to a command: its name, --env, and if needed --base-url and --ledger."""
    return shlex.join([run.name, *place_options(run)])


def format_rows(number: int) -> str:
    """Return a number of rows for people: `1 row`, `1,200 rows`."""
    return f"{number:,} {'row' if number == 1 else 'rows'}"


def format_counts(
    counts: Mapping[RowState, int], *, contradicted: int = 0, nothing_due: int = 0, duplicates: int = 0
) -> str:
    """Return how many rows have which outcome, for people: `230 of 250 rows completed, 18 failed, 2 need review`.

    Args:
        counts: the run's rows in each state, all states named.
        contradicted: paid or open rows that the list contradicts; they need review, whatever their state.
        nothing_due: refused rows for which nothing is due.
        duplicates: refused rows that are left out as duplicates.
    """
    review = sum(counts[state] for state in REVIEW_STATES) + contradicted
    parts = [
        (sum(counts[state] for state in OPEN_STATES), "open"),
        (counts[RowState.FAILED], "failed"),
        (counts[RowState.REFUSED] - nothing_due - duplicates, "refused"),
        (nothing_due, "with nothing due"),
        (duplicates, "left out as duplicate" if duplicates == 1 else LEFT_OUT),
        (review, "needs review" if review == 1 else "need review"),
    ]
    first = f"{counts[RowState.COMPLETED]:,} of {format_rows(sum(counts.values()))} completed"
    return ", ".join([first, *(f"{number:,} {outcome}" for number, outcome in parts if number)])


def named_counts(counts: Mapping[RowState, int], nothing_due: int, duplicates: int = 0) -> list[tuple[str, int]]:
    """Return how many rows are in each state, by its name; refused rows that need nothing are apart.

    Args:
        counts: rows in each state.
        nothing_due: refused rows for which nothing is due.
        duplicates: refused rows that are left out as duplicates.
    """
    aside = [(NOTHING_DUE, nothing_due), (LEFT_OUT, duplicates)]
    refused = counts.get(RowState.REFUSED, 0) - nothing_due - duplicates
    named = [(state.value, refused if state is RowState.REFUSED else count) for state, count in counts.items()]
    return named + [each for each in aside if each[1]]


def verdict_of(
    run: Run,
    counts: Mapping[RowState, int],
    *,
    contradicted: int,
    repeats: int = 0,
    nothing_due: int = 0,
    duplicates: int = 0,
    may_succeed: int = 0,
    unknown_charges: int = 0,
    is_running: bool = False,
    command: str = "",
) -> RunVerdict:
    """Return what a person needs to know of a run, by the number of its rows in each state.

    Args:
        run: the run.
        counts: its rows in each state, all states named.
        contradicted: paid or open rows that the list contradicts.
        repeats: refused rows that repeat payments of other runs.
        nothing_due: refused rows for which nothing is due, and that need nothing else.
        duplicates: refused rows that are left out as duplicates, and that need nothing else.
        may_succeed: failed rows that `retry` sends without options.
        unknown_charges: completed rows for which DVS states no price.
        is_running: whether a process works on it.
        command: the command line that pays these rows again; empty for one that is made of what the run keeps.
    """
    rows = sum(counts.values())
    text = format_counts(counts, contradicted=contradicted, nothing_due=nothing_due, duplicates=duplicates)
    # They are neither to fix nor to pay.
    unpaid = {**counts, RowState.REFUSED: counts[RowState.REFUSED] - nothing_due - duplicates}
    if unknown_charges:
        text = f"{text}, charge of {format_rows(unknown_charges)} unknown"
    if run.closing is not None:
        text = f"closed, {text}"
    is_idle = 0 < nothing_due == rows - duplicates
    if is_running:
        severity, headline = Severity.OPEN, f"Running: {text}."
    elif any(counts[state] for state in OPEN_STATES):
        severity, headline = Severity.OPEN, f"Incomplete: {text}."
    elif counts[RowState.COMPLETED] + nothing_due + duplicates < rows or contradicted:
        severity, headline = Severity.BAD, f"{text[:1].upper()}{text[1:]}."
    elif is_idle:
        severity, headline = Severity.OPEN, f"Nothing was paid, as nothing is due for any row: {text}."
    else:
        severity, headline = Severity.GOOD, f"All done: {text}." if rows else "The run has no rows."
    return RunVerdict(
        severity=severity,
        headline=headline,
        ending=_ENDINGS[Severity.GOOD if is_idle and not is_running else severity],
        steps=()
        if is_running
        else (
            *_steps(run, unpaid, contradicted, repeats, may_succeed, command),
            *_steps_for_charges(run, unknown_charges),
            *(_STEPS_IF_IDLE if is_idle else ()),
        ),
    )


def verdict_of_summary(
    run: Run, summary: Summary, *, contradicted: int, is_running: bool = False, command: str = ""
) -> RunVerdict:
    """Return what a person needs to know of a run, as `verdict_of` does, by its summary."""
    return verdict_of(
        run,
        summary.counts,
        contradicted=contradicted,
        repeats=summary.repeats,
        nothing_due=summary.nothing_due,
        duplicates=summary.duplicates,
        may_succeed=may_succeed_of(summary.failures),
        unknown_charges=summary.unknown_charges,
        is_running=is_running,
        command=command,
    )


def _steps_for_charges(run: Run, unknown_charges: int) -> Iterator[Step]:
    if unknown_charges:
        yield Step(
            text=(
                f"No price from DVS for {format_rows(unknown_charges)}. Ask DT One what was charged, and compare the "
                "wallet:"
            ),
            command=f"bulk-topup reconcile {run_arguments(run)}",
        )


def _steps(
    run: Run, counts: Mapping[RowState, int], contradicted: int, repeats: int, may_succeed: int, command: str
) -> Iterator[Step]:
    if run.purged_at is not None:
        if counts[RowState.COMPLETED] < sum(counts.values()):
            yield Step(text="Personal data purged; the run can't be sent again. Pay what is unpaid in another run.")
        return
    name = run_arguments(run)
    if review := counts[RowState.CONFLICT] + contradicted:
        yield Step(
            text=f"{format_rows(review)} {'needs' if review == 1 else 'need'} review:",
            command=f"bulk-topup conflict list {name}",
        )
    if open_ := sum(counts[state] for state in OPEN_STATES):
        yield Step(
            text=f"Resume {open_:,} open {'row; do not pay it' if open_ == 1 else 'rows; do not pay them'} "
            "by other means:",
            command=f"bulk-topup resume {name}",
        )
    if run.closing is not None:
        if unpaid := counts[RowState.FAILED] + counts[RowState.REFUSED]:
            yield Step(
                text=f"The run is closed, and {format_rows(unpaid)} of it not paid. To pay them, put them into a list "
                "of their own, and run that list with another --run-key."
            )
    else:
        yield from _steps_to_fix(run, counts, name, repeats, may_succeed, command)
    if reversed_ := counts[RowState.REVERSED]:
        yield Step(text=f"{format_rows(reversed_)} reversed. Ask DT One why before paying again.")


def _steps_to_fix(
    run: Run, counts: Mapping[RowState, int], name: str, repeats: int, may_succeed: int, command: str
) -> Iterator[Step]:
    if may_succeed:
        yield Step(
            text=f"Retry {format_rows(may_succeed)} that may succeed ({counts[RowState.FAILED]:,} failed):",
            command=f"bulk-topup retry {name}",
        )
    if repeats:
        verb, them = ("repeats a payment", "it") if repeats == 1 else ("repeat payments", "them")
        again = command or list_command(run, "--pay-again", "REASON")
        how = ":" if again else f", with the job file of {run.job} and --pay-again REASON."
        yield Step(
            text=f"{format_rows(repeats)} {verb} of other runs. To pay {them} again on purpose{how}", command=again
        )
    if wrong := counts[RowState.FAILED] - may_succeed + counts[RowState.REFUSED] - repeats:
        file = not_completed_name(run)
        fix = f"{format_rows(wrong)} to fix in {file}, in the report folder. Fix {'it' if wrong == 1 else 'them'}"
        how = "in its list, then run that again" if run.parts else "then run the list with --corrections and that file"
        yield Step(text=f"{fix}{' ' if run.parts else ', '}{how}.")
