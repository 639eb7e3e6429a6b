"""Opens what a run works with, in the one safe order: its ledger, its lock, and the client of its account."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass

from bulk_topup.app.credentials import Credentials
from bulk_topup.app.open_ledger import open_or_create_ledger
from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.provider import check_environment, open_client, payer_of
from bulk_topup.domain.environment import ProviderOptions
from bulk_topup.dvs import AsyncDVS
from bulk_topup.ledger import LedgerStore, RunLock, run_lock
from bulk_topup.system.clock import Clock


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """The open resources of one run; no other process works on the run while they are open."""

    ledger: LedgerStore
    #: The run's lock, which this process has.
    lock: RunLock
    dvs: AsyncDVS
    #: The account that the client pays from.
    payer: PayingAccount


@asynccontextmanager
async def open_session(
    provider: ProviderOptions,
    job: str,
    run_key: str,
    *,
    rate: float | None = None,
    connections: int | None = None,
    same_account: bool = False,
    credentials: Credentials | None = None,
    ledger: LedgerStore | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Session]:
    """Open ledger, run lock and client, in this order, and close them in reverse.

    The lock comes before the client: a second invocation must report the locked run, not the embedded sandbox or the
    credentials that it would also fail on.

    Args:
        provider: environment, address, credentials file and ledger.
        job: the name of the run's job.
        run_key: the run's key.
        rate: most requests per second; None for the provider's own limit.
        connections: most connections at once.
        same_account: whether the run's account is unchanged although its credentials or URL changed.
        credentials: API credentials; None for those of the provider options or the environment.
        ledger: a ledger that is open already and stays open; None to open that of the provider options.
        clock: the source of time; None for this machine's clock.

    Raises:
        LedgerError: the ledger cannot be opened.
        RunLockedError: another process works on the run.
        EnvironmentNotNamedError: credentials are given, and nothing says that the sandbox is meant.
        ConfigurationError: credentials are missing, or the address cannot be used.
    """
    check_environment(provider, credentials)
    with (
        open_or_create_ledger(provider, clock=clock) if ledger is None else nullcontext(ledger) as opened,
        run_lock(opened.path, job, run_key) as lock,
    ):
        async with open_client(
            provider, rate=rate, connections=connections, credentials=credentials, clock=clock
        ) as dvs:
            payer = payer_of(provider, dvs, same_account=same_account)
            yield Session(ledger=opened, lock=lock, dvs=dvs, payer=payer)
