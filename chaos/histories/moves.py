"""What people, cron and the world do in a history: each move changes an office, and says what it did in a sentence.

A move that can't be done, or that no version of the product could survive, is left out of a history; the rules for that
are beside it.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from bulk_topup.app.rename import rename
from bulk_topup.domain.report_files import not_completed_name
from bulk_topup.domain.states import OPEN_STATES
from bulk_topup.errors import BulkTopupError
from bulk_topup.ledger import RetryChoice
from bulk_topup.ledger.pin_keys import FILE_VARIABLE, add_pin_key
from chaos.histories.judge import wrong_success
from chaos.histories.mortal_ledger import Kill
from chaos.histories.office import CALM, Office, Period, Trouble
from chaos.histories.operator import end_period, resume, start
from chaos.histories.people import (
    Line,
    core_of,
    correct,
    draw_person,
    e164,
    is_wrong,
    lines_of,
    spell_nearly,
    spell_otherwise,
)
from chaos.histories.wire import FATES
from tests.helpers.earlier_ledgers import make_earlier

#: Names of the list's file or the job that are other ones, and those that nobody can tell from `rewards`.
OTHER_NAMES: Final = ("rewards (1)", "november", "rewards-2")
SAME_NAMES: Final = ("rewards", "Rewards", "REWARDS", "\uff52ewards", " rewards ")
ZONES: Final = ("UTC", "Asia/Singapore", "America/Los_Angeles")
#: After these, a ledger that is older than them can't know who was paid: IDs are computed from what the list says now.
HIDES_PAYMENTS: Final = frozenset({"nearly", "renamed", "midnight", "references", "equals"})
#: The day of the month on which lists are paid: time passes, and it is still the same month in every time zone.
PAYDAY: Final = 20
#: Most people of an office.
MAX_PEOPLE: Final = 9

#: After these, no other month may begin: one job for both months is one payment, but two jobs are two.
_MONTH_MATTERS: Final = frozenset({"midnight", "renamed"})

Play = Callable[[Office, Random], str | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """A kind of move."""

    name: str
    #: How often it is drawn, beside the others.
    weight: int
    #: Changes the office, and returns what it did; None if it can't be done now.
    play: Play


def _note(office: Office, *kinds: str) -> None:
    office.done.update(kinds)
    office.since_backup.update(kinds)


def _is_hiding(office: Office, kind: str) -> bool:
    """Return True if a move would hide payments that the ledger does not know any more."""
    return kind in HIDES_PAYMENTS and "restored" in office.done


def _draw_trouble(draws: Random) -> Trouble:
    fates = [draws.choice(FATES) if draws.random() < 0.5 else "pass" for _ in range(draws.randint(0, 8))]
    kill = Kill(draws.randint(1, 12), draws.random() < 0.5) if draws.random() < 0.4 else None
    return Trouble(fates=tuple(fates), kill=kill, is_stopped=draws.random() < 0.1, concurrency=draws.choice((1, 1, 3)))


def _start_calmly(office: Office, _draws: Random) -> str:
    return f"start {office.name!a}: {start(office, CALM)}"


def _start_in_trouble(office: Office, draws: Random) -> str:
    trouble = _draw_trouble(draws)
    end = start(office, trouble)
    return f"start {office.name!a} with {_trouble(trouble)}: {end}"


def _trouble(trouble: Trouble) -> str:
    said = [f"fates {', '.join(trouble.fates)}"] if trouble.fates else []
    if trouble.kill is not None:
        said.append(f"kill {'after' if trouble.kill.is_committed else 'before'} commit {trouble.kill.commit}")
    said += ["a stop before the first request"] if trouble.is_stopped else []
    return " and ".join(said) or "no trouble"


def _start_with_late_requests(office: Office, draws: Random) -> str | None:
    if office.is_earlier:
        return None  # it took them for lost after a second
    fates = tuple(draws.choice(("overdue", "kept", "late", "refused", "pass")) for _ in range(draws.randint(1, 6)))
    trouble = Trouble(fates=fates, concurrency=1)
    return f"start {office.name!a} with {_trouble(trouble)}: {start(office, trouble)}"


def _resume_one(office: Office, draws: Random) -> str | None:
    if not (runs := office.runs()):
        return None
    run, trouble = draws.choice(runs), draws.choice((CALM, _draw_trouble(draws)))
    return f"resume {run.name!a} with {_trouble(trouble)}: {resume(office, run, trouble)}"


def _retry_one(office: Office, draws: Random) -> str | None:
    if not (runs := office.runs()):
        return None
    run, trouble = draws.choice(runs), draws.choice((CALM, _draw_trouble(draws)))
    return f"retry {run.name!a} with {_trouble(trouble)}: {resume(office, run, trouble, retry=RetryChoice())}"


def _reconcile_one(office: Office, draws: Random) -> str | None:
    if not (runs := office.runs()):
        return None
    run = draws.choice(runs)
    return f"reconcile {run.name!a} --apply: {office.reconcile(run)}"


def _wait(office: Office, draws: Random) -> str:
    seconds = draws.choice((30, 3_000, 20_000))
    office.let_pass(office.clock.now() + timedelta(seconds=seconds))
    return f"wait {seconds} s"


def _spell_otherwise(office: Office, draws: Random) -> str | None:
    if _is_hiding(office, "respelled"):
        return None
    chosen = {index for index in range(len(office.lines)) if draws.random() < 0.6}
    office.lines = [spell_otherwise(draws, line) if index in chosen else line for index, line in _lines(office)]
    _note(office, "respelled")
    return f"spell lines {_numbers(chosen)} otherwise: {_cells(office, chosen)}"


def _spell_nearly(office: Office, draws: Random) -> str | None:
    chosen = {index for index, line in _lines(office) if line.account and draws.random() < 0.5}
    if not chosen or _is_hiding(office, "nearly"):
        return None
    office.lines = [spell_nearly(draws, line) if index in chosen else line for index, line in _lines(office)]
    _note(office, "nearly")
    return f"spell the accounts of lines {_numbers(chosen)} nearly the same: {_cells(office, chosen)}"


def _shuffle(office: Office, draws: Random) -> str | None:
    has_equals = office.has_duplicates and not office.has_references
    if has_equals and _is_hiding(office, "equals"):
        return None
    draws.shuffle(office.lines)
    _note(office, "equals" if has_equals else "shuffled")
    return "bring the lines into another order"


def _swap_equals(office: Office, draws: Random) -> str | None:
    """Two payments of one person change places, as their amounts alone tell them apart."""
    pairs = [
        (one, other)
        for one, line in _lines(office)
        for other, second in _lines(office)
        if one < other and line.person == second.person and line.amount != second.amount
    ]
    if not pairs or office.has_references or _is_hiding(office, "equals"):
        return None
    one, other = draws.choice(pairs)
    office.lines[one], office.lines[other] = office.lines[other], office.lines[one]
    _note(office, "equals")
    return f"swap the amounts of lines {one + 2} and {other + 2}, which are one person's"


def _edit_references(office: Office, draws: Random) -> str | None:
    if not office.has_references or _is_hiding(office, "references"):
        return None
    prefix = draws.choice(("N", "R2", ""))
    # Between two runs, nothing but its reference says that a card is the same.
    kinds = ("credited",) if office.done & _MONTH_MATTERS else ("cards", "all", "credited")
    kind = draws.choice(kinds)
    chosen = {index for index, line in _lines(office) if kind in {"all", "cards" if line.is_card else "credited"}}
    if not chosen:
        return None
    office.lines = [
        replace(line, reference=f"{prefix}{index + 100}") if index in chosen else line for index, line in _lines(office)
    ]
    _note(office, "references", *(["cards"] if any(office.lines[index].is_card for index in chosen) else []))
    return f"give lines {_numbers(chosen)} references that begin with {prefix}100"


def _insert(office: Office, draws: Random) -> str | None:
    if len(office.people) >= MAX_PEOPLE:
        return None
    number = 50 + len(office.people)  # nobody's yet
    person = draw_person(draws, number, office.products, has_duplicates=office.has_duplicates)
    lines = lines_of(person, office.period.name, 200 + 10 * len(office.people))
    at = draws.randint(0, len(office.lines))
    office.add(person, lines, at)
    _note(office, "inserted")
    return f"insert {len(lines)} lines for {person.name} at line {at + 2}"


def _may_rename(office: Office) -> bool:
    """Return True if a new name hides no payment.

    Another job in another month pays something else, as far as anybody can tell, and nothing but its reference tells a
    run which cards other runs have bought.
    """
    return not office.done & {"midnight", "cards"} and not _is_hiding(office, "renamed")


def _rename(office: Office, draws: Random) -> str | None:
    if not _may_rename(office):
        return None
    _use_name(office, draws.choice([name for name in OTHER_NAMES if name != office.name]))
    return f"rename the {_what(office)} to {office.name!a}"


def _spell_name(office: Office, draws: Random) -> str | None:
    if office.name not in SAME_NAMES:
        return None
    office.name = draws.choice(SAME_NAMES)
    return f"spell the name of the {_what(office)} {office.name!a}"


def _rename_run(office: Office, draws: Random) -> str | None:
    """A run is renamed in the ledger, and the list or the job as well, or not."""
    if not (runs := office.runs()) or not _may_rename(office):
        return None
    run, name = draws.choice(runs), draws.choice(OTHER_NAMES)
    try:
        with office.opened() as ledger:
            renamed = rename(ledger, run, f"{name}/{run.run_key}" if office.is_job else name)
    except BulkTopupError as error:
        return f"ledger rename {run.name!a} {name!a}: {type(error).__name__}"
    _note(office, "renamed")
    if draws.random() < 0.6:
        _use_name(office, name)
    return f"ledger rename {run.name!a} {renamed.name!a}; the {_what(office)} is {office.name!a}"


def _use_name(office: Office, name: str) -> None:
    office.name = name
    office.names = [*office.names, name] if name not in office.names else office.names
    _note(office, "renamed")


def _start_twice(office: Office, draws: Random) -> str | None:
    if not _may_rename(office):
        return None
    other = draws.choice([name for name in (*OTHER_NAMES, *SAME_NAMES) if name != office.name])
    if office.is_job and other in SAME_NAMES:
        return None
    trouble = Trouble(concurrency=draws.choice((1, 3)))
    first, second = office.name, other
    if other not in SAME_NAMES:
        _use_name(office, other)
        office.name = first
    ends = office.start_both(first, second, trouble)
    for end in ends:
        office.complaints += wrong_success(office, end)
    return f"start {first!a} and {second!a} at once: {ends[0]}; {ends[1]}"


def _pay_elsewhere_then_resume(office: Office, draws: Random) -> str | None:
    """A run is interrupted, its list is paid under another name, and then the run is resumed."""
    if not _may_rename(office):
        return None
    interrupted = draws.choice((Trouble(is_stopped=True), replace(_draw_trouble(draws), is_stopped=False)))
    first = start(office, interrupted)
    runs = office.runs_with(*OPEN_STATES)
    _use_name(office, draws.choice([name for name in OTHER_NAMES if name != office.name]))
    second = start(office, draws.choice((CALM, _draw_trouble(draws))))
    resumed = [f"{resume(office, run, CALM)}" for run in runs]
    return (
        f"start with {_trouble(interrupted)}: {first}; start as {office.name!a}: {second}; "
        f"resume {', '.join(f'{run.name!a}' for run in runs) or 'nothing'}: {'; '.join(resumed)}"
    )


def _pass_midnight(office: Office, draws: Random) -> str | None:
    """The next month begins, and a user continues what is not finished, under the key of that month."""
    if (
        not office.is_job
        or not office.runs()
        or office.done & (_MONTH_MATTERS | {"cards"})
        or _is_hiding(office, "midnight")
    ):
        return None
    _let_days_pass(office, _next_month(office.clock.now()) + timedelta(minutes=draws.choice((1, 10, 500))))
    _note(office, "midnight")
    return f"midnight passes: it is {office.clock.now():%Y-%m-%d %H:%M} UTC; start: {start(office, CALM)}"


def _pay_next_period(office: Office, draws: Random) -> str | None:
    """The next payday is two months later, so that no time zone makes it the same month."""
    if not office.is_job or office.done & {"midnight", "restored"}:
        return None
    end_period(office)
    day = _next_month(_next_month(office.clock.now())) + timedelta(days=PAYDAY - 1, hours=9)
    office.let_pass(day)
    office.period = Period(name=f"{day:%Y-%m}", start=office.clock.now())
    is_corrected = draws.random() < 0.5
    lines = [
        line for index, each in enumerate(office.people) for line in lines_of(each, office.period.name, 10 * index)
    ]
    office.lines = [correct(line) if is_corrected and is_wrong(line) else line for line in lines]
    for person in office.people:
        office.period.dues.update(person.dues)
    office.names = [office.name]
    office.done.clear()
    return f"the payday of {office.period.name} comes"


def _let_days_pass(office: Office, until: datetime) -> None:
    """Let days pass, after a comparison with the provider: what failed may only arrive within 24 hours.

    Later nothing but `reconcile` knows that it was paid.
    """
    office.deliver_everything()
    for run in office.runs():
        office.reconcile(run)
    office.let_pass(until)


def _next_month(time: datetime) -> datetime:
    first = datetime(time.year, time.month, 1, tzinfo=UTC)
    return (first + timedelta(days=32)).replace(day=1)


def _use_another_zone(office: Office, draws: Random) -> str | None:
    """Another user starts, on the last evening of the month if it may become the next month in the user's zone."""
    office.zone = draws.choice([zone for zone in ZONES if zone != office.zone])
    did = f"a user works in the time zone {office.zone}"
    if not office.is_job or office.done & _MONTH_MATTERS or _is_hiding(office, "midnight"):
        return did
    _let_days_pass(office, _next_month(office.clock.now()) - timedelta(hours=draws.randint(1, 20)))
    _note(office, "midnight")
    return f"{did}; it is {office.clock.now():%Y-%m-%d %H:%M} UTC; start: {start(office, CALM)}"


