"""How the ledger's runs stand, as `status` shows it: all of them in a table, or one with what to do next."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from bulk_topup.cli.screens.style import STATE_STYLES, bar_of, escape_markup, framed, is_screen, next_steps
from bulk_topup.cli.screens.summary import charged_lines, summary_table
from bulk_topup.cli.screens.tables import simple_table
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import OPEN_STATES, RowState
from bulk_topup.domain.summary import Summary, summarise_groups
from bulk_topup.domain.verdict import verdict_of
from bulk_topup.ledger import LedgerStore, is_locked

#: Columns of the bar of one run, and of those in the table of all.
_BAR, _SMALL_BAR = 50, 20


@dataclass(frozen=True, kw_only=True, slots=True)
class RunStatus:
    """How one run stands at a moment."""

    run: Run
    summary: Summary
    #: Paid or open rows that the list contradicts.
    contradicted: int
    #: A process is seen to work on it.
    is_under_way: bool
    #: When something changed of it last, in UTC; None where that is long ago.
    last_change: datetime | None

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it by itself."""
        return _is_over(self.summary.counts, is_under_way=self.is_under_way)


def _is_over(counts: Mapping[RowState, int], *, is_under_way: bool) -> bool:
    return not is_under_way and not any(counts[state] for state in OPEN_STATES)


def load_status(run: Run, ledger: LedgerStore) -> RunStatus:
    """Look at a run."""
    # First: a run that ends meanwhile is looked at once more, and one that was over stays so.
    is_under_way = is_locked(ledger.path, run.job, run.run_key)
    return RunStatus(
        run=run,
        summary=summarise_groups(run, ledger.outcomes.groups(run)),
        contradicted=ledger.conflicts.count_mismatches(run),
        is_under_way=is_under_way,
        last_change=ledger.reports.last_change(run),
    )


def standing_shown(standing: RunStatus, console: Console) -> RenderableType:
    """Show how one run stands: what matters most, then its sums."""
    run, summary = standing.run, standing.summary
    verdict = verdict_of(run, summary.counts, contradicted=standing.contradicted, is_under_way=standing.is_under_way)
    lines = [escape_markup(verdict.headline), *_lines(console, standing)]
    frame = framed(f"Run {run.name}, {run.environment}", verdict.tone, lines, console)
    return Group(frame, summary_table(summary), next_steps(verdict))


def _lines(console: Console, standing: RunStatus) -> Iterator[str]:
    run, summary = standing.run, standing.summary
    if is_screen(console) and summary.rows:
        yield bar_of(summary.counts, _BAR, is_ascii=console.options.ascii_only).markup
    yield f"Begun {run.created_at:%Y-%m-%d %H:%M} UTC" + (
        f", last change {standing.last_change:%Y-%m-%d %H:%M:%S} UTC" if standing.last_change else ""
    )
    yield from charged_lines(summary)
    if run.purged_at is not None:
        yield purge_line(run)


def purge_line(run: Run) -> str:
    """Say that a run's people are forgotten."""
    return f"The personal data of this run was removed at {run.purged_at:%Y-%m-%d %H:%M} UTC; it is never sent again."


@dataclass(frozen=True, kw_only=True, slots=True)
class RunCounts:
    """How far one run of many is at a moment."""

    run: Run
    #: Its rows in each state.
    counts: dict[RowState, int]
    #: A process is seen to work on it.
    is_under_way: bool

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it by itself."""
        return _is_over(self.counts, is_under_way=self.is_under_way)


def all_counts(ledger: LedgerStore) -> list[RunCounts]:
    """Look at all runs of a ledger, oldest first."""
    return [
        RunCounts(run=run, is_under_way=is_locked(ledger.path, run.job, run.run_key), counts=ledger.rows.counts(run))
        for run in ledger.runs.all()
    ]


def runs_shown(runs: Sequence[RunCounts], console: Console) -> RenderableType:
    """Show how far the runs are."""
    return _runs_screen(runs, console) if is_screen(console) else _runs_table(runs)


def _runs_table(runs: Sequence[RunCounts]) -> Table:
    headings = ("run", "environment", "begun (UTC)", "rows", "progress")
    return simple_table(headings, map(_progress_row, runs), unbroken=("run",))


def _progress_row(seen: RunCounts) -> tuple[object, ...]:
    run, counts = seen.run, seen.counts
    states = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    if run.purged_at is not None:
        states += "; purged"
    return run.name, run.environment, run.created_at.strftime("%Y-%m-%d %H:%M"), sum(counts.values()), states


def _runs_screen(runs: Sequence[RunCounts], console: Console) -> Table:
    """Give the same with a bar for each run, and in colours."""
    table = Table(box=None, pad_edge=False)
    for heading in ("run", "done", "rows", "begun (UTC)"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "rows" else "left")
    for seen in runs:
        run, counts = seen.run, seen.counts
        rows = sum(counts.values())
        told = [f"[{STATE_STYLES[state]}]{count:,} {state}[/]" for state, count in counts.items() if count]
        told += ["[bold yellow]under way[/]"] if seen.is_under_way else []
        told += ["purged"] if run.purged_at is not None else []
        name = Text.from_markup(f"[bold]{escape_markup(run.name)}[/]\n[dim]{run.environment}[/]", emoji=False)
        share = f"{100 * counts[RowState.COMPLETED] // rows}%" if rows else ""
        done = Text("\n").join(
            [
                Text.assemble(bar_of(counts, _SMALL_BAR, is_ascii=console.options.ascii_only), f" {share}"),
                Text.from_markup(", ".join(told)),
            ]
        )
        table.add_row(name, done, f"{rows:,}", f"{run.created_at:%Y-%m-%d %H:%M}")
    return table
