"""Checks what a scenario left behind: who was paid, who was told of, whose money; pure, knows no bulk_topup.

It imports nothing of the product, so that a mistake of the product is not repeated here.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from chaos.evidence import Evidence, Row

#: What the guide documents.
EXIT_CODES: Final = frozenset({0, 1, 2, 3, 4, 5, 6, 75})
FINISHED: Final = frozenset({0, 1})
#: Classes of a transaction that nobody is charged for.
UNPAID: Final = frozenset({"REJECTED", "DECLINED", "CANCELLED"})
#: What a row's state must be where its transaction has that class.
STATES: Final = {"COMPLETED": "completed", "REVERSED": "reversed", **dict.fromkeys(UNPAID, "failed")}
#: Last digits of numbers that the sandbox documents as declined or rejected.
DECLINED: Final = re.compile(r"[123]0[2-7]|10[89]")
#: What a user must never see.
RAW_ERRORS: Final = ("Traceback", "RuntimeWarning", "ResourceWarning", "never retrieved", "never awaited", "Aborted!")
PHONE: Final = re.compile(r"\+[0-9]{8,15}")
#: Products that credit nobody by number: only a reference tells such rows apart.
CARDS: Final = frozenset({8803, 8810})


def check(evidence: Evidence) -> list[str]:
    """Give a sentence for everything that is wrong; none when all is well."""
    return [
        *_nobody_twice(evidence),
        *_nobody_forgotten(evidence),
        *_rows_agree(evidence),
        *_money_agrees(evidence),
        *_files_agree(evidence),
        *_nothing_shown(evidence),
        *_exits_documented(evidence),
    ]


def _nobody_twice(evidence: Evidence) -> Iterator[str]:
    transactions = evidence.books["transactions"]
    for id_, count in Counter(entry["external_id"] for entry in transactions).items():
        if count > 1:
            yield f"Paid twice: {count} transactions have the external id {id_}."
    paid = [entry for entry in transactions if entry["status_class"] not in UNPAID]
    for base, count in Counter(_base(entry["external_id"]) for entry in paid).items():
        if count > 1:
            yield f"Paid twice: {count} attempts of row {base} were paid."
    demanded = _demanded(evidence.lists)
    for (party, product), count in Counter(map(_paid, paid)).items():
        if count > demanded[party, product]:
            yield f"Paid twice: product {product} went to {party} {count} times, asked for {demanded[party, product]}."
    amounts = {(*_asked(line), _number(line["amount"])) for lines in evidence.lists for line in lines}
    for entry in paid:
        key = _paid(entry)
        if not {(*key, None), (*key, Decimal(entry["amount"]))} & amounts:
            yield f"Paid wrongly: {entry['external_id']} is {entry['amount']}, which no list asked for."


def _nobody_forgotten(evidence: Evidence) -> Iterator[str]:
    """Every line of the last list is told of once, and paid if it can be."""
    lines = evidence.lists[-1]
    told: dict[int, list[Row]] = {}
    for row in evidence.rows:
        told.setdefault(row["line"], []).append(row)
    columns = list(lines[0]) if lines else []
    for number, line in enumerate(lines, start=2):
        cells = [line[column] for column in columns]
        own = [row for row in told.get(number, []) if [row["list"].get(column) for column in columns] == cells]
        if len(own) != 1:
            yield f"Forgotten: line {number} is in the report {len(own)} times."
            continue
        yield from _rightly_ended(evidence, number, line, own[0])
    by_id = {row["external_id"] for row in evidence.rows}
    bases = _told(evidence)
    for entry in evidence.books["transactions"]:
        id_ = entry["external_id"]
        if _base(id_) not in bases:
            if not _left_with_the_ledger(evidence, entry):
                yield f"Forgotten: transaction {id_} is not in the report."
        elif id_ not in by_id and entry["status_class"] not in UNPAID:
            yield f"Forgotten: {id_} was paid, and the report tells of another attempt."


def _told(evidence: Evidence) -> set[str]:
    """Give what the ids of the report's rows share with all their attempts."""
    return {_base(row["external_id"]) for row in evidence.rows if row["external_id"]}