def _correct_list(office: Office, _draws: Random) -> str | None:
    if not (chosen := {index for index, line in _lines(office) if is_wrong(line)}):
        return None
    office.lines = [correct(line) if index in chosen else line for index, line in _lines(office)]
    return f"correct the numbers of lines {_numbers(chosen)} in the list"


def _start_with_corrections(office: Office, draws: Random) -> str | None:
    """Wrong numbers are corrected in the not-completed file; the list stays as it is. Then it is started plainly."""
    runs = [run for run in office.runs() if (office.report_folder(run) / not_completed_name(run)).exists()]
    if not runs or not (
        wrong := {core_of(each.wrong_mobile): each.mobile for each in office.people if each.wrong_mobile}
    ):
        return None
    run = draws.choice(runs)
    file = office.report_folder(run) / not_completed_name(run)
    rows = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    corrected = [
        [
            wrong.get(core_of(e164(cell)), cell) if name == "phone" and cell else cell
            for name, cell in zip(rows[0], row, strict=True)
        ]
        for row in rows
    ]
    corrections = office.folder / f"corrections-{len(office.corrections)}.csv"
    with corrections.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(corrected)
    name = run.job if office.is_job else run.run_key
    office.corrections.append((name, corrections))
    if draws.random() < 0.2:
        return f"correct rows of {run.name!a} in {corrections.name}"
    trouble = draws.choice((CALM, _draw_trouble(draws)))
    end = start(office, trouble, name=name, corrections=corrections)
    again = draws.choice(("plain", "corrected", "nothing"))
    later = (
        None
        if again == "nothing"
        else start(office, CALM, name=name, corrections=corrections if again == "corrected" else None)
    )
    return f"start {name!a} with corrections and {_trouble(trouble)}: {end}; then {again}: {later}"


