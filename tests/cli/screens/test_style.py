"""What a terminal shows: bars, progress, forecasts, frames, next steps."""

from decimal import Decimal
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bulk_topup.cli.screens.forecast import Forecast, RequestRate, format_remaining
from bulk_topup.cli.screens.progress import RunScreen, progress_json, progress_line
from bulk_topup.cli.screens.style import bar_of, framed, is_live, next_steps
from bulk_topup.domain.guards import Caps
from bulk_topup.domain.states import RowState
from bulk_topup.domain.verdict import RunVerdict, Severity, Step
from bulk_topup.dvs.learned_rate import RateSource
from bulk_topup.engine import Progress

COUNTS = st.fixed_dictionaries({state: st.integers(0, 2_000_000) for state in RowState})


def snapshot(
    requests: int = 0,
    *,
    throttled: int = 0,
    rate: float = 99.0,
    limit: int | None = 100,
    message: str = "",
    warning: str = "",
    low_balance: str = "",
    planned: dict[str, Decimal] | None = None,
    taken: dict[str, Decimal] | None = None,
    amounts: dict[str, Decimal] | None = None,
    costs: dict[str, Decimal] | None = None,
    nothing_due: int = 0,
    duplicates: int = 0,
    **counts: int,
) -> Progress:
    """Return the progress of a run with so many rows in each state."""
    return Progress(
        counts={state: counts.get(state.value, 0) for state in RowState},
        nothing_due=nothing_due,
        duplicates=duplicates,
        requests=requests,
        responses=requests,
        throttled=throttled,
        rate=rate,
        limit=limit,
        rate_source=RateSource.STATED,
        message=message,
        warning=warning,
        low_balance=low_balance,
        taken=taken or {},
        planned=planned or {},
        amounts=amounts or {},
        costs=costs or {},
    )


def console(width: int = 80, **options: object) -> Console:
    return Console(file=StringIO(), force_terminal=True, width=width, emoji=False, _environ={}, **options)  # type: ignore[arg-type]


def rendered(progress: Progress, *, width: int = 80, caps: Caps | None = None, **available: Decimal) -> list[str]:
    screen = RunScreen(caps=caps or Caps(), available=available, started=0.0)
    return screen.render(progress, 72.0, console(width)).plain.split("\n")


def test_duplicates_that_are_left_out_are_not_refused_on_the_screen_of_a_run() -> None:
    lines = rendered(snapshot(completed=1, refused=3, nothing_due=1, duplicates=1))
    assert lines[1] == "1 completed  1 refused  1 nothing due  1 left out as duplicates"
    progress = snapshot(completed=1, refused=1, duplicates=1)
    assert progress_line("list/pay", progress, 1).startswith(
        "[1 s] Run list/pay: 1 completed, 1 left out as duplicates;"
    )
    assert progress_json("list/pay", progress, 1)["duplicates_left_out"] == 1
    assert bar_of(progress.counts, 10, set_aside=1, is_ascii=True).plain == "#####-----"


@given(counts=COUNTS, width=st.integers(10, 200), is_ascii=st.booleans())
def test_a_bar_is_as_wide_as_requested_and_hides_no_kind_of_row(
    counts: dict[RowState, int], width: int, is_ascii: bool
) -> None:
    bar = bar_of(counts, width, is_ascii=is_ascii).plain
    assert len(bar) == (width if any(counts.values()) else 0)
    assert bar.isascii() or not is_ascii
    for states, signs in (
        ((RowState.COMPLETED,), "█#"),
        ((RowState.FAILED, RowState.REFUSED, RowState.REVERSED, RowState.CONFLICT), "▓x"),
        ((RowState.ACCEPTED, RowState.IN_FLIGHT), "▒+"),
        ((RowState.PENDING,), "░."),
    ):
        assert any(sign in bar for sign in signs) is any(counts[state] for state in states)


def test_a_run_is_shown_with_bar_states_rate_and_time() -> None:
    lines = rendered(
        snapshot(7_000, throttled=2, pending=50, in_flight=3, accepted=7, completed=30, failed=10, refused=5)
    )
    assert lines[0].split("  ")[0] == "█" * 13 + "▓" * 4 + "▒" * 4 + "░" * 25
    assert lines[0].endswith(" 40% 40 of 100 final")
    assert lines[1] == "30 completed  10 failed  7 accepted  3 outcome unknown  50 not sent  5 refused"
    assert lines[2] == "0/100 requests/s, 2 throttled  0:01:12 elapsed"


def test_a_rate_below_the_limit_is_shown_with_the_limit() -> None:
    assert rendered(snapshot(rate=42.4))[2].startswith("0/42 requests/s (rate limit 100)")
    assert rendered(snapshot(rate=10, limit=None))[2].startswith("0/10 requests/s  ")


def test_money_is_shown_per_currency_with_what_is_available_and_the_cap() -> None:
    caps = Caps(costs={"USD": Decimal(5000)}, amounts={"SGD": Decimal(9000)})
    seen = snapshot(
        taken={"EUR": Decimal("1480.50"), "USD": Decimal("1432.06")},
        planned={"USD": Decimal("1399.9")},
        costs={"USD": Decimal("1869.04")},
        amounts={"SGD": Decimal(700)},
    )
    assert rendered(seen, caps=caps, USD=Decimal(10_000))[3:] == [
        "EUR: 1,480.50 charged or on hold",
        "USD: 1,432.06 charged or on hold (planned 1,399.90), about 8,567.94 available",
        "USD cost cap: 1,869.04 of 5,000.00",
        "SGD amount cap: 700.00 of 9,000.00",
    ]


