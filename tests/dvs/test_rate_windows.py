"""When the provider's windows start, by its responses."""

from bulk_topup.dvs.rate_windows import Windows

LIMIT = 500


def _window(windows: Windows, began: float, *, used: int = 0, until: int = LIMIT - 2) -> float:
    """Send evenly what a window leaves, and give when the last request was sent."""
    for number in range(used, until):
        at = began + (number - used) / LIMIT
        windows.sent(at)
        windows.answered(at, LIMIT, LIMIT - number - 1)
    return at


def test_a_window_starts_where_the_remaining_requests_jump_up() -> None:
    windows = Windows()
    _window(windows, 0.3, used=150)
    before = windows.are_seen
    last = _window(windows, 1.0)
    assert (before, windows.are_seen) == (False, True)
    assert windows.full_until(last) is None
    windows.sent(last + 0.001)
    windows.sent(last + 0.002)
    assert windows.full_until(last + 0.003) == 2.0


def test_a_window_lasts_while_the_remaining_requests_shrink_however_late() -> None:
    windows = Windows()
    _window(windows, 0.3, used=150)
    _window(windows, 1.0, until=LIMIT - 12)
    # The requests before it took longer to arrive, so that it seemed to begin earlier than it did.
    last = _window(windows, 2.004, used=LIMIT - 12, until=LIMIT)
    assert windows.full_until(last) is None
    assert windows.others() == 0


def test_a_window_that_started_unnoticed_is_found_by_its_time() -> None:
    windows = Windows()
    _window(windows, 0.3, used=150)
    _window(windows, 1.0, until=40)
    windows.sent(2.5)
    windows.answered(2.5, LIMIT, LIMIT - 41)  # another client uses as much
    for at in (3.2, 3.25):
        windows.sent(at)
        windows.answered(at, LIMIT, 0)
    assert windows.full_until(3.3) == 4.0


def test_a_window_of_which_others_use_much_at_once_is_found_a_little_later() -> None:
    windows = Windows()
    _window(windows, 0.3, used=150)
    _window(windows, 1.0, until=LIMIT * 2 // 5)
    for number in range(20):  # another client takes 320 as the next one begins, and less is left than before
        at = 2.0 + number / 50
        windows.sent(at)
        windows.answered(at, LIMIT, max(0, 179 - number))
    assert windows.others() >= 320
    for number in range(20, 30):
        at = 2.0 + number / 50
        windows.sent(at)
        windows.answered(at, LIMIT, 0)
    assert windows.full_until(at + 0.01) == 3.0
