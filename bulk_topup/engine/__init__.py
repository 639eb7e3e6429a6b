"""The run itself: prepare, submit, track; joins the stages and the client."""

from bulk_topup.engine.control import CircuitPolicy, StopReason
from bulk_topup.engine.decisions import PollPolicy
from bulk_topup.engine.hints import follow_hints
from bulk_topup.engine.prepare import Prepared, compare_balances, prepare
from bulk_topup.engine.run import Progress, Runner, RunOptions, RunResult

__all__ = [
    "CircuitPolicy",
    "PollPolicy",
    "Prepared",
    "Progress",
    "RunOptions",
    "RunResult",
    "Runner",
    "StopReason",
    "compare_balances",
    "follow_hints",
    "prepare",
]
