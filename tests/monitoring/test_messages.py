"""Texts of messages: the result first, money by currency, what to do next, and no personal data."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.summary import Summary
from bulk_topup.domain.verdict import RunVerdict, verdict_of_summary
from bulk_topup.monitoring.messages import (
    Ending,
    Message,
    MessageContext,
    MessageType,
    end_message,
    plan_message,
    start_message,
)
from bulk_topup.monitoring.notifications import Attachment, NotificationEvent

CONTEXT = MessageContext(
    run="payroll/2026-11", environment="production", account="https://dvs.example/v1 (key 1a2b3c4d)", host="payer-1"
)


def summary(**counts: int) -> Summary:
    states = {state: counts.get(state.value, 0) for state in RowState}
    return Summary(
        run="payroll/2026-11",
        environment="production",
        account="https://dvs.example/v1 (key 1a2b3c4d)",
        rows=sum(states.values()),
        counts=states,
        totals=(),
        charged={"EUR": Decimal("0.10"), "USD": Decimal("12345678901234567.89")},
        held={},
        in_conflict={"USD": Decimal("9.35")},
        planned={},
        unknown_charges=0,
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
    return verdict_of_summary(run, of, contradicted=0)


def ended(code: int, **values: Any) -> Message:
    some: dict[str, Any] = {"error": "", "seconds": 3_725, "files": {}}
    return end_message(CONTEXT, Ending(exit_code=code, **{**some, **values}))


def test_a_run_whose_other_rows_have_nothing_due_is_a_success_that_names_them() -> None:
    of = replace(summary(completed=2, refused=3), nothing_due=3)
    message = ended(0, summary=of, verdict=verdict(of))
    assert message.type is MessageType.SUCCESS
    assert "2 of 5 rows completed, 3 with nothing due" in message.title
    assert "  3 with nothing due" in message.body
    assert "refused" not in message.body
    assert "What to do next: Nothing to do." in message.body


def test_the_message_of_a_finished_run_has_rows_money_duration_and_next_steps() -> None:
    message = ended(
        1,
        summary=summary(completed=1_200, failed=2, refused=1),
        requests=1_250,
        folder=Path("/srv/reports/payroll-2026-11"),
        files={Attachment.SUMMARY: Path("summary.json")},
    )
    assert message.title == "payroll/2026-11: 1,200 of 1,203 rows completed, 1 refused, 2 failed (exit code 1)"
    for line in (
        "Run payroll/2026-11 in production ended with exit code 1: finished, some rows not completed.",
        "1,203 rows:",
        "  1,200 completed",
        "  2 failed",
        "Environment: production. Account: https://dvs.example/v1 (key 1a2b3c4d).",
        "Charged: 0.10 EUR",
        "Charged: 12,345,678,901,234,567.89 USD",
        "Took 1 h 2 min 5 s, 1,250 requests.",
        "Report: /srv/reports/payroll-2026-11",
        "bulk-topup on payer-1",
    ):
        assert line in message.body.splitlines()
    assert "pending" not in message.body
    assert message.files == {Attachment.SUMMARY: Path("summary.json")}


@pytest.mark.parametrize(
    ("exit_code", "more", "events", "type_"),
    [
        (0, {}, {NotificationEvent.FINISH}, "success"),
        (
            1,
            {"summary": summary(completed=1, failed=1)},
            {NotificationEvent.FINISH, NotificationEvent.FAILURE},
            "warning",
        ),
        (3, {"is_crash": True}, {NotificationEvent.FAILURE}, "failure"),
        (75, {"is_crash": True, "summary": summary(completed=1)}, {NotificationEvent.FAILURE}, "failure"),
        (2, {}, {NotificationEvent.FAILURE}, "failure"),
        (3, {}, {NotificationEvent.FAILURE}, "failure"),
        (3, {"is_approval_needed": True}, {NotificationEvent.APPROVAL, NotificationEvent.FAILURE}, "failure"),
        (4, {}, {NotificationEvent.FAILURE}, "failure"),
        (75, {"summary": summary(completed=1, pending=1)}, {NotificationEvent.FAILURE}, "warning"),
    ],
)
def test_the_events_of_a_message_follow_from_the_ending(
    exit_code: int, more: dict[str, Any], events: set[NotificationEvent], type_: str
) -> None:
    message = ended(exit_code, **more)
    assert message.events == events
    assert message.type.value == type_
    assert f"exit code {exit_code}" in message.title
    assert "What to do next: " in message.body


def test_the_error_of_the_terminal_is_quoted_without_personal_data() -> None:
    error = 'payroll.csv line 18, column "phone": "06595123456" of "Ada Lovelace", +65 9512 3456, is no E.164 number.'
    body = ended(3, error=error).body
    assert "payroll.csv line 18" in body
    assert "is no E.164 number" in body
    assert not [name for name in ("0659512", "9512 3456", "Ada", "Lovelace") if name in body]


def test_the_start_message_has_rows_and_expected_cost() -> None:
    message = start_message(CONTEXT, 1, {"USD": Decimal("3.710")})
    assert message.title == "payroll/2026-11: started, 1 row"
    assert "Expected cost: 3.71 USD" in message.body.splitlines()
    assert "Environment: production. Account: https://dvs.example/v1 (key 1a2b3c4d)." in message.body.splitlines()
    assert message.events == {NotificationEvent.START}


def test_the_plan_message_has_the_plan_file_and_its_amounts() -> None:
    message = plan_message(CONTEXT, 2, {"SGD": Decimal(10)}, {"USD": Decimal("7.42")}, Path("/srv/my plan.json"))
    assert message.events == {NotificationEvent.APPROVAL}
    assert message.title == "payroll/2026-11: plan needs an approval"
    assert "Environment: production. Account: https://dvs.example/v1 (key 1a2b3c4d)." in message.body.splitlines()
    for line in ("Requested amount: 10.00 SGD", "Expected cost: 7.42 USD"):
        assert line in message.body.splitlines()
    assert "Check the plan, then sign it with `bulk-topup approve '/srv/my plan.json' --key FILE`." in message.body


@pytest.mark.parametrize(
    ("code", "counts"),
    [
        (1, {"completed": 1, "failed": 2, "refused": 1}),
        (4, {"completed": 1, "pending": 2}),
        (75, {"accepted": 2, "failed": 1}),
    ],
)
def test_the_next_steps_are_those_of_terminal_and_report(code: int, counts: dict[str, int]) -> None:
    run = summary(**counts)
    lines = ended(code, summary=run, verdict=verdict(run)).body.splitlines()
    assert verdict(run).steps
    for step in verdict(run).steps:
        assert step.text in "\n".join(lines)
        assert not step.command or f"  {step.command}" in lines
    assert ("What to do next: Fix the error above." in lines) is (code == 4)


def test_a_list_that_was_not_archived_does_not_count_as_a_row_that_is_not_completed() -> None:
    run = summary(completed=3)
    message = ended(1, error="payroll.csv was not archived.", summary=run, verdict=verdict(run))
    assert message.title == "payroll/2026-11: all rows completed, but an error needs a fix (exit code 1)"
    assert "not completed" not in message.body
    assert "What to do next: Fix what the message and the report name, then run again." in message.body.splitlines()


def test_a_resumable_ending_asks_to_run_again_before_all_other_steps() -> None:
    run = replace(summary(completed=3, failed=1), failures={"DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE": 1})
    body = ended(75, summary=run, verdict=verdict(run)).body
    assert "What to do next: Run again to resume. No row is paid twice." in body.splitlines()
    assert "bulk-topup retry payroll/2026-11 --env preprod" in body


def test_a_message_without_a_run_has_no_command_that_needs_one() -> None:
    assert "bulk-topup resume" not in ended(4).body + ended(75).body
