"""The clock that skips waits does not skip what others still do."""

import hashlib
import threading
from pathlib import Path

import pytest

from tests.helpers.hand_clock import SkippingClock


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the states of threads are known on Linux alone")
@pytest.mark.anyio
async def test_a_wait_does_not_end_before_a_thread_that_works() -> None:
    worker = threading.Thread(target=hashlib.pbkdf2_hmac, args=("sha256", b"password", b"salt", 500_000))
    worker.start()
    await SkippingClock().sleep(30)
    assert not worker.is_alive()


@pytest.mark.anyio
async def test_a_wait_ends_although_other_threads_wait() -> None:
    """A test that has to wait the whole of its time is ended as one that hangs."""
    end = threading.Event()
    waiting = threading.Thread(target=end.wait)
    waiting.start()
    clock = SkippingClock()
    await clock.sleep(86_400)
    end.set()
    assert clock.skipped > 80_000
