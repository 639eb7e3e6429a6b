import re
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.corrections import note_of
from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.problems import Problem
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.report import ReportFormat, write_report
from bulk_topup.report.formats.html_parts import element, html, joined
from bulk_topup.report.formats.html_results import ALL_SHOWN, NOT_COMPLETED_SHOWN
from tests.helpers.sample_run import COMPLETED, RUN


class _Parsed(HTMLParser):
    """A page as a browser reads it: its elements and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.text += " "

    def handle_data(self, data: str) -> None:
        self.text += data

    def names(self) -> set[str]:
        return {name for name, _ in self.elements}


@pytest.fixture
def written(tmp_path: Path, run: Run) -> Callable[..., str]:
    """Return a function that writes a page about rows and returns it as text."""

    def write(*rows: Outcome, run: Run = run, reveal_pins: bool = False) -> str:
        pages = [Outcomes.of(rows[start : start + 150]) for start in range(0, len(rows), 150)]
        write_report(run, pages, tmp_path, formats=[ReportFormat.HTML], reveal_pins=reveal_pins)
        return (tmp_path / "results.html").read_text(encoding="utf-8")

    return write


def _failed(line: int, **changes: object) -> Outcome:
    values: dict[str, object] = {
        "line": line,
        "state": RowState.FAILED,
        "status_class": "DECLINED",
        "status_message": "DECLINED-BARRED-CREDIT-PARTY",
        "message": "DVS returned DECLINED-BARRED-CREDIT-PARTY.",
        **changes,
    }
    return replace(COMPLETED, **values)  # type: ignore[arg-type]


def test_the_page_shows_the_verdict_first_then_the_cost_then_the_reasons(
    written: Callable[..., str],
) -> None:
    text = " ".join(_Parsed(written(COMPLETED, _failed(3), _failed(4))).text.split())
    expected = [
        "payroll/2026-11",
        "lists/payroll.csv",
        "last change 2026-11-24 02:01 UTC",
        "Sandbox: no real money moved",
        "1 of 3 rows completed, 2 failed.",
        "Exit code 1",
        "Charged 9.35 USD",
        "What to do next",
        "2 rows to fix in",
        "Why rows are not completed",
        "2 failed The number is barred by its operator; ask for another number (DECLINED-BARRED-CREDIT-PARTY). 3, 4",
        "Rows and money by state",
        "Rows not completed",
    ]
    body = text.index("results of the run")
    positions = [text.find(each, body) for each in expected]
    assert -1 not in positions, expected[positions.index(-1)]
    assert positions == sorted(positions)


def test_a_row_that_is_not_completed_is_shown_with_its_cells_and_the_transaction(written: Callable[..., str]) -> None:
    text = " ".join(_Parsed(written(_failed(3))).text.split())
    assert "3 failed +6595123100 12.50 SGD DVS returned DECLINED-BARRED-CREDIT-PARTY." in text
    assert "Transaction 2237512891." in text
    assert "employee: E1" in text


def test_a_page_loads_runs_and_sends_nothing(written: Callable[..., str], run: Run) -> None:
    page = _Parsed(written(COMPLETED, _failed(3)))
    assert not page.names() & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "a"}
    assert not {key for _, found in page.elements for key in found} & {"src", "href", "style", "action"}
    [policy] = [found["content"] for name, found in page.elements if found.get("http-equiv")]
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    without_account = written(COMPLETED).replace(f"account {run.account}", "account")  # which is an address, as text
    assert not re.search(r"url\(|@import|https?:", without_account)


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='alert(1)",
        "</style><script>alert(1)</script>",
        "&lt;script&gt;",
        "<!--",
        "`<b>`",
    ],
)
def test_hostile_texts_of_a_list_or_of_dvs_are_shown_and_do_nothing(
    written: Callable[..., str], run: Run, hostile: str
) -> None:
    named = replace(run, job=hostile.replace("/", "-"), list_path=hostile, columns=(hostile, "phone", "amount"))
    row = _failed(
        3,
        cells=(hostile, "x", "y"),
        message=hostile,
        note=hostile,
        status_message=hostile,
        credit_party=hostile,
        unit=hostile,
        price_unit=hostile,
        in_list=True,
    )
    refused = replace(row, state=RowState.REFUSED, problems=(Problem(column=hostile, message=hostile),))
    paid = replace(row, state=RowState.COMPLETED)
    page = _Parsed(written(row, refused, paid, run=named))
    harmless = _Parsed(written(_failed(3), replace(refused, problems=()), COMPLETED)).names() | {"bdi", "code"}
    assert page.names() <= harmless
    assert not {key for _, found in page.elements for key in found if key.startswith("on")}
    assert hostile in page.text


@given(text=st.text())
def test_a_text_is_read_back_as_it_was_apart_from_invisible_characters(text: str) -> None:
    page = _Parsed(element("p", text, title=text))
    assert page.names() == {"p"}
    replaced = str(html(text))
    assert page.elements[0][1]["title"] == _Parsed(f"<p>{replaced}").text[1:]
    assert len(page.text) == len(text) + 1


def test_joined_parts_are_escaped_once() -> None:
    assert element("p", joined(("a & b", element("b", "<"))), class_="x") == '<p class="x">a &amp; b<b>&lt;</b></p>'


def test_text_that_reverses_or_hides_what_follows_is_replaced() -> None:
    assert html("a\u202eb\u200bc\x00d\ud800") == "a\ufffdb\ufffdc\ufffdd\ufffd"
    assert html("سلام\u200cها é") == "سلام\u200cها é"


def test_pins_are_never_on_the_page(written: Callable[..., str]) -> None:
    page = written(COMPLETED, _failed(3), reveal_pins=True)
    assert "1234-5678" not in page
    assert "SERIAL-9" not in page


def test_only_the_owner_can_read_the_page(written: Callable[..., str], tmp_path: Path) -> None:
    written(COMPLETED)
    assert stat.S_IMODE((tmp_path / "results.html").stat().st_mode) == 0o600


def test_a_long_run_shows_its_first_not_completed_rows_and_names_the_file_with_all(
    written: Callable[..., str],
) -> None:
    rows = [_failed(line) for line in range(2, NOT_COMPLETED_SHOWN + 12)]
    page = _Parsed(written(*rows, *(replace(COMPLETED, line=line) for line in range(1_000, 1_600))))
    text = " ".join(page.text.split())
    assert f"The first {NOT_COMPLETED_SHOWN} of {NOT_COMPLETED_SHOWN + 10} rows. All rows: " in text
    assert "payroll-2026-11-not-completed.csv" in text
    lines = [found for name, found in page.elements if name == "td" and found.get("data-label") == "Line"]
    assert len(lines) == NOT_COMPLETED_SHOWN
    assert "details" not in page.names()


def test_a_short_run_shows_all_of_its_rows(written: Callable[..., str]) -> None:
    page = _Parsed(written(*(replace(COMPLETED, line=line) for line in range(2, ALL_SHOWN + 2))))
    assert "details" in page.names()
    assert len([1 for name, found in page.elements if found.get("data-label") == "Line"]) == ALL_SHOWN


def test_a_long_cell_is_cut(written: Callable[..., str]) -> None:
    page = written(_failed(3, cells=("x" * 5_000, "", ""), message="y" * 30_000))
    assert "x" * 200 not in page
    assert "y" * 1_000 not in page


def test_production_and_a_purge_are_shown(written: Callable[..., str], run: Run) -> None:
    real = replace(run, environment="production", purged_at=datetime(2026, 12, 24, tzinfo=UTC))
    text = _Parsed(written(_failed(3, cells=("", "", ""), credit_party=None), run=real)).text
    assert "no real money" not in text
    assert "personal data purged 2026-12-24 00:00 UTC" in text


def test_a_payment_with_a_list_mismatch_is_no_success(written: Callable[..., str]) -> None:
    assert "1 of 1 row completed, 1 needs review." in written(replace(COMPLETED, note="The list asks for more now."))


@pytest.mark.parametrize(("mismatch", "is_success"), [("", True), ("The list asks for more now. ", False)])
def test_a_corrected_row_that_is_paid_is_a_success(
    written: Callable[..., str], mismatch: str, is_success: bool
) -> None:
    correction = note_of(("phone",), ("+6595123102",), ("+6595123100",))
    text = written(replace(COMPLETED, note=mismatch + correction))
    assert ("needs review" not in text) is is_success
    assert "Corrected:" in text


def test_money_is_exact_and_grouped(written: Callable[..., str]) -> None:
    rows = [replace(COMPLETED, line=line, price=Decimal("1234567.891"), fee=None) for line in (2, 3)]
    assert "2,469,135.782 USD" in written(*rows)


def test_a_run_without_rows_has_a_page_too(written: Callable[..., str]) -> None:
    assert "The run has no rows." in written()


def test_the_same_rows_give_the_same_page(written: Callable[..., str]) -> None:
    assert written(COMPLETED, _failed(3)) == written(COMPLETED, _failed(3))


def test_the_run_of_the_tests_is_a_sandbox() -> None:
    assert RUN.environment == "sandbox"