def _left_with_the_ledger(evidence: Evidence, entry: Row) -> bool:
    """Tell whether nobody but a ledger that was lost knew of a transaction: its line had left the list."""
    if not evidence.forgets or _base(entry["external_id"]) in _told(evidence):
        return False
    key = _paid(entry)
    # Of equal lines as many as left the list may be unknown.
    listed = sum(asked == key for asked in map(_asked, evidence.lists[-1]))
    booked = {_base(other["external_id"]) for other in evidence.books["transactions"] if _paid(other) == key}
    return listed < len(booked) or entry["product_id"] in CARDS


def _not_counted(evidence: Evidence, told: str) -> list[Row]:
    """Give what the report cannot count as charged or held: lost with the ledger, or for a person to compare."""
    conflicts = {row["external_id"] for row in evidence.rows if row["state"] == "conflict"}
    return [
        entry
        for entry in evidence.books["transactions"]
        if _moves(entry) == told and (entry["external_id"] in conflicts or _left_with_the_ledger(evidence, entry))
    ]


def _moves(entry: Row) -> str | None:
    """Give which of the report's totals a transaction belongs to."""
    if entry["status_class"] in UNPAID:
        return None
    return "charged" if entry["status_class"] == "COMPLETED" else "held"


def _rightly_ended(evidence: Evidence, number: int, line: dict[str, str], row: Row) -> Iterator[str]:
    party, state, is_card = line["phone"], row["state"], int(line["product_id"]) in CARDS
    if not PHONE.fullmatch(party) and not (is_card and not party):
        expected = {"refused"}
    elif not is_card and DECLINED.fullmatch(party[-3:]):
        expected = {"failed"}
    else:
        expected = {"completed", "failed"} if evidence.holds and row["status_class"] == "CANCELLED" else {"completed"}
    if party in _phones_of_lines_that_left(evidence):
        expected = expected | {"refused"}  # it may be the same payment under another name or for another product
    if evidence.forgets and len(evidence.lists) > 1:
        expected = expected | {"conflict"}  # the provider knows it with the amount of an earlier version
    if state not in expected:
        yield f"Wrongly ended: line {number} is {state}, not {' or '.join(sorted(expected))}: {row['reason']}"


def _phones_of_lines_that_left(evidence: Evidence) -> set[str | None]:
    last = Counter(map(_asked, evidence.lists[-1]))
    return {party for lines in evidence.lists for party, _ in Counter(map(_asked, lines)) - last}


def _rows_agree(evidence: Evidence) -> Iterator[str]:
    """Each row says of its transaction what the provider says."""
    by_id = {entry["external_id"]: entry for entry in evidence.books["transactions"]}
    for row in evidence.rows:
        entry = by_id.get(row["external_id"])
        where = f"line {row['line']} ({row['external_id']})"
        if entry is None:
            if row["state"] not in {"refused", "failed", "pending"} or row["transaction_id"] is not None:
                yield f"Books: {where} is {row['state']}, and the provider has no transaction."
            continue
        if row["state"] == "conflict":
            continue  # a person is asked to compare the two
        if STATES.get(entry["status_class"]) != row["state"]:
            yield f"Books: {where} is {row['state']}, at the provider {entry['status_class']}."
        for mine, theirs in (
            ("transaction_id", "id"),
            ("product_id", "product_id"),
            ("credit_party", "credit_party"),
            ("unit", "unit"),
            ("price_unit", "price_unit"),
            ("status_class", "status_class"),
            ("status", "status_message"),
        ):
            if row[mine] != entry[theirs]:
                yield f"Books: {where} has {mine} {row[mine]}, at the provider it is {entry[theirs]}."
        # What a failed row asks for now may differ from what its last attempt asked for: the list was corrected.
        for name in ("price", "fee") if row["state"] == "failed" else ("amount", "price", "fee"):
            if _number(row[name]) != Decimal(entry[name]):
                yield f"Books: {where} has {name} {row[name]}, at the provider it is {entry[name]}."


