"""What can break inside a runner's process, and the options for it; pure, touches nothing."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: Points at which a process can be killed, in the order of a run.
INSTANTS: Final = (
    "before_merge_commit",
    "after_merge_commit",
    "before_intent_commit",
    "after_intent_commit",
    "before_send",
    "after_send",
    "after_response",
    "before_result_commit",
    "after_result_commit",
    "in_report",
    "between_report_files",
)
#: Faults of the product that the campaign must detect.
SABOTAGES: Final = ("random_ids", "second_payment", "forgotten_line", "blind_to_others")


@dataclass(frozen=True, kw_only=True, slots=True)
class Breakage:
    """What breaks inside a runner's process."""

    #: The instant at which it is killed; None for none.
    instant: str | None = None
    #: Which occurrence of that instant, from 1.
    nth: int = 1
    #: Maximum bytes per file, as on a full disk; None for no limit.
    file_limit: int | None = None
    #: Whether file permissions apply to it, although it runs as root.
    drops_privileges: bool = False
    #: Clock jumps: after how many reads of the time, and the offset in seconds from then on.
    clock: tuple[tuple[int, float], ...] = ()
    #: How many seconds of its clock pass in one.
    pace: float = 1.0
    #: Every nth creation is sent twice; 0 for none.
    twice: int = 0
    #: A fault of the product, see SABOTAGES; None for none.
    sabotage: str | None = None

    @property
    def arguments(self) -> list[str]:
        """The same as options of chaos.runner."""
        arguments = []
        if self.instant is not None:
            arguments += ["--kill", f"{self.instant}:{self.nth}"]
        if self.file_limit is not None:
            arguments += ["--file-limit", str(self.file_limit)]
        if self.drops_privileges:
            arguments += ["--drop-privileges"]
        if self.clock:
            arguments += ["--clock", " ".join(f"{calls}:{offset!r}" for calls, offset in self.clock)]
        if self.pace != 1:
            arguments += ["--pace", f"{self.pace:g}"]
        if self.twice:
            arguments += ["--twice", str(self.twice)]
        if self.sabotage is not None:
            arguments += ["--sabotage", self.sabotage]
        return arguments


def parse(arguments: Sequence[str]) -> tuple[Breakage, list[str]]:
    """Read the arguments of chaos.runner: what breaks, and the command."""
    parser = argparse.ArgumentParser(prog="python -m chaos.runner", description="Run a command and break it.")
    parser.add_argument(
        "--kill", metavar="INSTANT:N", default="", help=f"one of {', '.join(INSTANTS)}, and its occurrence"
    )
    parser.add_argument("--file-limit", type=int, metavar="BYTES", help="maximum size of a file")
    parser.add_argument(
        "--drop-privileges", action="store_true", help="apply file permissions although the user is root"
    )
    parser.add_argument("--clock", metavar="CALLS:SECONDS ...", default="", help="jumps of the clock")
    parser.add_argument("--pace", type=float, default=1.0, metavar="N", help="seconds of its clock that pass in one")
    parser.add_argument("--twice", type=int, metavar="N", default=0, help="send every nth creation twice")
    parser.add_argument("--sabotage", choices=SABOTAGES, help="introduce a fault of the product")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- and the command of bulk-topup")
    options = parser.parse_args(arguments)
    instant, _, nth = options.kill.partition(":")
    if instant and instant not in INSTANTS:
        parser.error(f'Unknown instant "{instant}". Choose one of {", ".join(INSTANTS)}.')
    jumps = [jump.partition(":") for jump in options.clock.split()]
    breakage = Breakage(
        instant=instant or None,
        nth=int(nth or 1),
        file_limit=options.file_limit,
        drops_privileges=options.drop_privileges,
        clock=tuple((int(calls), float(offset)) for calls, _, offset in jumps),
        pace=options.pace,
        twice=options.twice,
        sabotage=options.sabotage,
    )
    return breakage, options.command[1:] if options.command[:1] == ["--"] else options.command
