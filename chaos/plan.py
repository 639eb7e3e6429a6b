"""Plans scenarios, each drawn from one number; pure, starts and touches nothing."""

import math
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from chaos.breakage import INSTANTS, Breakage
from chaos.lists import EDITS, RENUMBERED, RESPELLED, SWAPPED, PayList, draw_list, edit, long_list

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
#: The names of a list: its own, and that of a second download.
LIST: Final = "bonus.csv"
RENAMED: Final = "bonus (1).csv"
#: The job file of scenarios at the end of a month, and the time zones of the machines that start it.
JOB: Final = "bonus.toml"
ZONES: Final = ("Europe/Berlin", "Asia/Singapore", "America/New_York")
#: How much faster the clock runs where requests arrive late: a minute of proof takes five seconds.
LATE_PACE: Final = 12.0
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
    f"page_after {PAY} status=404 probability=0.2 seed={{seed}}",
    f"page_after {PAY} status=403 every=11",
    f"page_before {PAY} status=413 body=empty probability=0.2 seed={{seed}}",
    "page_before GET /transactions status=404 first=3",
    "page_before GET /transactions/* status=407 body=text probability=0.2 seed={seed}",
    f"odd_status {PAY} status=422",
    "echo spelling=digits probability=0.3 seed={seed}",
    "lag GET /transactions seconds=1.5",
    "prices when=open probability=0.3 seed={seed}",
    "foreign GET /transactions probability=0.5 seed={seed}",
    "shift GET /transactions entries=repeated probability=0.5 seed={seed}",
    "shift GET /transactions entries=lost probability=0.3 seed={seed}",
    "odd_header name=X-Total-Pages value=text probability=0.3 seed={seed}",
    "odd_header name=X-Total-Pages value=zero probability=0.3 seed={seed}",
    "odd_header name=X-Ratelimit-Limit value=negative probability=0.3 seed={seed}",
    "odd_header name=X-Ratelimit-Limit value=huge first=5",
    "odd_header name=Date value=empty probability=0.5 seed={seed}",
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
    #: The name under which the list is started, and that of the second runner's.
    list_name: str = LIST
    rival_name: str = LIST
    #: Whether the account has new API credentials from now on.
    rotates_credentials: bool = False
    #: The time zone of the machine, and of the second runner's; None for this machine's.
    zone: str | None = None
    rival_zone: str | None = None
    #: Whether it is after midnight of the month's last day; before it, if not.
    is_after_midnight: bool = False
    #: When the sandbox is killed, in seconds from the start, and for how many seconds it is down.
    outage: tuple[float, float] | None = None
    #: Whether a person adds the list's new rows to its run.
    is_added: bool = False
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
    #: Whether requests arrive when their clients have given up, and repetitions of them are refused meanwhile.
    is_late: bool = False
    #: Whether a job file pays the list, at the end of a month.
    is_month_end: bool = False
    #: A fault of the product in every start, see chaos.breakage.SABOTAGES; None for none.
    sabotage: str | None = None

    @property
    def kinds(self) -> list[str]:
        """The names of everything that breaks."""
        every = [kind for start in self.starts for kind in start.kinds]
        if self.is_late:
            return [*every, "requests late and refused"]
        return [*every, "requests lost, delayed and duplicated"] if self.has_bad_network else every

    @property
    def patience(self) -> float:
        """Seconds after which a start counts as hung."""
        return 120 + len(self.list_.lines) / 50

    @property
    def names(self) -> list[str]:
        """The names under which the list is started."""
        return sorted({name for start in self.starts for name in (start.list_name, start.rival_name)} | {LIST})

    @property
    def has_several_runs(self) -> bool:
        """Whether several runs may pay its list."""
        return self.is_month_end or len(self.names) > 1

    @property
    def is_hold_mode(self) -> bool:
        """Whether its run is in hold mode."""
        return "hold" in self.options


def draw_scenario(seed: int, most_rows: int = 60) -> Scenario:
    """Return the scenario of a seed, always the same for the same seed.

    Args:
        seed: the seed.
        most_rows: the most rows of its list.
    """
    draws = Random(seed)
    kind = draws.choices((_one_run, _several_names, _month_end, _late_requests), (12, 4, 2, 2))[0]
    return kind(draws, seed, draws.randint(5, most_rows))


def _one_run(draws: Random, seed: int, rows: int) -> Scenario:
    """Return a scenario of one run: all that breaks, and either a damaged ledger or rows that are edited beyond it."""
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
    edits: tuple[str, ...] = EDITS
    form = draws.random()
    if form < 0.4:
        edits += (RESPELLED,)
    if form < 0.2:
        edits += (RENUMBERED,) if has_references else (SWAPPED,) if has_duplicates else ()
    starts = []
    latest = list_
    for number in range(draws.randint(1, 4)):
        start, latest = _draw_start(draws, number, rows, latest, edits)
        starts.append(start)
    return Scenario(
        seed=seed,
        list_=list_,
        options=tuple(options),
        starts=tuple(starts),
        has_bad_network=draws.random() < 0.2,
    )


