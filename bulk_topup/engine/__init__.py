"""The run itself: submits rows, tracks their transactions to final status, and stops safely."""

from typing import TYPE_CHECKING

from bulk_topup.system.lazy_imports import lazy_exports

if TYPE_CHECKING:
    from bulk_topup.engine.callback_hints import follow_hints
    from bulk_topup.engine.control import CircuitPolicy, StopReason
    from bulk_topup.engine.poll_policy import PollPolicy
    from bulk_topup.engine.run_options import RunOptions
    from bulk_topup.engine.runner import Progress, Runner, RunResult
else:
    __getattr__ = lazy_exports(
        __name__,
        callback_hints=("follow_hints",),
        control=("CircuitPolicy", "StopReason"),
        poll_policy=("PollPolicy",),
        run_options=("RunOptions",),
        runner=("Progress", "RunResult", "Runner"),
    )

__all__ = ["CircuitPolicy", "PollPolicy", "Progress", "RunOptions", "RunResult", "Runner", "StopReason", "follow_hints"]
