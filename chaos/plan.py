"""Plans scenarios, each drawn from one number; pure, starts and touches nothing."""

import math
import signal
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from chaos.breakage import INSTANTS, Breakage
from chaos.lists import PayList, draw_list, edit, long_list

#: A day in seconds, by which clocks jump.
DAY: Final = 86_400.0
#: Roughly how many rows cause one more occurrence of an instant.
ROWS_PER_OCCURRENCE: Final = dict.fromkeys(INSTANTS, 1000) | {
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
#: Damage to a ledger between two starts.
DAMAGES: Final = (
    "ledger lost",
    "ledger truncated",
    "ledger pages overwritten",
    "write-ahead log lost",
    "old ledger restored",
    "half-copied ledger restored",
)
#: Faults of the sandbox during a start; `{seed}` is drawn for each.
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
    """A signal to a running command."""

    number: signal.Signals
    #: It is sent after this many further transactions at the provider, or after these seconds.
    created: int
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """One start of the command, with everything that breaks before and during it."""

    #: The names of what breaks, for the summary of the campaign.
    kinds: tuple[str, ...]
    #: `run`, `resume` or `retry`; `reconcile` rebuilds the run.
    command: str = "run"
    #: The new version of the list; None keeps the current one.
    edited: PayList | None = None
    #: Damage to the ledger before the start, see DAMAGES.
    damage: str | None = None
    breakage: Breakage = field(default_factory=Breakage)
    #: In the form of `bulk-topup sandbox --fault`.
    faults: tuple[str, ...] = ()
    strike: Strike | None = None
    #: Whether a second runner is started at the same time.
    has_rival: bool = False
    #: Whether the ledger's folder and files are read-only.
    is_read_only: bool = False
    #: When the sandbox is killed, in seconds from the start, and for how many seconds it is down.
    outage: tuple[float, float] | None = None
    #: Whether a new Python process runs it, instead of a fork.
    is_new_process: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """A list, and its starts before the clean ones."""

    seed: int
    list_: PayList
    #: Options of every `run`.
    options: tuple[str, ...]
    starts: tuple[Start, ...]
    #: Whether requests are lost, delayed and duplicated between runner and sandbox, see chaos.proxy.
    has_bad_network: bool = False

    @property
    def kinds(self) -> list[str]:
        """The names of everything that breaks."""
        every = [kind for start in self.starts for kind in start.kinds]
        return [*every, "requests lost, delayed and duplicated"] if self.has_bad_network else every

    @property
    def patience(self) -> float:
        """Seconds after which a start counts as hung."""
        return 120 + len(self.list_.lines) / 50

    @property
    def is_hold_mode(self) -> bool:
        """Whether its run is in hold mode."""
        return "hold" in self.options


def draw_scenario(seed: int) -> Scenario:
    """Return the scenario of a seed, always the same for the same seed."""
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
        has_bad_network=draws.random() < 0.2,
    )


def instant_scenario(instant: str) -> Scenario:
    """Return a scenario whose first start is killed at an instant; its seed is the index of the instant."""
    seed = INSTANTS.index(instant)
    draws = Random(seed)
    list_ = draw_list(draws, rows=12, has_references=True, has_duplicates=False, has_bad_rows=True)
    breakage = Breakage(instant=instant, nth=draws.randint(1, min(2, 1 + 12 // ROWS_PER_OCCURRENCE[instant])))
    start = Start(kinds=(f"killed {instant}",), breakage=breakage, is_new_process=seed == 0)
    return Scenario(seed=seed, list_=list_, options=("--skip-refused", "--concurrency", "4"), starts=(start,))


def long_scenario(rows: int, seed: int) -> Scenario:
    """Return a scenario of many rows, all paid, whose runner is killed repeatedly."""
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
        kinds += [f"sandbox: {fault.split()[0]}" for fault in start.faults]
    start, kind = _break(draws, rows, start)
    breakage, more = _break_further(draws, start.breakage)
    kinds += [*([kind] if kind else []), *more]
    start = replace(start, kinds=tuple(kinds), breakage=breakage, is_new_process=draws.random() < 0.03)
    return start, start.edited or latest


def _break(draws: Random, rows: int, start: Start) -> tuple[Start, str]:
    """Break the processes or the disk of a start in one way, or in none, and return the name of the way."""
    ways = {"instant": 8, "kill": 6, "stop": 3, "rival": 2, "disk": 3, "read only": 1, "outage": 4, "none": 2}
    match draws.choices(tuple(ways), tuple(ways.values()))[0]:
        case "instant":
            instant = draws.choice(INSTANTS)
            nth = draws.randint(1, rows // ROWS_PER_OCCURRENCE[instant] + 1)
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
            return replace(start, is_read_only=True, breakage=Breakage(drops_privileges=True)), "ledger read-only"
        case "outage":
            return replace(start, outage=(draws.uniform(0, 1.2), draws.uniform(0, 0.6))), "sandbox killed"
        case _:
            return start, ""


def _break_further(draws: Random, breakage: Breakage) -> tuple[Breakage, list[str]]:
    """Add clock jumps and duplicate requests, and return the names of what was added."""
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