def _several_names(draws: Random, seed: int, rows: int) -> Scenario:
    """Return a scenario of a list that is started under two names, one after the other or at once."""
    has_references = draws.random() < 0.5
    list_ = draw_list(draws, rows=rows, has_references=has_references, has_duplicates=True, has_bad_rows=False)
    starts: list[Start] = []
    for number in range(draws.randint(2, 4)):
        name, other = draws.sample((LIST, RENAMED), 2)
        start, kind = _break(draws, rows, Start(kinds=(), list_name=name, rival_name=name))
        kinds = [kind] if kind else []
        kinds += ["renamed list"] if name == RENAMED else []
        if draws.random() < 0.4:
            start = replace(start, has_rival=True, rival_name=other)
            kinds.append("two names at once")
        if number and draws.random() < 0.3:
            start = replace(start, edited=edit(draws, list_, (RESPELLED,))[0])
            kinds.append(RESPELLED)
        elif number and draws.random() < 0.2:
            start = replace(start, command="resume", rival_name=start.rival_name)
            kinds.append("resume")
        if draws.random() < 0.4:
            start = replace(start, faults=_draw_faults(draws))
            kinds += [f"sandbox: {fault.split()[0]}" for fault in start.faults]
        starts.append(replace(start, kinds=tuple(kinds)))
    options = ("--skip-refused", "--allow-duplicates", "--concurrency", str(draws.choice((1, 4, 32))))
    return Scenario(seed=seed, list_=list_, options=options, starts=tuple(starts))


def _month_end(draws: Random, seed: int, rows: int) -> Scenario:
    """Return a scenario of a monthly job around the last midnight of a month, on machines of several time zones."""
    list_ = draw_list(draws, rows=rows, has_references=True, has_duplicates=False, has_bad_rows=False)
    starts = []
    is_after_midnight = False
    for _ in range(draws.randint(2, 4)):
        start, kind = _break(draws, rows, Start(kinds=()))
        is_after_midnight = is_after_midnight or draws.random() < 0.5
        zones = [draws.choice(ZONES), draws.choice(ZONES)]
        kinds = [*([kind] if kind else []), *(["after midnight"] if is_after_midnight else []), zones[0]]
        start = replace(start, zone=zones[0], rival_zone=zones[1], is_after_midnight=is_after_midnight)
        starts.append(replace(start, kinds=tuple(kinds)))
    return Scenario(seed=seed, list_=list_, options=("--concurrency", "4"), starts=tuple(starts), is_month_end=True)


def _late_requests(draws: Random, seed: int, rows: int) -> Scenario:
    """Return a scenario whose requests arrive late, while repetitions of them are refused."""
    list_ = draw_list(draws, rows=min(rows, 25), has_references=True, has_duplicates=False, has_bad_rows=False)
    starts = []
    for number in range(draws.randint(1, 2)):
        start, kind = _break(draws, rows, Start(kinds=()))
        start = replace(start, command=draws.choice(("run", "resume", "retry")) if number else "run")
        starts.append(replace(start, kinds=(kind,) if kind else ()))
    options = ("--skip-refused", "--concurrency", "32")
    return Scenario(seed=seed, list_=list_, options=options, starts=tuple(starts), has_bad_network=True, is_late=True)


def instants_scenario(instants: Sequence[str], seed: int) -> Scenario:
    """Return a scenario whose starts are killed at these instants, one after the other."""
    list_ = draw_list(Random(seed), rows=24, has_references=True, has_duplicates=False, has_bad_rows=True)
    starts = [
        Start(kinds=(f"killed {instant}",), breakage=Breakage(instant=instant), is_new_process=instant == instants[0])
        for instant in instants
    ]
    return Scenario(seed=seed, list_=list_, options=("--skip-refused", "--concurrency", "4"), starts=tuple(starts))


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


def _draw_start(
    draws: Random, number: int, rows: int, latest: PayList, edits: tuple[str, ...]
) -> tuple[Start, PayList]:
    start, kinds = Start(kinds=()), []
    if number and draws.random() < 0.3:
        edited, kind = edit(draws, latest, edits)
        start = replace(start, edited=edited)
        kinds.append(kind)
    # External IDs are computed from rows, in whatever spelling: a ledger that is lost must not meet other references,
    # or equal rows in another order.
    if number and not {RENUMBERED, SWAPPED} & set(edits) and draws.random() < 0.25:
        start = replace(start, damage=draws.choice(DAMAGES))
        kinds.append(str(start.damage))
    if number and start.edited is None:
        start = replace(start, command=draws.choices(("run", "resume", "retry"), (8, 1, 1))[0])
        kinds += [start.command] if start.command != "run" else []
    if number and draws.random() < 0.07:
        start = replace(start, rotates_credentials=True)
        kinds.append("new credentials")
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
