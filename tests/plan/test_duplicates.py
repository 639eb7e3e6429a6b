"""Duplicates in all batches of a list, found by hashes, are those that a comparison of every row finds."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bulk_topup.domain import fields
from bulk_topup.domain.identity import (
    folded_party_identity,
    folded_reference_identity,
    occurrence_identity,
    party_identity,
    reference_identity,
    unreadable_identity,
)
from bulk_topup.domain.identity_version import IdentityVersion
from bulk_topup.domain.problem_kinds import ProblemKind
from bulk_topup.domain.problems import Problem
from bulk_topup.dvs.models.product import Product
from bulk_topup.plan import PlanOptions
from bulk_topup.plan.duplicates import Duplicates
from tests.helpers.checked_rows import CheckedRow, RowChecker

MakeProduct = Callable[..., Product]
MakeFrame = Callable[..., pl.DataFrame]
Values = dict[str, str | None]

COLUMNS = {name: f"its {name}" for name in fields.FIELDS}


class EveryRow:
    """Finds duplicates with all keys in memory, row by row."""

    def __init__(self, version: IdentityVersion, *, allow: bool) -> None:
        self._folds = version.folds_rows
        self._allow = allow
        self._first_lines: dict[str, int] = {}
        self._occurrences: dict[int, int] = {}

    def check(self, line: int, values: Values, cells: str) -> tuple[str, list[Problem]]:
        parties = tuple(
            values.get(name) for name in (fields.CREDIT_MOBILE, fields.CREDIT_ACCOUNT, fields.CREDIT_QUALIFIER)
        )
        product_id = values[fields.PRODUCT_ID]
        reference = values.get(fields.REFERENCE)
        party = party_identity(int(product_id), parties) if product_id is not None and any(parties[:2]) else None
        problems = []
        if reference is not None:
            identity = folded_reference_identity(reference) if self._folds else reference_identity(reference)
            if (first := self._first_lines.get(identity)) is not None:
                text = f'"{reference}" is already the reference of line {first}. Every row needs its own.'
                is_other = party is not None and party not in self._first_lines
                problems.append(
                    Problem(
                        column=COLUMNS[fields.REFERENCE],
                        message=text,
                        may_be_paid=not is_other,
                        kind=ProblemKind.DUPLICATE,
                    )
                )
                identity = unreadable_identity(cells)
        elif party is not None and self._folds:
            identity = folded_party_identity(int(product_id or 0), parties[0], parties[1], parties[2], None)
        else:
            identity = party or unreadable_identity(cells)
        if party is not None and not self._allow and (first := self._first_lines.get(party)) is not None:
            text = f"Duplicate of line {first}. Remove one, or add --allow-duplicates."
            column = COLUMNS[fields.CREDIT_MOBILE if parties[0] else fields.CREDIT_ACCOUNT]
            problems.append(Problem(column=column, message=text, may_be_paid=True))
        occurrence = 1
        if (first := self._first_lines.get(identity)) is not None:
            occurrence = self._occurrences[first] = self._occurrences.get(first, 1) + 1
        self._first_lines.setdefault(identity, line)
        if party is not None:
            self._first_lines.setdefault(party, line)
        return occurrence_identity(identity, occurrence), problems


rows_of_lists = st.lists(
    st.fixed_dictionaries(
        {
            fields.PRODUCT_ID: st.sampled_from(["4520", "4520", "4520", "6418", None]),
            fields.REFERENCE: st.none() | st.sampled_from(["A", "a", "B", "A#2", "C", "party:4:45201:11:00:"]),
            fields.CREDIT_MOBILE: st.none() | st.sampled_from(["1", "2", "1#2", "é"]),
            fields.CREDIT_ACCOUNT: st.none() | st.sampled_from(["1", "10:", " 1"]),
            fields.CREDIT_QUALIFIER: st.none() | st.sampled_from(["1", "home", "HOME"]),
        }
    ),
    min_size=1,
    max_size=24,
)


def row_of(
    reference: str | None, mobile: str | None, account: str | None = None, qualifier: str | None = None
) -> Values:
    return {
        fields.PRODUCT_ID: "4520",
        fields.REFERENCE: reference,
        fields.CREDIT_MOBILE: mobile,
        fields.CREDIT_ACCOUNT: account,
        fields.CREDIT_QUALIFIER: qualifier,
    }


#: Line 3 is the first with its cells, which are its identity as its reference is repeated, and with its party.
FIRST_OF_TWO = [row_of(*texts) for texts in (("A", "1"), ("A", "2"), (None, "2"), ("A", "2"), (None, "2"))]
#: An account as it is written shares one of three hashes with an account as it is compared, and comes again.
SHARED_HASH = [row_of(None, None, *texts) for texts in (("1", "HOME"), (" 1", None), (None, None), (" 1", None))]


def batches(rows: list[Values], sizes: list[int]) -> Iterator[tuple[int, list[Values]]]:
    edges = [0, *(edge for edge in accumulate(sizes) if edge < len(rows)), len(rows)]
    for start, end in pairwise(edges):
        yield start + 2, rows[start:end]


def is_duplicate(problem: Problem) -> bool:
    return problem.message.startswith("Duplicate of line ") or "is already the reference" in problem.message


def unspelled(problem: Problem) -> Problem:
    """Return a problem without what is known of another spelling."""
    return replace(problem, message=problem.message.replace(" in another spelling", ""))


@pytest.fixture(params=[None, 1, 3], ids=["own hash", "one hash for all texts", "three hashes"])
def share_hashes(request: Any, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Return whether different keys share their hashes, after making them do so."""
    if request.param is not None:
        original = pl.Series.hash
        monkeypatch.setattr(pl.Series, "hash", lambda series: original(series) % request.param)
    return request.param is not None