def test_a_pause_is_shown_with_its_reason_and_without_effect_on_the_terminal() -> None:
    assert rendered(snapshot(message="Paused for 5 s: [red]\x1b[2J no answer"), width=200)[-1] == (
        "Paused for 5 s: [red]\ufffd[2J no answer"
    )


def test_prices_that_differ_are_named_beside_a_pause_on_the_screen_and_in_each_line_of_a_log() -> None:
    seen = snapshot(message="Paused.", warning="2 rows cost more.")
    assert rendered(seen)[-2:] == ["Paused.", "2 rows cost more."]
    assert progress_line("payroll/2026-11", seen, 1).endswith("requests. Paused. 2 rows cost more.")
    assert progress_json("payroll/2026-11", seen, 1)["warning"] == "2 rows cost more."


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    caps = Caps(costs={"USD": Decimal(5_000_000)})
    seen = snapshot(message="x" * 300, taken={"USD": Decimal("1234567.89")}, throttled=12_345, rate=1)
    seen.counts.update(dict.fromkeys(RowState, 123_456))
    assert max(map(len, rendered(seen, width=width, caps=caps, USD=Decimal(10**9)))) <= width


def test_the_request_rate_is_that_of_the_last_seconds() -> None:
    rate = RequestRate()
    assert rate.update(0.0, 0) == 0
    assert rate.update(10.0, 1_000) == 0
    assert rate.update(11.0, 1_050) == 50
    assert rate.update(30.0, 1_050) == 0


def test_the_remaining_time_comes_from_the_recent_rate_and_from_how_long_rows_take() -> None:
    forecast = Forecast()
    assert forecast.update(0.0, snapshot(pending=1_000)) is None
    for moment in range(1, 8):
        remaining = forecast.update(
            float(moment), snapshot(pending=1_000 - 10 * moment, accepted=30 - max(0, 30 - 10 * moment), completed=0)
        )
        assert remaining is None  # no row is final yet
    for moment in range(8, 30):
        remaining = forecast.update(
            float(moment), snapshot(pending=1_000 - 10 * moment, accepted=40, completed=10 * moment - 40)
        )
    assert remaining == pytest.approx((1_000 - 290) / 10 + 4)


def test_a_paused_or_stuck_run_has_no_forecast() -> None:
    forecast = Forecast()
    for moment in range(10):
        forecast.update(float(moment), snapshot(pending=100 - moment, completed=moment))
    assert forecast.update(10.0, snapshot(pending=91, completed=9, message="Paused.")) is None
    for moment in range(11, 60):
        remaining = forecast.update(float(moment), snapshot(pending=91, completed=9))
    assert remaining is None


def test_when_all_rows_are_sent_only_the_last_ones_count() -> None:
    forecast = Forecast()
    for moment in range(11):
        sent = 10 * moment
        forecast.update(
            float(moment), snapshot(pending=100 - sent, accepted=min(sent, 50), completed=max(0, sent - 50))
        )
    assert forecast.update(11.0, snapshot(accepted=40, completed=60)) == pytest.approx(4)
    assert forecast.update(60.0, snapshot(accepted=40, completed=60)) is None  # longer than any other row: unknown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "about 10 s"),
        (44, "about 40 s"),
        (56, "about 1 min"),
        (250, "about 4 min"),
        (5_330, "about 89 min"),
        (5_390, "about 1 h 30 min"),
        (7_200, "about 2 h"),
        (7_790, "about 2 h 10 min"),
    ],
)
def test_a_remaining_time_is_no_more_precise_than_it_is_known(seconds: float, text: str) -> None:
    assert format_remaining(seconds) == text


def test_a_frame_is_for_a_screen_and_elsewhere_its_lines_are_whole() -> None:
    long = "x" * 200
    screen, log = console(40), Console(file=StringIO(), width=40, _environ={})
    for each in (screen, log):
        each.print(framed("Run [a]/b", Severity.BAD, ["It [bold]cannot[/] run.", long], each), crop=False)
    assert isinstance(log.file, StringIO)
    assert log.file.getvalue() == f"It cannot run.\n{long}\n"
    assert isinstance(screen.file, StringIO)
    assert "Run [a]/b" in screen.file.getvalue()
    assert "╭" in screen.file.getvalue()


def test_a_dumb_terminal_and_a_pipe_with_forced_colours_are_never_redrawn() -> None:
    assert not is_live(Console(file=StringIO(), _environ={"FORCE_COLOR": "1"}))
    assert not is_live(console())  # a terminal by force, and no terminal


def test_a_command_is_not_broken_so_that_it_can_be_copied() -> None:
    command = f"bulk-topup retry {'x' * 100}"
    verdict = RunVerdict(severity=Severity.BAD, headline="", ending="", steps=(Step(text="Retry:", command=command),))
    narrow = Console(file=StringIO(), width=40, _environ={})
    narrow.print(next_steps(verdict), crop=False)
    assert isinstance(narrow.file, StringIO)
    assert narrow.file.getvalue() == f"Retry:\n  {command}\n"


def test_a_line_of_a_log_has_the_same_words_as_the_screen() -> None:
    line = progress_line("list/may", snapshot(1, pending=1_200, in_flight=3, message="Paused for 5 s."), 7.4)
    assert line == "[7 s] Run list/may: 1,200 not sent, 3 outcome unknown; 1 request. Paused for 5 s."
