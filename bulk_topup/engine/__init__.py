"""The run itself: prepare, submit, track, and what comes after it: reconcile; joins the stages and the client."""

from typing import TYPE_CHECKING

from bulk_topup.system.lazy_imports import lazily

if TYPE_CHECKING:
    from bulk_topup.engine.comparison import Difference, Figures, Kind
    from bulk_topup.engine.control import CircuitPolicy, StopReason
    from bulk_topup.engine.hints import follow_hints
    from bulk_topup.engine.lists import ListFigures, changed_lines, contradictions
    from bulk_topup.engine.polling import PollPolicy
    from bulk_topup.engine.prepare import Prepared, compare_balances
    from bulk_topup.engine.rebuild import rebuild_attempts
    from bulk_topup.engine.reconcile import Applied, Comparison, apply, compare_window
    from bulk_topup.engine.resolve import ENDS, ResolutionError, Statement
    from bulk_topup.engine.run import Progress, Runner, RunOptions, RunResult
    from bulk_topup.engine.wallets import WalletFigures, wallet_figures
else:
    __getattr__ = lazily(
        __name__,
        comparison=("Difference", "Figures", "Kind"),
        control=("CircuitPolicy", "StopReason"),
        hints=("follow_hints",),
        lists=("ListFigures", "changed_lines", "contradictions"),
        polling=("PollPolicy",),
        prepare=("Prepared", "compare_balances"),
        rebuild=("rebuild_attempts",),
        reconcile=("Applied", "Comparison", "apply", "compare_window"),
        resolve=("ENDS", "ResolutionError", "Statement"),
        run=("Progress", "RunOptions", "RunResult", "Runner"),
        wallets=("WalletFigures", "wallet_figures"),
    )

__all__ = [
    "ENDS",
    "Applied",
    "CircuitPolicy",
    "Comparison",
    "Difference",
    "Figures",
    "Kind",
    "ListFigures",
    "PollPolicy",
    "Prepared",
    "Progress",
    "ResolutionError",
    "RunOptions",
    "RunResult",
    "Runner",
    "Statement",
    "StopReason",
    "WalletFigures",
    "apply",
    "changed_lines",
    "compare_balances",
    "compare_window",
    "contradictions",
    "follow_hints",
    "rebuild_attempts",
    "wallet_figures",
]
