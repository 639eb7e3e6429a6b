"""What the parts of one run share; creating it reads the ledger once."""

from dataclasses import dataclass
from typing import Self

from bulk_topup.domain.guards import Caps, Guards, Mode
from bulk_topup.domain.list_command import rebuild_way
from bulk_topup.domain.run import Run
from bulk_topup.domain.verdict import run_arguments
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine.budget import Budget
from bulk_topup.engine.charges import Charges
from bulk_topup.engine.concurrency import concurrency_for
from bulk_topup.engine.control import Control, StopReason
from bulk_topup.engine.journal import Journal
from bulk_topup.engine.operator_breaker import OperatorBreaker
from bulk_topup.engine.price_watch import PriceWatch
from bulk_topup.engine.run_options import RunOptions
from bulk_topup.engine.wallet_watch import WalletWatch
from bulk_topup.ledger import LedgerStore, SpendingTotals
from bulk_topup.system.clock import Clock


@dataclass(frozen=True, kw_only=True, slots=True)
class RunContext:
    """One run's client, ledger, clock and state, shared by the parts that submit, track, hold and record."""

    #: The run, whose lock the caller holds.
    run: Run
    #: How the run sends and tracks.
    options: RunOptions
    #: An open client; its limiter paces all requests.
    dvs: AsyncDVS
    #: An open ledger; while the run is running, only the thread of `journal` uses it.
    ledger: LedgerStore
    #: Calls the ledger and groups moves into commits.
    journal: Journal
    #: Pauses and stops the run.
    control: Control
    #: Where time comes from.
    clock: Clock
    #: What may still be sent within the caps.
    budget: Budget
    #: Which operators are paused.
    operators: OperatorBreaker
    #: What this invocation charged or put on hold.
    charges: Charges
    #: Which prices differ from the plan.
    prices: PriceWatch
    #: What is left in the wallets.
    wallets: WalletWatch
    #: Maximum concurrent requests.
    concurrency: int

    @classmethod
    def create(cls, *, run: Run, dvs: AsyncDVS, ledger: LedgerStore, options: RunOptions, clock: Clock) -> Self:
        """Create the context of one execution of a run; call it inside the event loop of that execution.

        Args:
            run: the run, whose lock the caller holds.
            dvs: an open client.
            ledger: an open ledger.
            options: how the run sends and tracks.
            clock: where time comes from.
        """
        dvs.waits.restarts = True
        control = Control(clock, options.circuit)
        journal = Journal(ledger, run, clock)
        guards = options.guards
        charges = Charges()
        spent = ledger.spending.spent(run) if guards.caps != Caps() else SpendingTotals(rows=0, amounts={}, costs={})
        return cls(
            run=run,
            options=options,
            dvs=dvs,
            ledger=ledger,
            journal=journal,
            control=control,
            clock=clock,
            budget=Budget(guards.caps, spent),
            operators=OperatorBreaker(guards.operators, clock),
            charges=charges,
            prices=PriceWatch(guards),
            wallets=WalletWatch(
                options.balances,
                dvs=dvs,
                ledger=ledger,
                journal=journal,
                run=run,
                control=control,
                charges=charges,
                clock=clock,
            ),
            concurrency=options.concurrency or concurrency_for(dvs.limiter),
        )

    def is_ledger_in_place(self) -> bool:
        """Return True if the ledger's path still names the open file; else stop the run.

        What was sent is recorded in the open file for as long as the process lives, so that the report has it.
        """
        change = self.ledger.displacement()
        if change:
            self.control.stop(
                StopReason.LEDGER_MOVED,
                f"The ledger {self.ledger.path} was {change} during the run, so nothing more is sent. What was sent "
                "is in the report of this invocation, and the ledger that is there now does not know it. Put the "
                f"file back, or rebuild the run before you continue: {rebuild_way(self.run)}",
            )
        return not change

    @property
    def guards(self) -> Guards:
        """What the run is allowed to do with money."""
        return self.options.guards

    @property
    def is_hold_mode(self) -> bool:
        """Whether all transactions are created first, and then all confirmed or all cancelled."""
        return self.guards.mode is Mode.HOLD

    @property
    def resume_command(self) -> str:
        """The command that resumes the run, in backticks."""
        return f"`bulk-topup resume {run_arguments(self.run)}`"
