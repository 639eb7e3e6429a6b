"""Finds the part of a run that a staged list is, and keeps the parts of runs; for the other modules of the ledger.

A run of one list keeps no parts. A list that is added to a run becomes a part of it: its rows are beside those of the
other lists, which stay as they are. Lists are told apart by their rows, never by their names.
"""

import json
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from bulk_topup.domain.identity import PARTY_PREFIX
from bulk_topup.domain.list_parts import LAST_LINE, LINES_OF_PART, MAX_PARTS, ListPart, lines_before, part_of
from bulk_topup.domain.problems import Problem, encode_problems
from bulk_topup.domain.run import Run
from bulk_topup.errors import ListError
from bulk_topup.ledger.staged_list_statements import POSSIBLE_DUPLICATE

#: More than any line.
_NO_END: Final = 2**62
_PART: Final = f"max(1, r.line / {LINES_OF_PART})"
#: The identity of a row that is refused because another part has its identity begins so.
_PART_PREFIX: Final = "part:"
_IS_CLAIMED: Final = f"(r.identity > '{_PART_PREFIX}' AND r.identity < '{_PART_PREFIX[:-1]};')"
#: A row of the run that was refused and never sent.
_NEVER_SENT: Final = "+r.state = 'refused' AND r.attempt = 0"
#: True for a refused row that may be paid by another one.
_MAY_BE_PAID: Final = "EXISTS (SELECT 1 FROM json_each(r.problems) AS p WHERE json_extract(p.value, '$[2]'))"
#: True for a row of the run that is refused for itself.
_WAS_INVALID: Final = f"({_NEVER_SENT} AND NOT {_MAY_BE_PAID})"
#: True for one of the staged list. What is refused beside rows of the run does not count, so that
#: the same part is found before and after that.
_IS_INVALID: Final = "(s.state = 'refused' AND s.refusal = 0)"
_IS_SAME: Final = f"(r.identity = s.identity OR s.identity > '{PARTY_PREFIX}' AND s.identity < '{PARTY_PREFIX[:-1]};')"
#: The parts that have rows of the staged list, those with the most first: the same payment to the same beneficiary,
#: under the same reference if the list has references. The number of equal rows without references is not part of it.
#: Rows that were refused are told by their identities, or by what they would pay.
_SHARED: Final = f"""
    SELECT part, count(DISTINCT line) AS rows, count(DISTINCT line) FILTER (WHERE NOT is_invalid) AS valid
    FROM (
        SELECT {_PART} AS part, s.line, {_WAS_INVALID} AS is_invalid
        FROM temp.staged AS s CROSS JOIN rows AS r
            ON r.party_key = s.party_key AND r.product_id = s.product_id AND r.amount IS s.amount AND r.unit IS s.unit
        WHERE r.run_id = :run_id
          AND CASE WHEN {_NEVER_SENT} THEN {_IS_INVALID} OR {_MAY_BE_PAID} AND ({_IS_SAME} OR {_IS_CLAIMED})
              ELSE NOT {_IS_INVALID} AND {_IS_SAME} END
        UNION ALL
        SELECT {_PART}, s.line, true
        FROM temp.staged AS s CROSS JOIN rows AS r ON r.run_id = :run_id AND r.identity = s.identity
        WHERE {_IS_INVALID} AND {_NEVER_SENT}
    )
    GROUP BY part ORDER BY rows DESC, part DESC
"""  # noqa: S608 - composed of constants
#: The same by identity alone, for a list whose amounts or beneficiaries were all edited.
_KNOWN: Final = f"""
    SELECT {_PART} AS part, count(*) AS rows
    FROM temp.staged AS s CROSS JOIN rows AS r ON r.run_id = :run_id AND r.identity = s.identity
    GROUP BY part ORDER BY rows DESC, part DESC LIMIT 1
"""  # noqa: S608
_COUNT_LISTED: Final = f"""
    SELECT count(*) AS rows, count(*) FILTER (WHERE NOT {_WAS_INVALID}) AS valid FROM rows AS r
    WHERE r.run_id = :run_id AND r.in_list = 1 AND r.line BETWEEN :first AND :last
"""  # noqa: S608
_LAST_LISTED: Final = "SELECT max(line) FROM rows WHERE run_id = :run_id AND line <= :last"
_LAST_STAGED: Final = "SELECT max(line) FROM temp.staged"
#: True for a row that can't be sent as it is and that nothing else pays: another list may have it in a form that can.
_GIVES_WAY: Final = f"({_WAS_INVALID} AND r.request IS NULL)"
#: Rows of the staged list whose identity a row of another part has.
_FIND_CLAIMED: Final = f"""
    SELECT s.line, s.state, r.line AS other FROM temp.staged AS s
    CROSS JOIN rows AS r ON r.run_id = :run_id AND r.identity = s.identity
    WHERE r.line NOT BETWEEN :first AND :last AND NOT (s.state = 'pending' AND {_GIVES_WAY})
"""  # noqa: S608
#: A correction of a row that gives way stays with it.
_KEEP_CORRECTION: Final = f"""
    UPDATE corrections SET identity = g.identity, replaced = iif(replaced = corrections.identity, g.identity, replaced)
    FROM (SELECT 'replaced:' || r.id AS identity, r.identity AS before FROM rows AS r
          WHERE r.run_id = :run_id AND r.identity IN (SELECT identity FROM temp.staged WHERE state = 'pending')
            AND r.line NOT BETWEEN :first AND :last AND {_GIVES_WAY}) AS g
    WHERE corrections.run_id = :run_id AND corrections.identity = g.before
"""  # noqa: S608
#: The row that gives way stays in its list, with an identity of its own.
_GIVE_WAY: Final = f"""
    UPDATE rows AS r SET identity = 'replaced:' || r.id
    WHERE r.run_id = :run_id AND r.identity IN (SELECT identity FROM temp.staged WHERE state = 'pending')
      AND r.line NOT BETWEEN :first AND :last AND {_GIVES_WAY}
"""  # noqa: S608
#: A row that another part has is a row of its own, which is refused; the run's row stays as it is.
_REFUSE_CLAIMED: Final = f"""
    UPDATE temp.staged SET identity = :identity, state = 'refused', request = NULL, cost = NULL,
        refusal = iif(state = 'pending', {POSSIBLE_DUPLICATE}, refusal),
        problems = iif(state = 'pending', :problems, problems)
    WHERE line = :line
"""  # noqa: S608
#: Rows that the list of a part lacks, and that stay in the run, are no rows of that list any more.
_HAS_LEFT: Final = """
    SELECT EXISTS (SELECT 1 FROM temp.kept AS k CROSS JOIN rows AS r ON r.id = k.id
                   WHERE r.line BETWEEN :first AND :last)
"""
_MOVE_LEFT: Final = """
    UPDATE rows SET line = line + :shift WHERE id IN (SELECT id FROM temp.kept) AND line BETWEEN :first AND :last
"""
_SAVE: Final = "UPDATE runs SET parts = :parts WHERE id = :run_id"


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedPart:
    """Which part of a run the staged list is."""

    number: int = 1
    #: Lines of the run that are this part's.
    first: int = 0
    last: int = _NO_END
    #: Whether other rows stay in the run, so that the list lacks none of them.
    is_part: bool = False
    #: Whether rows that the list of this part lacks stay as well.
    is_added: bool = False
    #: Parts of the run whose rows left their list, which may be this one if the run has it.
    without_list: tuple[int, ...] = ()

    @property
    def values(self) -> dict[str, object]:
        """The parameters of statements about it."""
        return {
            "first": self.first,
            "last": self.last,
            "before": lines_before(self.number),
            "is_added": self.is_added,
            "without_list": json.dumps(self.without_list),
        }


