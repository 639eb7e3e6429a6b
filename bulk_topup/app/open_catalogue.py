"""Opens the catalogue of a command that only asks: with the answers that its ledger keeps, if that can be opened."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from bulk_topup.app.catalogue import Asking, Catalogue
from bulk_topup.app.open_ledger import open_or_create_ledger
from bulk_topup.app.side_by_side import OnProgress
from bulk_topup.domain.answer_ages import AnswerAges
from bulk_topup.domain.environment import ProviderOptions
from bulk_topup.dvs import AsyncDVS
from bulk_topup.errors import LedgerError, PinKeyError
from bulk_topup.system.clock import Clock


@contextmanager
def open_catalogue(
    options: ProviderOptions, dvs: AsyncDVS, *, ages: AnswerAges, clock: Clock, on_progress: OnProgress | None = None
) -> Iterator[Catalogue]:
    """Open a catalogue; without a ledger that can be used it asks for everything, and keeps nothing.

    Args:
        options: environment and ledger.
        dvs: an open client of the environment.
        ages: how old an answer may be.
        clock: the source of time.
        on_progress: receives the progress; None for nobody.
    """
    asking = Asking(keeps_answers=not options.is_embedded, on_progress=on_progress)
    with ExitStack() as stack:
        ledger = None
        if asking.keeps_answers:
            with suppress(LedgerError, PinKeyError):
                ledger = stack.enter_context(open_or_create_ledger(options, clock=clock))
        yield asking.catalogue(dvs, ledger, options.environment, ages, clock)