def _start_with_older_corrections(office: Office, draws: Random) -> str | None:
    """A file of corrections that was written before is given, for the first time or again; then none is."""
    if not office.corrections:
        return None
    name, corrections = draws.choice(office.corrections)
    trouble = draws.choice((CALM, _draw_trouble(draws)))
    end = start(office, trouble, name=name, corrections=corrections)
    later = start(office, CALM, name=name)
    return f"start {name!a} with {corrections.name} and {_trouble(trouble)}: {end}; then plain: {later}"


def _back_up(office: Office, _draws: Random) -> str:
    office.save_backup()
    office.since_backup.clear()
    return "back up the ledger"


def _restore(office: Office, draws: Random) -> str | None:
    """An older ledger takes the place of the ledger; without a backup there is none any more."""
    if office.since_backup & HIDES_PAYMENTS or not office.ledger.exists():
        return None
    if not office.backup.exists() or draws.random() < 0.2:
        office.backup.mkdir(exist_ok=True)
    office.restore_backup()
    office.is_amnesic = True
    _note(office, "restored")
    if draws.random() >= 0.4:
        return "restore the backup of the ledger"
    kill = Kill(draws.randint(1, 8), draws.random() < 0.5) if draws.random() < 0.5 else None
    trouble = _trouble(Trouble(kill=kill))
    return f"restore the backup of the ledger; rebuild with {trouble}: {office.rebuild(kill=kill)}"


