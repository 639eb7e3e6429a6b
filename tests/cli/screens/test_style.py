"""What the pieces of a terminal's screen look like."""

from decimal import Decimal
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bulk_topup.cli.screens.forecast import Forecast, Pace, about
from bulk_topup.cli.screens.progress import RunScreen
from bulk_topup.cli.screens.style import bar_of, framed, is_live, next_steps
from bulk_topup.domain.guards import Caps
from bulk_topup.domain.states import RowState
from bulk_topup.domain.verdict import RunVerdict, Severity, Step
from bulk_topup.engine import Progress

COUNTS = st.fixed_dictionaries({state: st.integers(0, 2_000_000) for state in RowState})


def look(
    requests: int = 0,
    *,
    throttled: int = 0,
    rate: float = 99.0,
    limit: int | None = 100,
    message: str = "",
    taken: dict[str, Decimal] | None = None,
    amounts: dict[str, Decimal] | None = None,
    costs: dict[str, Decimal] | None = None,
    **counts: int,
) -> Progress:
    """Give a look at a run with so many rows in each state."""
    return Progress(
        counts={state: counts.get(state.value, 0) for state in RowState},
        requests=requests,
        throttled=throttled,
        rate=rate,
        limit=limit,
        message=message,
        taken=taken or {},
        amounts=amounts or {},
        costs=costs or {},
    )


def console(width: int = 80, **options: object) -> Console:
    return Console(file=StringIO(), force_terminal=True, width=width, emoji=False, _environ={}, **options)  # type: ignore[arg-type]


def drawn(seen: Progress, *, width: int = 80, caps: Caps | None = None, **available: Decimal) -> list[str]:
    screen = RunScreen(caps=caps or Caps(), available=available, began=0.0)
    return screen.drawn(seen, 72.0, console(width)).plain.split("\n")


@given(counts=COUNTS, width=st.integers(10, 200), is_ascii=st.booleans())
def test_a_bar_is_as_wide_as_it_is_asked_for_and_hides_no_kind_of_row(
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


def test_the_run_is_shown_with_bar_states_pace_and_time() -> None:
    lines = drawn(look(7_000, throttled=2, pending=50, in_flight=3, accepted=7, completed=30, failed=10, refused=5))
    assert lines[0].split("  ")[0] == "█" * 13 + "▓" * 4 + "▒" * 4 + "░" * 25
    assert lines[0].endswith(" 40% 40 of 100 final")
    assert lines[1] == "30 completed  10 failed  7 accepted  3 on their way  50 waiting  5 refused"
    assert lines[2] == "0/100 requests/s, 2 answers 429  0:01:12 so far"


def test_a_rate_that_others_share_is_told_with_the_limit() -> None:
    assert drawn(look(rate=42.4))[2].startswith("0/42 requests/s (the limit is 100)")
    assert drawn(look(rate=10, limit=None))[2].startswith("0/10 requests/s  ")


def test_money_is_told_per_currency_with_what_is_left_and_the_cap() -> None:
    caps = Caps(costs={"USD": Decimal(5000)}, amounts={"SGD": Decimal(9000)})
    seen = look(
        taken={"EUR": Decimal("1480.50"), "USD": Decimal("1432.06")},
        costs={"USD": Decimal("1869.04")},
        amounts={"SGD": Decimal(700)},
    )
    assert drawn(seen, caps=caps, USD=Decimal(10_000))[3:] == [
        "EUR: 1,480.50 taken",
        "USD: 1,432.06 taken, about 8,567.94 left, cap: 1,869.04 of 5,000.00",
        "SGD: 700.00 asked for, cap: 9,000.00",
    ]


def test_a_pause_is_shown_with_its_reason_whatever_it_says() -> None:
    assert drawn(look(message="Paused for 5 s: [red]\x1b[2J no answer"), width=200)[-1] == (
        "Paused for 5 s: [red]\ufffd[2J no answer"
    )


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    caps = Caps(costs={"USD": Decimal(5_000_000)})
    seen = look(message="x" * 300, taken={"USD": Decimal("1234567.89")}, throttled=12_345, rate=1)
    seen.counts.update(dict.fromkeys(RowState, 123_456))
    assert max(map(len, drawn(seen, width=width, caps=caps, USD=Decimal(10**9)))) <= width


def test_the_pace_is_that_of_the_last_seconds() -> None:
    pace = Pace()
    assert pace.of(0.0, 0) == 0
    assert pace.of(10.0, 1_000) == 0
    assert pace.of(11.0, 1_050) == 50
    assert pace.of(30.0, 1_050) == 0


def test_what_is_left_is_foretold_from_the_rows_sent_of_late_and_from_how_late_they_end() -> None:
    forecast = Forecast()
    assert forecast.seconds(0.0, look(pending=1_000)) is None
    for moment in range(1, 8):
        foretold = forecast.seconds(
            float(moment), look(pending=1_000 - 10 * moment, accepted=30 - max(0, 30 - 10 * moment), completed=0)
        )
        assert foretold is None  # nothing has ended yet
    for moment in range(8, 30):
        foretold = forecast.seconds(
            float(moment), look(pending=1_000 - 10 * moment, accepted=40, completed=10 * moment - 40)
        )
    assert foretold == pytest.approx((1_000 - 290) / 10 + 4)


def test_nothing_is_foretold_of_a_run_that_pauses_or_stands_still() -> None:
    forecast = Forecast()
    for moment in range(10):
        forecast.seconds(float(moment), look(pending=100 - moment, completed=moment))
    assert forecast.seconds(10.0, look(pending=91, completed=9, message="Paused.")) is None
    for moment in range(11, 60):
        foretold = forecast.seconds(float(moment), look(pending=91, completed=9))
    assert foretold is None


def test_when_all_rows_are_sent_only_the_end_of_the_last_ones_is_waited_for() -> None:
    forecast = Forecast()
    for moment in range(11):
        sent = 10 * moment
        forecast.seconds(float(moment), look(pending=100 - sent, accepted=min(sent, 50), completed=max(0, sent - 50)))
    assert forecast.seconds(11.0, look(accepted=40, completed=60)) == pytest.approx(4)
    assert forecast.seconds(60.0, look(accepted=40, completed=60)) is None  # longer than any other; nobody knows


@pytest.mark.parametrize(
    ("seconds", "told"),
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
def test_a_time_to_come_is_told_as_roughly_as_it_is_known(seconds: float, told: str) -> None:
    assert about(seconds) == told


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


def test_a_dumb_terminal_and_a_pipe_with_forced_colours_are_never_drawn_over() -> None:
    assert not is_live(Console(file=StringIO(), _environ={"FORCE_COLOR": "1"}))
    assert not is_live(console())  # a terminal by force, and no terminal


def test_a_command_is_not_broken_so_that_it_can_be_copied() -> None:
    command = f"bulk-topup retry {'x' * 100}"
    verdict = RunVerdict(tone=Severity.BAD, headline="", ending="", steps=(Step(text="Try again:", command=command),))
    narrow = Console(file=StringIO(), width=40, _environ={})
    narrow.print(next_steps(verdict), crop=False)
    assert isinstance(narrow.file, StringIO)
    assert narrow.file.getvalue() == f"Try again:\n  {command}\n"
