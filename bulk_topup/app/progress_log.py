"""Logs the progress of a run: its figures each time, and why it pauses or warns when that changes; writes the log."""

import re
from typing import Final

from bulk_topup.engine import Progress
from bulk_topup.monitoring.json_log import JSONLog

#: An amount with its currency, which the log never has.
_AMOUNTS: Final = re.compile(r"-?[0-9][0-9.,]*(?= [A-Z]{3}\b)")
#: Figures of a sentence, e.g. the seconds that a pause still lasts.
_FIGURES: Final = re.compile(r"[0-9][0-9.,:]*")


class ProgressLog:
    """Logs the progress of one invocation.

    Args:
        log: the invocation's log.
    """

    def __init__(self, log: JSONLog) -> None:
        self._log = log
        self._said = {"held up": "", "price drift": "", "low balance": ""}

    def write(self, progress: Progress) -> None:
        """Write a snapshot, and an event for each reason that is another than in the last one."""
        counts = {state.value: count for state, count in progress.counts.items()}
        self._log.write("progress", **counts, requests=progress.requests, throttled=progress.throttled)
        if not progress.message and self._said["held up"]:
            self._log.write_notice("goes on", "")
        self._say("held up", progress.message)
        # A price that differed stays named, with how many rows have one by now: once is enough.
        self._say("price drift", self._said["price drift"] or progress.warning)
        self._say("low balance", progress.low_balance)

    def _say(self, event: str, sentence: str) -> None:
        gist = _FIGURES.sub("", sentence)
        if gist and gist != self._said[event]:
            self._log.write_notice(event, _AMOUNTS.sub("…", sentence))
        self._said[event] = gist