def find_part(connection: sqlite3.Connection, run: Run | None, *, add: bool) -> StagedPart:
    """Return which part of its run the staged list is.

    A list that has half of the rows of a part or more is that part. Without `add`, one row is enough.

    Args:
        connection: the ledger, in a transaction.
        run: the run, as it was before; None for a new one.
        add: whether the list is added to the run.

    Raises:
        ListError: the list cannot be a part, because it or the first list is too long, or there are too many.
    """
    if run is None or not (run.parts or add):
        return StagedPart()
    _check_length(connection, run)
    number = max(1, len(run.parts)) + 1
    ids = {"run_id": run.id}
    without_list = tuple(part for part, each in enumerate(run.parts, start=1) if each.has_left)
    found = connection.execute(_SHARED, ids).fetchall()
    if not add:
        found = found[:1] or connection.execute(_KNOWN, ids).fetchall()
    for each in found:
        part = replace(_part(each["part"], is_added=add), without_list=without_list)
        if not add or _is_half(each, connection.execute(_COUNT_LISTED, {**ids, **part.values}).fetchone()):
            return part
    if number > MAX_PARTS:
        raise ListError(f"Run {run.name} has {MAX_PARTS} parts, and no more fit. Pay the list in another run.")
    return _part(number, is_added=add)


