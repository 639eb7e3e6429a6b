"""What a scenario is made of, all of it drawn from one number; pure, starts and touches nothing."""

import math
import signal
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from chaos.breakage import INSTANTS, Breakage
from chaos.lists import PayList, draw_list, edit, long_list

#: A day, in seconds: how far a clock jumps.
DAY: Final = 86_400.0
#: How many rows make one further pass by an instant, about.
PASSES: Final = dict.fromkeys(INSTANTS, 1000) | {
    "before_intent_commit": 25,
    "after_intent_commit": 25,
    "before_send": 1,
    "after_send": 1,
    "after_response": 1,
    "before_result_commit": 8,
    "after_result_commit": 8,
    "between_report_files": 15,
}
#: How often the runner of a long list is killed.
LONG_KILLS: Final = 12
#: What happens to a ledger between two starts.
DAMAGES: Final = (
    "ledger lost",
    "ledger truncated",
    "ledger pages overwritten",
    "write-ahead log lost",
    "old ledger restored",
    "half-copied ledger restored",
)
#: What can go wrong at the provider during a start; `{seed}` is drawn for each.
PAY: Final = "POST /async/transactions"
FAULTS: Final = (
    f"drop {PAY} probability=0.2 seed={{seed}}",
    f"drop {PAY} first=12",
    f"half {PAY} probability=0.2 seed={{seed}}",
    f"status_after {PAY} status=502 probability=0.2 seed={{seed}}",
    f"status_after {PAY} status=500 probability=0.2 seed={{seed}}",
    f"status_after {PAY} status=504 every=3",
    f"status_before {PAY} status=503 probability=0.2 seed={{seed}}",
    "status_before status=500 probability=0.15 seed={seed}",
    "status_before status=503 first=6",
    f"throttle {PAY} first=10 retry_after=0",
    "throttle probability=0.15 seed={seed}",
    "throttle probability=0.3 retry_after=1 seed={seed}",
    f"stall {PAY} every=9 seconds=1.4",
    "stall GET /transactions seconds=1.4 first=2",
    f"slow_body {PAY} parts=3 seconds=0.03 probability=0.3 seed={{seed}}",
    "latency seconds=0.05 spread=0.05 distribution=uniform",
    "reset probability=0.1 seed={seed}",
    f"restart {PAY} every=17 seconds=0.1",
    "drop GET /transactions first=3",
    "half probability=0.1 seed={seed}",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Strike:
    """A signal that a runner gets on its way."""

    number: signal.Signals
    #: It comes when the provider has taken so many further transactions, or after these seconds.
    created: int
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """One start of the command, with everything that goes wrong before and while it runs."""

    #: The names of what happens, for the campaign's count.
    kinds: tuple[str, ...]
    #: `run`, `resume` or `retry`.
    command: str = "run"
    #: The version of the list that is put in place before; None leaves the one that is there.
    edited: PayList | None = None
    #: What is done to the ledger before, see DAMAGES.
    damage: str | None = None
    breakage: Breakage = field(default_factory=Breakage)
    #: As `bulk-topup sandbox --fault` takes them.
    faults: tuple[str, ...] = ()
    strike: Strike | None = None
    #: Whether a second runner is started beside it.
    has_rival: bool = False
    #: Whether the ledger's folder and files cannot be written.
    read_only: bool = False
    #: When the sandbox is killed, in seconds from the start, and for how long it is away.
    outage: tuple[float, float] | None = None
    #: Whether a new Python process runs it, instead of a fork.
    is_new_process: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """A list, and the starts that it meets before the clean ones."""

    seed: int
    list_: PayList
    #: Options that every `run` of it has.
    options: tuple[str, ...]
    starts: tuple[Start, ...]
    #: Whether a wire lies between runner and sandbox that loses, delays and doubles requests, see chaos.proxy.
    has_bad_wire: bool = False

    @property
    def kinds(self) -> list[str]:
        """The names of everything that goes wrong."""
        every = [kind for start in self.starts for kind in start.kinds]
        return [*every, "requests lost, late and doubled on the wire"] if self.has_bad_wire else every

    @property
    def patience(self) -> float:
        """Seconds that one of its starts may take before it counts as hung."""
        return 120 + len(self.list_.lines) / 50

    @property
    def holds(self) -> bool:
        """Whether it holds its transactions before it confirms them."""
        return "hold" in self.options


def draw_scenario(seed: int) -> Scenario:
    """Give the scenario of a number: the same number gives the same scenario."""
    draws = Random(seed)
    rows = draws.randint(5, 60)
    has_references, has_duplicates, has_bad_rows = (draws.random() < share for share in (0.5, 0.25, 0.5))
    list_ = draw_list(
        draws, rows=rows, has_references=has_references, has_duplicates=has_duplicates, has_bad_rows=has_bad_rows
    )
    options = ["--skip-refused"]
    options += ["--allow-duplicates"] if has_duplicates else []
    mode = draws.random()
    if mode < 0.2:
        options += ["--mode", "hold"]
    elif mode < 0.3:
        options += ["--canary", "3", "--canary-share", "0"]
    options += ["--concurrency", str(draws.choice((1, 4, 32)))]
    starts = []
    latest = list_
    for number in range(draws.randint(1, 4)):
        start, latest = _draw_start(draws, number, rows, latest)
        starts.append(start)
    return Scenario(
        seed=seed,
        list_=list_,
        options=tuple(options),
        starts=tuple(starts),
        has_bad_wire=draws.random() < 0.2,
    )


def instant_scenario(instant: str) -> Scenario:
    """Give a scenario whose first start is killed at a named instant; the instant's place is its seed."""
    seed = INSTANTS.index(instant)
    draws = Random(seed)
    list_ = draw_list(draws, rows=12, has_references=True, has_duplicates=False, has_bad_rows=True)
    breakage = Breakage(instant=instant, nth=draws.randint(1, min(2, 1 + 12 // PASSES[instant])))
    start = Start(kinds=(f"killed {instant}",), breakage=breakage, is_new_process=seed == 0)
    return Scenario(seed=seed, list_=list_, options=("--skip-refused", "--concurrency", "4"), starts=(start,))


def long_scenario(rows: int, seed: int) -> Scenario:
    """Give a scenario of many rows, all paid, whose runner is killed again and again."""
    draws = Random(seed)
    starts = []
    for _ in range(LONG_KILLS):
        by_progress = draws.random() < 0.7
        strike = Strike(
            number=signal.SIGKILL,
            created=draws.randint(1, rows // 6) if by_progress else 0,
            seconds=math.inf if by_progress else draws.uniform(0.3, 20),
        )
        starts.append(Start(kinds=("killed at any moment",), strike=strike))
    options = ("--allow-duplicates", "--timeout", "10", "--concurrency", "64")
    return Scenario(seed=seed, list_=long_list(rows), options=options, starts=tuple(starts))


def _draw_start(draws: Random, number: int, rows: int, latest: PayList) -> tuple[Start, PayList]:
    start, kinds = Start(kinds=()), []
    if number and draws.random() < 0.3:
        edited, kind = edit(draws, latest)
        start = replace(start, edited=edited)
        kinds.append(kind)
    if number and draws.random() < 0.25:
        start = replace(start, damage=draws.choice(DAMAGES))
        kinds.append(str(start.damage))
    if number and start.edited is None:
        start = replace(start, command=draws.choices(("run", "resume", "retry"), (8, 1, 1))[0])
        kinds += [start.command] if start.command != "run" else []
    if draws.random() < 0.6:
        start = replace(start, faults=_draw_faults(draws))
        kinds += [f"provider: {fault.split()[0]}" for fault in start.faults]
    start, kind = _break(draws, rows, start)
    breakage, more = _break_further(draws, start.breakage)
    kinds += [*([kind] if kind else []), *more]
    start = replace(start, kinds=tuple(kinds), breakage=breakage, is_new_process=draws.random() < 0.03)
    return start, start.edited or latest


def _break(draws: Random, rows: int, start: Start) -> tuple[Start, str]:
    """Let one thing go wrong with the processes or the disk of a start, or none, and give its name."""
    ways = {"instant": 8, "kill": 6, "stop": 3, "rival": 2, "disk": 3, "read only": 1, "outage": 4, "none": 2}
    match draws.choices(tuple(ways), tuple(ways.values()))[0]:
        case "instant":
            instant = draws.choice(INSTANTS)
            nth = draws.randint(1, rows // PASSES[instant] + 1)
            return replace(start, breakage=Breakage(instant=instant, nth=nth)), f"killed {instant}"
        case "kill":
            return replace(start, strike=_draw_strike(draws, rows, signal.SIGKILL)), "killed at any moment"
        case "stop":
            number = draws.choice((signal.SIGTERM, signal.SIGINT))
            return replace(start, strike=_draw_strike(draws, rows, number)), number.name
        case "rival":
            return replace(start, has_rival=True), "two runners"
        case "disk":
            return replace(start, breakage=Breakage(file_limit=int(2 ** draws.uniform(15, 19)))), "disk full"
        case "read only":
            return replace(start, read_only=True, breakage=Breakage(bound_by_rights=True)), "ledger read-only"
        case "outage":
            return replace(start, outage=(draws.uniform(0, 1.2), draws.uniform(0, 0.6))), "sandbox killed"
        case _:
            return start, ""


def _break_further(draws: Random, breakage: Breakage) -> tuple[Breakage, list[str]]:
    """Add what may go wrong in any process, its clock and requests that are sent two times, and give the names."""
    kinds = []
    if draws.random() < 0.2:
        first = draws.choice((DAY, -DAY, 0.0))
        breakage = replace(breakage, clock=((0, first), (draws.randint(1, 60), draws.choice((DAY, -DAY, 0.0)))))
        kinds.append("clock jumps")
    if draws.random() < 0.15:
        breakage = replace(breakage, twice=draws.randint(1, 5))
        kinds.append("requests sent twice")
    return breakage, kinds


def _draw_faults(draws: Random) -> tuple[str, ...]:
    chosen = draws.sample(FAULTS, draws.randint(1, 3))
    return tuple(fault.format(seed=draws.randint(1, 10**6)) for fault in chosen)


def _draw_strike(draws: Random, rows: int, number: signal.Signals) -> Strike:
    return Strike(number=number, created=draws.randint(0, rows), seconds=draws.uniform(0.05, 2.5))
