"""Keeps Python from looking for garbage all the time; touches only the thresholds of `gc`.

A look through all objects takes a tenth of a second, in which nothing is sent. What is paid leaves no circles of
references behind, which is all that these looks could find; where errors do, they are found a little later.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

#: How many more objects there have to be than at the last look at the youngest, and after how many of those the next
#: generation is looked at, and the last. By default Python looks after 700, 10 and 10.
RARELY: Final = (50_000, 20, 100)


@contextmanager
def rare_gc() -> Iterator[None]:
    """Look for garbage rarely meanwhile, unless whoever runs this process has it more rarely still."""
    before = gc.get_threshold()
    if not gc.isenabled() or before[0] == 0 or before[0] >= RARELY[0]:
        yield
        return
    gc.set_threshold(*RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)
