"""What messages say: the outcome first, money by currency, what to do next, and nobody's name or number."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.summary import Summary
from bulk_topup.domain.verdict import RunVerdict, verdict_of
from bulk_topup.monitoring.messages import Ending, Message, MessageContext, end_message, plan_message, start_message
from bulk_topup.monitoring.notifications import Attachment, NotificationEvent

TOLD = MessageContext(run="payroll/2026-11", environment="production", host="payer-1")


def summary(**counts: int) -> Summary:
    states = {state: counts.get(state.value, 0) for state in RowState}
    return Summary(
        run="payroll/2026-11",
        rows=sum(states.values()),
        counts=states,
        totals=(),
        charged={"EUR": Decimal("0.10"), "USD": Decimal("12345678901234567.89")},
        held={},
    )


def verdict(of: Summary) -> RunVerdict:
    run = Run(
        id=1,
        job="payroll",
        run_key="2026-11",
        environment="preprod",
        list_path="payroll.csv",
        columns=(),
        created_at=datetime(2026, 11, 28, tzinfo=UTC),
    )
    return verdict_of(run, of.counts, contradicted=0)


def ended(code: int, **values: Any) -> Message:
    some: dict[str, Any] = {"error": "", "seconds": 3_725, "files": {}}
    return end_message(TOLD, Ending(exit_code=code, **{**some, **values}))


def test_a_finished_run_is_told_by_its_rows_its_money_its_time_and_what_to_do() -> None:
    message = ended(
        1,
        summary=summary(completed=1_200, failed=2, refused=1),
        requests=1_250,
        folder=Path("/srv/reports/payroll-2026-11"),
        files={Attachment.SUMMARY: Path("summary.json")},
    )
    assert message.title == "payroll/2026-11: 3 of 1,203 rows did not complete (exit code 1)"
    for line in (
        "Run payroll/2026-11 in production ended with exit code 1: finished, and some rows did not complete.",
        "1,203 rows in all:",
        "  1,200 completed",
        "  2 failed",
        "Charged: 0.1 EUR",
        "Charged: 12345678901234567.89 USD",
        "Took 1 h 2 min 5 s, 1250 requests.",
        "Report: /srv/reports/payroll-2026-11",
        "bulk-topup on payer-1",
    ):
        assert line in message.body.splitlines()
    assert "pending" not in message.body
    assert message.files == {Attachment.SUMMARY: Path("summary.json")}


@pytest.mark.parametrize(
    ("code", "more", "occasions", "tone"),
    [
        (0, {}, {NotificationEvent.FINISH}, "success"),
        (
            1,
            {"summary": summary(completed=1, failed=1)},
            {NotificationEvent.FINISH, NotificationEvent.FAILURE},
            "warning",
        ),
        (1, {"is_crash": True}, {NotificationEvent.FAILURE}, "failure"),
        (2, {}, {NotificationEvent.FAILURE}, "failure"),
        (3, {}, {NotificationEvent.FAILURE}, "failure"),
        (3, {"is_approval_needed": True}, {NotificationEvent.APPROVAL, NotificationEvent.FAILURE}, "failure"),
        (4, {}, {NotificationEvent.FAILURE}, "failure"),
        (75, {"summary": summary(completed=1, pending=1)}, {NotificationEvent.FAILURE}, "warning"),
    ],
)
def test_who_is_told_follows_from_how_it_ended(
    code: int, more: dict[str, Any], occasions: set[NotificationEvent], tone: str
) -> None:
    message = ended(code, **more)
    assert message.events == occasions
    assert message.type.value == tone
    assert f"exit code {code}" in message.title
    assert "What to do next: " in message.body


def test_what_the_terminal_says_is_taken_over_without_the_people_in_it() -> None:
    said = 'payroll.csv line 18, column "phone": "06595123456" of "Ada Lovelace", +65 9512 3456, is no E.164 number.'
    body = ended(3, error=said).body
    assert "payroll.csv line 18" in body
    assert "is no E.164 number" in body
    assert not [name for name in ("0659512", "9512 3456", "Ada", "Lovelace") if name in body]


def test_a_start_is_told_with_its_rows_and_what_they_should_cost() -> None:
    message = start_message(TOLD, 1, {"USD": Decimal("3.710")})
    assert message.title == "payroll/2026-11: begins, 1 row"
    assert "Should cost: 3.71 USD" in message.body.splitlines()
    assert message.events == {NotificationEvent.START}


def test_whoever_approves_is_told_where_the_plan_is_and_what_it_pays() -> None:
    message = plan_message(TOLD, 2, {"SGD": Decimal(10)}, {"USD": Decimal("7.42")}, Path("/srv/plan.json"))
    assert message.events == {NotificationEvent.APPROVAL}
    for line in ("Asked for: 10 SGD", "Should cost: 7.42 USD"):
        assert line in message.body.splitlines()
    assert "bulk-topup approve /srv/plan.json" in message.body


@pytest.mark.parametrize(
    ("code", "counts"),
    [
        (1, {"completed": 1, "failed": 2, "refused": 1}),
        (4, {"completed": 1, "pending": 2}),
        (75, {"accepted": 2, "failed": 1}),
    ],
)
def test_what_to_do_next_is_what_terminal_and_report_say(code: int, counts: dict[str, int]) -> None:
    run = summary(**counts)
    lines = ended(code, summary=run, verdict=verdict(run)).body.splitlines()
    assert verdict(run).steps
    for step in verdict(run).steps:
        assert step.text in "\n".join(lines)
        assert not step.command or f"  {step.command}" in lines
    assert ("What to do next: Mend what is told here." in lines) is (code == 4)


def test_a_list_that_stays_although_all_completed_is_no_row_that_did_not() -> None:
    run = summary(completed=3)
    message = ended(1, error="payroll.csv stays where it is.", summary=run, verdict=verdict(run))
    assert message.title == "payroll/2026-11: all rows completed, and something else is to be mended (exit code 1)"
    assert "did not complete" not in message.body
    assert "What to do next: Mend what is told here, then start it again." in message.body.splitlines()


def test_a_list_that_changed_meanwhile_is_to_be_started_again_whatever_else_is_to_be_done() -> None:
    run = summary(completed=3, failed=1)
    body = ended(75, summary=run, verdict=verdict(run)).body
    assert "What to do next: Start it again; nobody is paid twice by that." in body.splitlines()
    assert "bulk-topup retry payroll/2026-11 --env preprod" in body


def test_a_start_without_a_run_names_no_command_that_needs_one() -> None:
    assert "bulk-topup resume" not in ended(4).body + ended(75).body
