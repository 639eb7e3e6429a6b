"""What messages say: how a start ended, in whose run, with which money, and what to do next; pure.

People other than those who have the list read them, and mail servers keep them: no name, number or cell stands in them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Final

from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.states import OPEN_STATES, RowState
from bulk_topup.domain.summary import Summary
from bulk_topup.domain.verdict import RunVerdict
from bulk_topup.monitoring.notifications import Attachment, NotificationEvent
from bulk_topup.security.redaction import redact_personal_data

#: Characters of a reason that a message takes over.
SAID_CHARACTERS: Final = 2_000
#: The provider's error codes look like numbers of people, and are known (reference: Errors).
_CODE: Final = re.compile(r"(\(100[0-9]{4}\))")


class MessageType(StrEnum):
    """How good a piece of news is; values are Apprise's."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What somebody is told."""

    #: A channel that listens to any of them gets it, once.
    occasions: frozenset[NotificationEvent]
    tone: MessageType
    #: One line.
    title: str
    #: Plain text.
    body: str
    #: What a channel may ask for.
    files: Mapping[Attachment, Path]


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageContext:
    """What every message begins with."""

    #: The run's name, or the job's where there is no run yet.
    run: str
    environment: str
    #: Which machine tells it.
    host: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How a start ended."""

    code: int
    #: What stopped it, as the terminal tells; empty where nothing did.
    said: str
    #: It needs an approval.
    is_approval_needed: bool = False
    #: Nobody expected it: the process ends with a traceback.
    is_crash: bool = False
    #: What became of the run; None where nothing could be sent.
    summary: Summary | None = None
    #: What that means and what to do next, as terminal and report say it; None where nothing could be sent.
    verdict: RunVerdict | None = None
    #: How long it took, in seconds.
    seconds: int
    #: Requests to the provider.
    requests: int | None = None
    #: The folder of the report.
    folder: Path | None = None
    files: Mapping[Attachment, Path]


#: What an exit code means, and what to do then where no run says more of it.
_MEANINGS: Final[Mapping[int, tuple[str, str]]] = {
    ExitCode.ALL_COMPLETED: ("all rows completed", "Nothing is left to do."),
    ExitCode.INCOMPLETE: ("finished, and some rows did not complete", "Mend what is told here, then start it again."),
    ExitCode.USAGE: ("it was started in a way that cannot be", "Correct how it is started, then start it again."),
    ExitCode.INVALID_INPUT: (
        "it is not acceptable as it is, and nothing was sent",
        "Correct what is told here, then start it again.",
    ),
    ExitCode.STOPPED_BY_PROVIDER: ("stopped by the provider", "Mend what is told here, then start it again."),
    ExitCode.RUN_LOCKED: (
        "locked by another process, and nothing was sent",
        "Wait until that process ends, or choose another port, then run again.",
    ),
    ExitCode.DECLINED: ("declined at the prompt, and nothing was sent", "Run again to confirm."),
    ExitCode.RESUMABLE: ("interrupted before its end", "Start it again; nobody is paid twice by that."),
}
#: Exit code 1 for another reason than a row: something is to be mended, such as a list that stays.
_ALL_BUT: Final = "all rows completed, and something else is to be mended"
_CRASHED: Final = (
    "ended by an error that nobody expected",
    "What was sent is in the ledger: start it again to go on; nobody is paid twice by that. Keep the traceback.",
)
_TO_APPROVE: Final = (
    "it needs an approval, and nothing was sent",
    "Write its plan with `bulk-topup plan --output plan.json`, and have somebody else `bulk-topup approve` it.",
)


def start_message(told: MessageContext, rows: int, costs: Mapping[str, Decimal]) -> Message:
    """Tell that rows begin to be sent.

    Args:
        told: whose run it is.
        rows: how many are to be sent.
        costs: what they should cost, by currency.
    """
    lines = [f"Run {told.run} in {told.environment} begins: {_rows(rows)} to be sent or followed."]
    lines += [f"Should cost: {format_plain(cost)} {unit}" for unit, cost in costs.items()]
    return Message(
        occasions=frozenset({NotificationEvent.START}),
        tone=MessageType.INFO,
        title=f"{told.run}: begins, {_rows(rows)}",
        body=_body(told, lines),
        files={},
    )


def plan_message(
    told: MessageContext, rows: int, amounts: Mapping[str, Decimal], costs: Mapping[str, Decimal], plan: Path
) -> Message:
    """Tell that a plan waits for somebody's approval."""
    lines = [
        f"The plan of run {told.run} in {told.environment} waits for an approval: {_rows(rows)}.",
        *(f"Asked for: {format_plain(amount)} {unit}" for unit, amount in amounts.items()),
        *(f"Should cost: {format_plain(cost)} {unit}" for unit, cost in costs.items()),
        f"What to do next: look at it and approve it, `bulk-topup approve {plan}`",
    ]
    return Message(
        occasions=frozenset({NotificationEvent.APPROVAL}),
        tone=MessageType.WARNING,
        title=f"{told.run}: a plan waits for an approval",
        body=_body(told, lines),
        files={},
    )


