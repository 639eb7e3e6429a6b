"""Makes Python's garbage collector run rarely; touches only the thresholds of `gc`.

Collecting all objects takes a tenth of a second, during which nothing is sent. Payments leave no reference cycles
behind, which are all that a collection could find; cycles that errors leave are found a little later.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

#: New objects until the youngest generation is collected, and collections until the next generation is, and the last.
#: Python's own thresholds are 700, 10 and 10.
RARE: Final = (50_000, 20, 100)


@contextmanager
def rare_gc() -> Iterator[None]:
    """Collect garbage rarely inside the context, unless this process already does so more rarely, or never."""
    before = gc.get_threshold()
    if not gc.isenabled() or before[0] == 0 or before[0] >= RARE[0]:
        yield
        return
    gc.set_threshold(*RARE)
    try:
        yield
    finally:
        gc.set_threshold(*before)
