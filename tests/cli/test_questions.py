"""The progress of many questions: nothing for quick ones, then a line now and then, and nothing left on a terminal."""

import pytest

from bulk_topup.app.side_by_side import AskingProgress
from bulk_topup.cli.screens.questions import asking_line, shown_asking


def progress(answered: int, seconds: float, total: int = 5_000, what: str = "numbers") -> AskingProgress:
    return AskingProgress(
        what=what, answered=answered, total=total, seconds=seconds, seconds_left=(total - answered) / 20
    )


def test_the_line_says_what_is_asked_for_and_how_long_it_still_takes() -> None:
    assert asking_line(progress(1_240, 62)) == "Asking DVS: 1,240 of 5,000 numbers, about 3 min left."
    assert asking_line(progress(5_000, 250)) == "Asking DVS: 5,000 of 5,000 numbers."


def test_a_line_comes_after_a_second_and_then_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_asking() as show:
        assert show is not None
        for second in range(12):
            show(progress(20 * second, second + 0.5))
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split()[2] for line in err.splitlines()] == ["20", "120", "220"]


def test_what_is_answered_within_a_second_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_asking() as show:
        assert show is not None
        show(progress(1, 0.3, total=2))
        show(progress(2, 0.9, total=2))
    assert capsys.readouterr().err == ""


def test_what_was_shown_is_shown_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_asking() as show:
        assert show is not None
        show(progress(1, 1.5, total=2))
        show(progress(2, 1.6, total=2))
        show(progress(1, 0.5, total=2, what="products"))
    assert capsys.readouterr().err.splitlines() == [
        "Asking DVS: 1 of 2 numbers, about 10 s left.",
        "Asking DVS: 2 of 2 numbers.",
    ]


def test_a_quiet_command_shows_nothing() -> None:
    with shown_asking(is_quiet=True) as show:
        assert show is None


def test_on_a_terminal_one_line_is_redrawn_and_cleared_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bulk_topup.cli.screens.questions.is_live", lambda _console: True)
    with shown_asking() as show:
        assert show is not None
        show(progress(20, 1.5))
        show(progress(21, 1.6))
        show(progress(40, 1.9))
    clear = "\r\x1b[K"
    # Without a real terminal, click removes the colours and keeps what moves the cursor.
    assert capsys.readouterr().err.replace("\x1b[K", "") == (
        f"{clear}{asking_line(progress(20, 1.5))}{clear}{asking_line(progress(40, 1.9))}{clear}"
    ).replace("\x1b[K", "")