def end_message(told: MessageContext, ending: Ending) -> Message:
    """Tell how a start ended."""
    meaning, next_step = _meaning(ending)
    short = "" if ending.summary is None else _short(ending.summary)
    if ending.code == ExitCode.INCOMPLETE and ending.summary is not None and not short and not ending.is_crash:
        meaning = _ALL_BUT
    what = short if ending.code == ExitCode.INCOMPLETE and short else meaning
    lines = [f"Run {told.run} in {told.environment} ended with exit code {ending.code}: {meaning}.", ""]
    if ending.said:
        lines += [_without_people(ending.said[:SAID_CHARACTERS]), ""]
    if ending.summary is not None:
        lines += [*_figures(ending.summary), ""]
    requests = "" if ending.requests is None else f", {ending.requests} requests"
    first, *others = _steps(ending, next_step)
    lines += [f"Took {_span(ending.seconds)}{requests}.", f"What to do next: {first}", *others]
    if ending.folder is not None:
        lines.append(f"Report: {ending.folder}")
    return Message(
        occasions=_occasions(ending),
        tone=_tone(ending),
        title=f"{told.run}: {what} (exit code {ending.code})",
        body=_body(told, lines),
        files=ending.files,
    )


def _meaning(ending: Ending) -> tuple[str, str]:
    if ending.is_crash:
        return _CRASHED
    return _TO_APPROVE if ending.is_approval_needed else _MEANINGS[ending.code]


def _steps(ending: Ending, by_code: str) -> Iterator[str]:
    """Give what to do next: the run's own steps, and what the exit code asks for where they do not say it."""
    steps = () if ending.verdict is None or ending.is_crash else ending.verdict.steps
    has_open = ending.summary is not None and any(ending.summary.counts[state] for state in OPEN_STATES)
    if ending.code == ExitCode.STOPPED_BY_PROVIDER and has_open:
        yield "Mend what is told here."
    elif not steps or (ending.code not in {ExitCode.ALL_COMPLETED, ExitCode.INCOMPLETE} and not has_open):
        yield by_code
    for step in steps:
        yield step.text
        if step.command:
            yield f"  {step.command}"


def _tone(ending: Ending) -> MessageType:
    if ending.code == ExitCode.ALL_COMPLETED:
        return MessageType.SUCCESS
    is_warning = ending.code in {ExitCode.INCOMPLETE, ExitCode.RESUMABLE} and not ending.is_crash
    return MessageType.WARNING if is_warning else MessageType.FAILURE


def _occasions(ending: Ending) -> frozenset[NotificationEvent]:
    if ending.is_approval_needed:
        return frozenset({NotificationEvent.APPROVAL, NotificationEvent.FAILURE})
    if ending.code == ExitCode.ALL_COMPLETED:
        return frozenset({NotificationEvent.FINISH})
    is_finished = ending.code == ExitCode.INCOMPLETE and not ending.is_crash
    return frozenset(
        {NotificationEvent.FINISH, NotificationEvent.FAILURE} if is_finished else {NotificationEvent.FAILURE}
    )


def _without_people(said: str) -> str:
    return "".join(part if _CODE.fullmatch(part) else redact_personal_data(part) for part in _CODE.split(said))


def _figures(summary: Summary) -> Iterator[str]:
    yield f"{_rows(summary.rows)} in all:"
    yield from (f"  {count:,} {state}" for state, count in summary.counts.items() if count)
    yield from (f"Charged: {format_plain(amount)} {unit}" for unit, amount in summary.charged.items())
    yield from (f"Held for open rows: {format_plain(amount)} {unit}" for unit, amount in summary.held.items())


def _short(summary: Summary) -> str:
    missing = summary.rows - summary.counts[RowState.COMPLETED]
    return f"{missing:,} of {_rows(summary.rows)} did not complete" if missing else ""


def _rows(number: int) -> str:
    return f"{number:,} {'row' if number == 1 else 'rows'}"


def _span(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "less than a second"


def _body(told: MessageContext, lines: list[str]) -> str:
    return "\n".join([*lines, "", f"bulk-topup on {told.host}"])