def lists_of(run: Run) -> list[StagedPart]:
    """Return what may have been one list: all rows of a run, and those of each of its parts."""
    return [StagedPart(), *(_part(number, is_added=False) for number in range(1, len(run.parts) + 1))]


def _is_half(shared: sqlite3.Row, listed: sqlite3.Row) -> bool:
    """Return True if a list has half of the rows of a part, or half of those that are not refused."""
    return bool(2 * shared["rows"] >= listed["rows"] or 0 < listed["valid"] <= 2 * shared["valid"])


def _part(number: int, *, is_added: bool) -> StagedPart:
    first = lines_before(number)
    last = lines_before(number + 1) - 1
    return StagedPart(number=number, first=first, last=last, is_part=True, is_added=is_added)


def _check_length(connection: sqlite3.Connection, run: Run) -> None:
    first_part = {"run_id": run.id, "last": lines_before(2) - 1 if run.parts else _NO_END}
    longest = max(
        connection.execute(_LAST_STAGED).fetchone()[0] or 0,
        connection.execute(_LAST_LISTED, first_part).fetchone()[0] or 0,
    )
    if longest > LAST_LINE:
        raise ListError(f"A list that is paid in parts may have {LAST_LINE:,} lines. Pay it in a run of its own.")


def give_way(connection: sqlite3.Connection, part: StagedPart, keys: Mapping[str, object]) -> None:
    """Let rows of other lists that can never be sent leave their identities to rows of a staged part."""
    if part.is_part:
        connection.execute(_KEEP_CORRECTION, keys)
        connection.execute(_GIVE_WAY, keys)


def refuse_rows_of_others(connection: sqlite3.Connection, run: Run, part: StagedPart) -> None:
    """Refuse staged rows that are rows of another part of the run, which stay as they are."""
    refused = [
        {
            "line": row["line"],
            "identity": f"{_PART_PREFIX}{part.number}:{row['line']}",
            "problems": encode_problems([Problem(column="", message=_text(run, row["other"]), may_be_paid=True)]),
        }
        for row in connection.execute(_FIND_CLAIMED, {"run_id": run.id, **part.values})
    ]
    connection.executemany(_REFUSE_CLAIMED, refused)


def _text(run: Run, other: int) -> str:
    return (
        f"Possible duplicate: {format_line(run, other)}, has this row already, or its reference. Remove it from this "
        "list, or give it a reference of its own if it is another payment."
    )


def format_line(run: Run, line: int) -> str:
    """Return for people where a row of the run is: its line in the list of its part."""
    part = part_of(line)
    parts = run.parts or (ListPart(list_path=run.list_path),)
    name = parts[part - 1].file_name if part <= len(parts) else f"part {part}"
    return f"line {line - lines_before(part)} of {name}, a list of this run"


def parts_with(
    connection: sqlite3.Connection,
    run: Run,
    part: StagedPart,
    staged: ListPart,
) -> tuple[ListPart, ...]:
    """Return the parts of a run once the staged list is one of them, and move rows that this list no longer has.

    Args:
        connection: the ledger, in a transaction.
        run: the run as it was before.
        part: which part the list is.
        staged: the list, added now.
    """
    parts = list(run.parts or (ListPart(list_path=run.list_path, reading=run.reading),))
    if part.number > len(parts):  # a file that was written over is no longer the list of an earlier part
        parts = [replace(each, list_path="") if each.is_same_list(staged) else each for each in parts]
    if part.number > len(parts):
        parts.append(staged)
    else:
        known = parts[part.number - 1]
        parts[part.number - 1] = replace(staged, at=known.at, by=known.by)
    if part.is_added and connection.execute(_HAS_LEFT, part.values).fetchone()[0]:
        parts.append(ListPart(list_path="", at=staged.at, by=staged.by))
        shift = lines_before(len(parts)) - lines_before(part.number)
        connection.execute(_MOVE_LEFT, {**part.values, "shift": shift})
    return tuple(parts) if len(parts) > 1 else ()


def save_parts(connection: sqlite3.Connection, run_id: int, parts: Collection[ListPart]) -> None:
    """Save the parts of a run."""
    stored = [
        {
            "list": part.list_path,
            "reading": part.reading,
            "at": None if part.at is None else part.at.isoformat(),
            "by": part.by,
        }
        for part in parts
    ]
    connection.execute(_SAVE, {"run_id": run_id, "parts": json.dumps(stored, ensure_ascii=False) if stored else None})