@settings(max_examples=50, deadline=None)
@example(rows=FIRST_OF_TWO, sizes=[], has_references=True, allow=False, version=IdentityVersion.FOLDED)
@example(rows=FIRST_OF_TWO, sizes=[3], has_references=True, allow=True, version=IdentityVersion.AS_WRITTEN)
@example(rows=SHARED_HASH, sizes=[3], has_references=False, allow=True, version=IdentityVersion.FOLDED)
@example(rows=[row_of("A", "1")] * 2, sizes=[1], has_references=True, allow=True, version=IdentityVersion.FOLDED)
@given(
    rows=rows_of_lists,
    sizes=st.lists(st.integers(1, 6), max_size=24),
    has_references=st.booleans(),
    allow=st.booleans(),
    version=st.sampled_from(IdentityVersion),
)
def _agree(
    fixed: MakeProduct,
    ranged: MakeProduct,
    frame: MakeFrame,
    rows: list[Values],
    sizes: list[int],
    has_references: bool,
    allow: bool,
    version: IdentityVersion,
    share_hashes: bool,
) -> None:
    # Here a shared hash may lose the warning not to pay a refused row, which decision 0013 accepts.
    assume(not (share_hashes and has_references and allow))
    if not has_references:
        rows = [{name: value for name, value in row.items() if name != fields.REFERENCE} for row in rows]
    options = PlanOptions(allow_duplicates=allow, identity_version=version)
    checker = RowChecker({4520: fixed(), 6418: ranged()}, COLUMNS, options)
    every_row = EveryRow(version, allow=allow)
    for first_line, batch in batches(rows, sizes):
        checked = checker.check(frame(*batch, first_line=first_line))
        lines = enumerate(batch, start=first_line)
        expected = [every_row.check(line, row, json.dumps(list(row.values()))) for line, row in lines]
        assert [row.identity for row in checked] == [identity for identity, _ in expected]
        found = [[unspelled(problem) for problem in row.problems if is_duplicate(problem)] for row in checked]
        assert found == [problems for _, problems in expected]


def test_duplicates_are_those_of_a_comparison_of_every_row(
    fixed: MakeProduct, ranged: MakeProduct, frame: MakeFrame, share_hashes: bool
) -> None:
    _agree(fixed, ranged, frame, share_hashes=share_hashes)


def test_duplicates_are_found_over_many_batches(fixed: MakeProduct, frame: MakeFrame) -> None:
    checker = RowChecker({4520: fixed()}, COLUMNS, PlanOptions())
    numbers = [f"+6595{number:06}" for number in range(300)]
    rows = [{fields.PRODUCT_ID: "4520", fields.CREDIT_MOBILE: number} for number in [*numbers, *reversed(numbers)]]
    checked: list[CheckedRow] = []
    for start in range(0, 600, 7):
        checked += checker.check(frame(*rows[start : start + 7], first_line=start + 2))
    assert not any(row.problems for row in checked[:300])
    lines = [problem.message.split()[3].rstrip(".") for row in checked[300:] for problem in row.problems]
    assert lines == [str(line) for line in range(301, 1, -1)]


def test_a_party_that_comes_again_under_other_references_is_not_kept_as_text_where_that_is_allowed() -> None:
    """A list may have millions of them."""
    lines = {2: ("reference:A", "party:1"), 3: ("party:2", None)}
    duplicates = Duplicates(
        lambda asked: {line: lines[line] for line in asked}, COLUMNS, allow=True, position_word="line"
    )
    for first_line, reference in ((2, "A"), (4, "B")):
        columns = {
            "line": [first_line, first_line + 1],
            "cells": [f"[{first_line}]", f"[{first_line + 1}]"],
            "identity": [f"reference:{reference}", "party:2"],
            "written_identity": [f"reference:{reference}", "party:2"],
            "reference_identity": [f"reference:{reference}", None],
            "party_identity": ["party:1", "party:2"],
            fields.REFERENCE: [reference, None],
        }
        found = duplicates.add_to(pl.DataFrame(columns))
    assert found["identity"].to_list() == ["reference:B", "party:2#2"]
    assert duplicates._seen._colliding == {}
