"""What can go wrong inside a runner's process, and how that is written as words; pure, touches nothing."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: Where a process can be killed, in the order in which a run comes by.
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
#: The ways to make the product wrong that the campaign must find out.
SABOTAGES: Final = ("random_ids", "second_payment", "forgotten_line")


@dataclass(frozen=True, kw_only=True, slots=True)
class Breakage:
    """What goes wrong inside a runner's process."""

    #: The instant at which it is killed; None for never.
    instant: str | None = None
    #: At which pass by that instant.
    nth: int = 1
    #: Bytes beyond which no file can be written, as on a full disk; None for no limit.
    file_limit: int | None = None
    #: Whether the rights of files bind it, although it runs as root.
    bound_by_rights: bool = False
    #: How many questions for the time of day are answered before each offset in seconds takes its place.
    clock: tuple[tuple[int, float], ...] = ()
    #: Every so-manieth creation is sent two times; 0 for none.
    twice: int = 0
    #: How the product is made wrong, to see whether the campaign finds out; None leaves it as it is.
    sabotage: str | None = None

    @property
    def words(self) -> list[str]:
        """The same as options of this module."""
        words = []
        if self.instant is not None:
            words += ["--kill", f"{self.instant}:{self.nth}"]
        if self.file_limit is not None:
            words += ["--file-limit", str(self.file_limit)]
        if self.bound_by_rights:
            words += ["--bound-by-rights"]
        if self.clock:
            words += ["--clock", " ".join(f"{calls}:{offset:g}" for calls, offset in self.clock)]
        if self.twice:
            words += ["--twice", str(self.twice)]
        if self.sabotage is not None:
            words += ["--sabotage", self.sabotage]
        return words


def parse(words: Sequence[str]) -> tuple[Breakage, list[str]]:
    """Read the words of a start: what breaks, and the command."""
    parser = argparse.ArgumentParser(prog="python -m chaos.runner", description="Run a command and break it.")
    parser.add_argument("--kill", metavar="INSTANT:N", default="", help=f"one of {', '.join(INSTANTS)}, and its pass")
    parser.add_argument("--file-limit", type=int, metavar="BYTES", help="no file grows beyond this")
    parser.add_argument("--bound-by-rights", action="store_true", help="root is bound by the rights of files")
    parser.add_argument("--clock", metavar="CALLS:SECONDS ...", default="", help="offsets of the time of day")
    parser.add_argument("--twice", type=int, metavar="N", default=0, help="send every n-th creation two times")
    parser.add_argument("--sabotage", choices=SABOTAGES, help="make the product wrong")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- and the command of bulk-topup")
    given = parser.parse_args(words)
    instant, _, nth = given.kill.partition(":")
    if instant and instant not in INSTANTS:
        parser.error(f'"{instant}" is not an instant; there are {", ".join(INSTANTS)}.')
    jumps = [jump.partition(":") for jump in given.clock.split()]
    breakage = Breakage(
        instant=instant or None,
        nth=int(nth or 1),
        file_limit=given.file_limit,
        bound_by_rights=given.bound_by_rights,
        clock=tuple((int(calls), float(offset)) for calls, _, offset in jumps),
        twice=given.twice,
        sabotage=given.sabotage,
    )
    return breakage, given.command[1:] if given.command[:1] == ["--"] else given.command