def _use_new_credentials(office: Office, _draws: Random) -> str:
    office.use_new_credentials()
    office.says_same_account = False
    return "use a new API key pair"


def _add_pin_key(office: Office, _draws: Random) -> str:
    add_pin_key({FILE_VARIABLE: str(office.folder / "pin.key")})
    return "add a PIN key"


def _upgrade(office: Office, _draws: Random) -> str | None:
    if not office.is_earlier:
        return None
    office.is_earlier = False
    if office.ledger.exists():
        make_earlier(office.ledger)
    return "upgrade the program, which meets the ledger of an earlier version"


def _lines(office: Office) -> list[tuple[int, Line]]:
    return list(enumerate(office.lines))


def _numbers(chosen: set[int]) -> str:
    return ", ".join(str(index + 2) for index in sorted(chosen)) or "none"


def _cells(office: Office, chosen: set[int]) -> str:
    return "; ".join(
        ascii(" ".join(filter(None, (office.lines[index].reference, *office.lines[index].cells))))
        for index in sorted(chosen)
    )


def _what(office: Office) -> str:
    return "job" if office.is_job else "list"


_MOVES: Final = (
    ("start", 6, _start_calmly),
    ("start in trouble", 10, _start_in_trouble),
    ("late delivery", 4, _start_with_late_requests),
    ("resume", 4, _resume_one),
    ("retry", 4, _retry_one),
    ("reconcile", 1, _reconcile_one),
    ("wait", 2, _wait),
    ("spelled otherwise", 5, _spell_otherwise),
    ("nearly the same", 2, _spell_nearly),
    ("another order", 1, _shuffle),
    ("swapped equals", 4, _swap_equals),
    ("edited references", 3, _edit_references),
    ("inserted", 2, _insert),
    ("renamed", 3, _rename),
    ("name spelled otherwise", 2, _spell_name),
    ("run renamed", 1, _rename_run),
    ("two starts at once", 3, _start_twice),
    ("paid elsewhere", 3, _pay_elsewhere_then_resume),
    ("after midnight", 3, _pass_midnight),
    ("next period", 3, _pay_next_period),
    ("another zone", 2, _use_another_zone),
    ("list corrected", 1, _correct_list),
    ("corrected then plain", 4, _start_with_corrections),
    ("older corrections", 3, _start_with_older_corrections),
    ("backup", 2, _back_up),
    ("old backup", 4, _restore),
    ("key rotation", 2, _use_new_credentials),
    ("PIN key rotation", 1, _add_pin_key),
    ("upgrade", 4, _upgrade),
)
#: All moves by name.
MOVES: Final = {name: Move(name=name, weight=weight, play=play) for name, weight, play in _MOVES}
