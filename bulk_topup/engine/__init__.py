"""The run itself: prepare, submit, track, and what comes after it: reconcile; joins the stages and the client."""

from typing import TYPE_CHECKING

from bulk_topup.system.lazy_imports import lazy_exports

if TYPE_CHECKING:
    from bulk_topup.engine.callback_hints import follow_hints
    from bulk_topup.engine.control import CircuitPolicy, StopReason
    from bulk_topup.engine.polling import PollPolicy
    from bulk_topup.engine.runner import Progress, Runner, RunOptions, RunResult
else:
    __getattr__ = lazy_exports(
        __name__,
        callback_hints=("follow_hints",),
        control=("CircuitPolicy", "StopReason"),
        polling=("PollPolicy",),
        runner=("Progress", "RunOptions", "RunResult", "Runner"),
    )

__all__ = ["CircuitPolicy", "PollPolicy", "Progress", "RunOptions", "RunResult", "Runner", "StopReason", "follow_hints"]