def _money_agrees(evidence: Evidence) -> Iterator[str]:
    """The report's totals are the wallet's movements, to the last decimal."""
    wallets = evidence.books["wallets"]
    for unit, opening in evidence.books["opening_balances"].items():
        if sum(Decimal(part) for part in wallets[unit].values()) != Decimal(opening):
            yield f"Money: the provider's {unit} wallet does not add up."
    for told, moved in (("charged", "spent"), ("held", "holding")):
        sums = {unit: Decimal(amount) for unit, amount in evidence.summary[told].items()}
        real = {unit: Decimal(wallet[moved]) for unit, wallet in wallets.items()}
        for entry in _not_counted(evidence, told):
            real[entry["price_unit"]] -= Decimal(entry["price"]) + Decimal(entry["fee"])
        if _without_nothing(sums) != _without_nothing(real):
            yield f"Money: the report says {told} {sums}, the wallets say {moved} {real}."
    charged: dict[str, Decimal] = {}
    for row in evidence.rows:
        if row["state"] == "completed":
            cost = Decimal(row["price"]) + Decimal(row["fee"])
            charged[row["price_unit"]] = charged.get(row["price_unit"], Decimal(0)) + cost
    if charged != {unit: Decimal(amount) for unit, amount in evidence.summary["charged"].items()}:
        yield f"Money: the report's rows add up to {charged}, its summary says {evidence.summary['charged']}."


def _files_agree(evidence: Evidence) -> Iterator[str]:
    """The report's files tell the same."""
    counts = Counter(row["state"] for row in evidence.rows)
    if {state: count for state, count in evidence.summary["counts"].items() if count} != dict(counts):
        yield f"Files: the summary counts {evidence.summary['counts']}, the rows are {dict(counts)}."
    names = ("line", "state", "external_id", "transaction_id", "price", "fee", "credit_party")
    as_json = [tuple("" if row[name] is None else str(row[name]) for name in names) for row in evidence.rows]
    as_csv = [tuple(row[f"result_{name}"].removeprefix("'") for name in names) for row in evidence.csv_rows]
    if as_json != as_csv:
        yield "Files: results.csv and results.jsonl tell different things."
    for path in evidence.public_files:
        yield f"Secret: others than the owner may read {path}."


def _nothing_shown(evidence: Evidence) -> Iterator[str]:
    for name, text in evidence.texts.items():
        for secret in sorted({what for secret, what in evidence.secrets.items() if secret in text}):
            yield f"Secret: {name} shows {secret}."
        for raw in RAW_ERRORS:
            if name.endswith(".txt") and raw in text:
                yield f'Output: {name} has "{raw}".'


def _exits_documented(evidence: Evidence) -> Iterator[str]:
    for number, start in enumerate(evidence.exits):
        if start["code"] not in EXIT_CODES and not start["killed"]:
            yield f"Exit code: start {number} ended with {start['code']}, which is not documented."
    last = evidence.exits[-1]["code"]
    done = all(row["state"] == "completed" and not row["note"] for row in evidence.rows)
    if last not in FINISHED:
        yield f"Exit code: after all faults the run still ends with {last}."
    elif (last == 0) is not done:
        yield f"Exit code: it is {last}, and {'every' if done else 'not every'} row completed."


def _base(external_id: str) -> str:
    """Give an external id without its attempt's number: what all attempts of one row share."""
    return external_id.rpartition("-")[0]


def _asked(line: dict[str, str]) -> tuple[str | None, int]:
    """Give whom a line credits with what."""
    return line["phone"] or None, int(line["product_id"])


def _paid(entry: Row) -> tuple[str | None, int]:
    """Give whom a transaction credits with what."""
    return entry["credit_party"], entry["product_id"]


def _number(text: str | None) -> Decimal | None:
    return Decimal(text) if text else None


def _without_nothing(sums: dict[str, Decimal]) -> dict[str, Decimal]:
    return {unit: amount for unit, amount in sums.items() if amount}


def _demanded(lists: Sequence[Sequence[dict[str, str]]]) -> Counter[tuple[str | None, int]]:
    """Give how often each credit party may be paid each product: as often as one version asks for at most."""
    most: Counter[tuple[str | None, int]] = Counter()
    for lines in lists:
        most |= Counter(map(_asked, lines))
    cards = {(line["reference"], _asked(line)) for lines in lists for line in lines if "reference" in line}
    for product in CARDS:
        most[None, product] = sum(asked == (None, product) for _, asked in cards)
    return most
