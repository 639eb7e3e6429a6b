"""The status of runs on a terminal: all runs in a table, or one run with its totals and next steps."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from bulk_topup.cli.screens.style import bar_of, escape_markup, framed, is_screen, next_steps, states_text
from bulk_topup.cli.screens.summary import charged_lines, failure_lines, summary_table
from bulk_topup.cli.screens.tables import ReadableTable, simple_table
from bulk_topup.domain.environment import format_account
from bulk_topup.domain.run import Run
from bulk_topup.domain.run_names import fold_name
from bulk_topup.domain.states import OPEN_STATES, RowState
from bulk_topup.domain.summary import Summary, summarise_groups
from bulk_topup.domain.verdict import format_rows, named_counts, verdict_of_summary
from bulk_topup.ledger import LedgerStore, is_locked
from bulk_topup.ledger.pause_note import read_pause

#: Columns of the bar of one run, and of those in the table of all runs.
_BAR, _SMALL_BAR = 50, 20
_NAMES: Final = {state: state.value for state in RowState}
#: Fewest columns beside the names of runs in that table; with fewer, what is said of a run is below its name.
_BESIDE_NAME: Final = 55
#: Most runs that are shown without --all.
MAX_RUNS_SHOWN: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class RunStatus:
    """One run at a moment."""

    run: Run
    summary: Summary
    #: Paid or open rows that the list contradicts.
    contradicted: int
    #: Whether a process works on it.
    is_running: bool
    #: Why it pauses; empty if it does not, or if that is unknown.
    pause: str
    #: The last status change, in UTC; None if there is none.
    last_change: datetime | None

    @property
    def is_final(self) -> bool:
        """Whether the run no longer changes automatically."""
        return _is_final(self.summary.counts, is_running=self.is_running)


def _is_final(counts: Mapping[RowState, int], *, is_running: bool) -> bool:
    return not is_running and not any(counts[state] for state in OPEN_STATES)


def load_status(run: Run, ledger: LedgerStore) -> RunStatus:
    """Load the status of a run."""
    # The lock comes first: a run that ends meanwhile is loaded once more, and a final one stays final.
    is_running = is_locked(ledger.path, run.job, run.run_key)
    return RunStatus(
        run=run,
        summary=summarise_groups(run, ledger.outcomes.groups(run)),
        contradicted=ledger.conflicts.count_mismatches(run),
        is_running=is_running,
        pause=read_pause(ledger.path, run.job, run.run_key, ledger.file.clock.now()) if is_running else "",
        last_change=ledger.reports.last_change(run),
    )


def render_status(status: RunStatus, console: Console) -> RenderableType:
    """Return what a terminal shows of one run: verdict, totals, next steps."""
    run, summary = status.run, status.summary
    verdict = verdict_of_summary(
        run,
        summary,
        contradicted=status.contradicted,
        is_running=status.is_running,
    )
    account = escape_markup(format_account(run.environment, run.account))
    lines = [escape_markup(verdict.headline), account, *_lines(console, status)]
    frame = framed(f"Run {run.name}, {run.environment}", verdict.severity, lines, console)
    return Group(frame, summary_table(summary), next_steps(verdict))


def _lines(console: Console, status: RunStatus) -> Iterator[str]:
    run, summary = status.run, status.summary
    if is_screen(console) and summary.rows:
        is_ascii = console.options.ascii_only
        yield bar_of(summary.counts, _BAR, set_aside=summary.set_aside, is_ascii=is_ascii).markup
    yield f"Created {run.created_at:%Y-%m-%d %H:%M} UTC" + (
        f", last change {status.last_change:%Y-%m-%d %H:%M:%S} UTC" if status.last_change else ""
    )
    if status.pause:
        yield f"[bold yellow]{escape_markup(status.pause)}[/]"
    yield from charged_lines(summary)
    yield from failure_lines(summary)
    yield from decision_lines(run)


def decision_lines(run: Run) -> Iterator[str]:
    """Yield what people decided about a run, as sentences in markup."""
    for decision in run.decisions():
        yield escape_markup(f"{decision[:1].upper()}{decision[1:]}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunCounts:
    """The row counts of one run of many at a moment."""

    run: Run
    #: Its rows in each state.
    counts: dict[RowState, int]
    #: Refused rows among them for which nothing is due.
    nothing_due: int
    #: Refused rows among them that are left out as duplicates.
    duplicates: int
    #: Whether a process works on it.
    is_running: bool

    @property
    def is_final(self) -> bool:
        """Whether the run no longer changes automatically."""
        return _is_final(self.counts, is_running=self.is_running)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunChoice:
    """Which runs of a ledger are listed."""

    #: Name of their job; empty for every job.
    job: str = ""
    #: When they were created at the earliest, in UTC; None for any time.
    since: datetime | None = None
    #: Only those with open rows, and those that a process works on.
    is_open: bool = False


def load_counts(ledger: LedgerStore, choice: RunChoice) -> list[RunCounts]:
    """Load the row counts of the chosen runs of a ledger, newest first."""
    found = [
        _counts_of(run, ledger)
        for run in sorted(ledger.runs.all(), key=lambda run: (run.created_at, run.id), reverse=True)
        if (not choice.job or fold_name(run.job) == fold_name(choice.job))
        and (choice.since is None or run.created_at >= choice.since)
    ]
    return [each for each in found if not (choice.is_open and each.is_final)]


def _counts_of(run: Run, ledger: LedgerStore) -> RunCounts:
    nothing_due, duplicates = ledger.rows.set_aside(run)
    return RunCounts(
        run=run,
        is_running=is_locked(ledger.path, run.job, run.run_key),
        counts=ledger.rows.counts(run),
        nothing_due=nothing_due,
        duplicates=duplicates,
    )


def render_runs(runs: Sequence[RunCounts], console: Console, *, is_every_one: bool) -> RenderableType:
    """Return what a terminal shows of several runs: of many only the newest, unless every one is asked for."""
    if not runs:
        return Text("No runs.")
    shown = runs if is_every_one else runs[:MAX_RUNS_SHOWN]
    table = _runs_screen(shown, console) if is_screen(console) else _runs_table(shown)
    if len(shown) == len(runs):
        return table
    return Group(table, Text(f"The newest {len(shown)} of {len(runs):,} runs. To show all, add --all."))


def _runs_table(runs: Sequence[RunCounts]) -> ReadableTable:
    headings = ("run", "environment", "created (UTC)", "rows", "progress")
    return simple_table(headings, map(_progress_row, runs), unbroken=("run",))


def _progress_row(each: RunCounts) -> tuple[object, ...]:
    run, counts = each.run, each.counts
    states = ", ".join(
        f"{count} {name}" for name, count in named_counts(counts, each.nothing_due, each.duplicates) if count
    )
    if run.purged_at is not None:
        states += "; purged"
    if run.closing is not None:
        states += "; closed"
    return run.name, run.environment, run.created_at.strftime("%Y-%m-%d %H:%M"), sum(counts.values()), states


def _runs_screen(runs: Sequence[RunCounts], console: Console) -> RenderableType:
    """Return the table with a bar for each run, in colours; where it is narrow, with one column."""
    names = max(cell_len(each.run.name) for each in runs)
    is_wide = names + _BESIDE_NAME <= console.width
    table = Table(box=None, pad_edge=False, show_header=is_wide)
    for heading in ("run", "done", "rows", "created (UTC)") if is_wide else ("run",):
        table.add_column(heading, overflow="fold", justify="right" if heading == "rows" else "left")
    for each in runs:
        run, counts = each.run, each.counts
        rows, set_aside = sum(counts.values()), each.nothing_due + each.duplicates
        parts = [states_text(counts, each.nothing_due, each.duplicates, names=_NAMES, separator=", ")]
        parts += ["[bold yellow]running[/]"] if each.is_running else []
        parts += ["purged"] if run.purged_at is not None else []
        parts += ["closed"] if run.closing is not None else []
        name = Text.from_markup(f"[bold]{escape_markup(run.name)}[/]\n[dim]{run.environment}[/]", emoji=False)
        share = f"{100 * (counts[RowState.COMPLETED] + set_aside) // rows}%" if rows else ""
        bar = bar_of(counts, _SMALL_BAR, set_aside=set_aside, is_ascii=console.options.ascii_only)
        done = Text("\n").join(
            [
                Text.assemble(bar, f" {share}"),
                Text.from_markup(", ".join(filter(None, parts))),
            ]
        )
        created = f"{run.created_at:%Y-%m-%d %H:%M}"
        if is_wide:
            table.add_row(name, done, f"{rows:,}", created)
        else:
            table.add_row(Text("\n").join([name, Text(f"{format_rows(rows)}, created {created} UTC"), done, Text()]))
    return table
