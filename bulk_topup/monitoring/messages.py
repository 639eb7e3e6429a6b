"""The texts of messages: how an invocation ended, the rows and money of its run, and what to do next; pure.

Readers need not have access to the list, and mail servers keep messages: they contain no name, number or cell.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Final

from bulk_topup.domain.environment import format_account
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.money import format_money
from bulk_topup.domain.states import OPEN_STATES, RowState
from bulk_topup.domain.summary import Summary
from bulk_topup.domain.verdict import RunVerdict, format_rows
from bulk_topup.monitoring.notifications import Attachment, NotificationEvent
from bulk_topup.security.redaction import redact_personal_data

#: Maximum characters of an error that a message quotes.
MAX_ERROR_LENGTH: Final = 2_000
#: DVS error codes, which look like mobile numbers and are no personal data (reference: Errors).
_ERROR_CODE: Final = re.compile(r"(\(100[0-9]{4}\))")


class MessageType(StrEnum):
    """How good the news of a message is; the values are Apprise's."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message to all channels of its events."""

    #: A channel gets the message once if it is subscribed to any of these.
    events: frozenset[NotificationEvent]
    type: MessageType
    #: One line.
    title: str
    #: Plain text.
    body: str
    #: Files that a channel can attach.
    files: Mapping[Attachment, Path]


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageContext:
    """The run and the machine that a message is about."""

    #: Run name, or job name if there is no run yet.
    run: str
    environment: str
    #: The account that pays, as the ledger names it; empty if it is not known yet.
    account: str
    #: Host name of the machine.
    host: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How an invocation ended."""

    exit_code: int
    #: The error as shown on the terminal; empty if there was none.
    error: str
    #: Whether an approval is required.
    is_approval_needed: bool = False
    #: Whether the error was unexpected, so that the process ends with a traceback.
    is_crash: bool = False
    #: Counts and totals of the run; None if nothing could be sent.
    summary: Summary | None = None
    #: What they mean and what to do next, as in terminal and report; None if nothing could be sent.
    verdict: RunVerdict | None = None
    #: Duration in seconds.
    seconds: int
    #: Requests to DVS.
    requests: int | None = None
    #: Report folder.
    folder: Path | None = None
    files: Mapping[Attachment, Path]


#: Exit code 1 for another reason than a row, such as a list that could not be archived.
_COMPLETED_WITH_ERROR: Final = "all rows completed, but an error needs a fix"
_CRASHED: Final = (
    "unexpected error",
    "Run again to resume: the ledger has everything that was sent, and no row is paid twice. Keep the traceback.",
)
_CRASHED_BEFORE: Final = (
    "unexpected error, nothing was sent",
    "Run again. If it fails in the same way, report it with the traceback.",
)
_APPROVAL: Final = (
    "approval required, nothing was sent",
    (
        "Run `bulk-topup plan JOB --output plan.json`, and have another person run `bulk-topup approve plan.json "
        "--key FILE`."
    ),
)


def start_message(context: MessageContext, rows: int, costs: Mapping[str, Decimal]) -> Message:
    """Return the message that a run starts to send rows.

    Args:
        context: the run.
        rows: open rows.
        costs: expected cost, by wallet currency.
    """
    lines = [f"Run {context.run} in {context.environment} started: {format_rows(rows)} to send or follow."]
    lines += _money_lines("Expected cost", costs)
    return Message(
        events=frozenset({NotificationEvent.START}),
        type=MessageType.INFO,
        title=f"{context.run}: started, {format_rows(rows)}",
        body=_body(context, lines),
        files={},
    )


def plan_message(
    context: MessageContext, rows: int, amounts: Mapping[str, Decimal], costs: Mapping[str, Decimal], plan: Path
) -> Message:
    """Return the message that a plan needs an approval.

    Args:
        context: the run.
        rows: rows to pay.
        amounts: requested amounts, by unit.
        costs: expected cost, by wallet currency.
        plan: the plan file.
    """
    lines = [
        f"The plan of run {context.run} in {context.environment} needs an approval: {format_rows(rows)}.",
        *_money_lines("Requested amount", amounts),
        *_money_lines("Expected cost", costs),
        f"What to do next: Check the plan, then sign it with `bulk-topup approve {shlex.quote(str(plan))} --key FILE`.",
    ]
    return Message(
        events=frozenset({NotificationEvent.APPROVAL}),
        type=MessageType.WARNING,
        title=f"{context.run}: plan needs an approval",
        body=_body(context, lines),
        files={},
    )


def end_message(context: MessageContext, ending: Ending) -> Message:
    """Return the message how an invocation ended."""
    meaning, next_step = _meaning(ending)
    headline = meaning
    if ending.exit_code == ExitCode.INCOMPLETE and ending.summary is not None:
        if not ending.summary.is_complete:
            headline = _row_counts(ending.summary)
        else:
            headline = meaning = _COMPLETED_WITH_ERROR
    elif ending.exit_code == ExitCode.ALL_COMPLETED and ending.summary is not None and ending.summary.set_aside:
        headline = meaning = _row_counts(ending.summary)
    lines = [f"Run {context.run} in {context.environment} ended with exit code {ending.exit_code}: {meaning}.", ""]
    if ending.error:
        lines += [_without_personal_data(ending.error[:MAX_ERROR_LENGTH]), ""]
    if ending.summary is not None:
        lines += [*_summary_lines(ending.summary), ""]
    first, *others = _steps(ending, next_step)
    lines += [f"Took {_duration(ending.seconds)}{_requests(ending.requests)}.", f"What to do next: {first}", *others]
    if ending.folder is not None:
        lines.append(f"Report: {ending.folder}")
    return Message(
        events=_events(ending),
        type=_type(ending),
        title=f"{context.run}: {headline} (exit code {ending.exit_code})",
        body=_body(context, lines),
        files=ending.files,
    )


def _meaning(ending: Ending) -> tuple[str, str]:
    """Return what an ending means, and what to do next unless the run itself says it."""
    if ending.is_crash:
        return _CRASHED if ending.exit_code == ExitCode.RESUMABLE else _CRASHED_BEFORE
    if ending.is_approval_needed:
        return _APPROVAL
    code = ExitCode(ending.exit_code)
    return code.headline, code.next_step


def _steps(ending: Ending, by_exit_code: str) -> Iterator[str]:
    """Yield what to do next: the steps of the run, and that of the exit code if they do not include it."""
    steps = () if ending.verdict is None or ending.is_crash else ending.verdict.steps
    has_open = ending.summary is not None and any(ending.summary.counts[state] for state in OPEN_STATES)
    if ending.exit_code == ExitCode.STOPPED_BY_PROVIDER and has_open:
        yield "Fix the error above."
    elif not steps or (ending.exit_code not in {ExitCode.ALL_COMPLETED, ExitCode.INCOMPLETE} and not has_open):
        yield by_exit_code
    for step in steps:
        yield step.text
        if step.command:
            yield f"  {step.command}"


def _type(ending: Ending) -> MessageType:
    if ending.exit_code == ExitCode.ALL_COMPLETED:
        return MessageType.SUCCESS
    is_expected = ending.exit_code in {ExitCode.INCOMPLETE, ExitCode.RESUMABLE} and not ending.is_crash
    return MessageType.WARNING if is_expected else MessageType.FAILURE


def _events(ending: Ending) -> frozenset[NotificationEvent]:
    if ending.is_approval_needed:
        return frozenset({NotificationEvent.APPROVAL, NotificationEvent.FAILURE})
    if ending.exit_code == ExitCode.ALL_COMPLETED:
        return frozenset({NotificationEvent.FINISH})
    is_finished = ending.exit_code == ExitCode.INCOMPLETE
    return frozenset(
        {NotificationEvent.FINISH, NotificationEvent.FAILURE} if is_finished else {NotificationEvent.FAILURE}
    )


def _without_personal_data(text: str) -> str:
    parts = _ERROR_CODE.split(text)
    return "".join(part if _ERROR_CODE.fullmatch(part) else redact_personal_data(part) for part in parts)


def _summary_lines(summary: Summary) -> Iterator[str]:
    yield f"{format_rows(summary.rows)}:"
    yield from (f"  {count:,} {text}" for text, count in _outcomes(summary))
    for label, amounts in summary.money.items():
        yield from _money_lines(label, amounts)


def _money_lines(label: str, amounts: Mapping[str, Decimal]) -> list[str]:
    return [f"{label}: {format_money(amount, unit)}" for unit, amount in amounts.items()]


def _row_counts(summary: Summary) -> str:
    """Return how many rows are completed, and how many are in each other state: `1 of 3 rows completed, 2 failed`."""
    parts = [f"{summary.counts[RowState.COMPLETED]:,} of {format_rows(summary.rows)} completed"]
    for text, count in _outcomes(summary):
        if text == RowState.CONFLICT:
            parts.append(f"{count:,} {'needs' if count == 1 else 'need'} review")
        elif text != RowState.COMPLETED:
            parts.append(f"{count:,} {text}")
    return ", ".join(parts)


def _outcomes(summary: Summary) -> Iterator[tuple[str, int]]:
    """Yield how many rows have which outcome."""
    for state, count in summary.counts.items():
        is_refused = state is RowState.REFUSED
        if number := count - (summary.set_aside if is_refused else 0):
            yield state.value.replace("_", " "), number
        if is_refused and summary.nothing_due:
            yield "with nothing due", summary.nothing_due
        if is_refused and summary.duplicates:
            yield "left out as duplicates", summary.duplicates


def _duration(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "less than a second"


def _requests(count: int | None) -> str:
    return "" if count is None else f", {count:,} {'request' if count == 1 else 'requests'}"


def _body(context: MessageContext, lines: list[str]) -> str:
    account = format_account(context.environment, context.account)
    return "\n".join([*lines, "", account, f"bulk-topup on {context.host}"])
