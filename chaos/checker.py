"""Checks the results of a scenario: payments, report, money, files, secrets, exit codes; pure.

It imports nothing of the product, so that an error of the product is not repeated here.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from chaos.evidence import Evidence, Row

#: The exit codes that the guide documents.
EXIT_CODES: Final = frozenset({0, 1, 2, 3, 4, 5, 6, 75})
FINISHED: Final = frozenset({0, 1})
#: Status classes that cost nothing.
UNPAID: Final = frozenset({"REJECTED", "DECLINED", "CANCELLED"})
#: The state of a row by the status class of its transaction.
STATES: Final = {"COMPLETED": "completed", "REVERSED": "reversed", **dict.fromkeys(UNPAID, "failed")}
#: Last digits of numbers that the sandbox declines or rejects.
DECLINED: Final = re.compile(r"[123]0[2-7]|10[89]")
#: Texts that a user must never see.
RAW_ERRORS: Final = ("Traceback", "RuntimeWarning", "ResourceWarning", "never retrieved", "never awaited", "Aborted!")
PHONE: Final = re.compile(r"\+[0-9]{8,15}")
#: Products without a credit party, whose rows differ by their reference only.
CARDS: Final = frozenset({8803, 8810})
#: Columns of the checker's copies of a list that the list itself does not have.
UNLISTED: Final = frozenset({"person", "number"})


def check(evidence: Evidence) -> list[str]:
    """Return a sentence for everything that is wrong; none if nothing is."""
    return [
        *_check_paid_once(evidence),
        *_check_all_reported(evidence),
        *_check_rows(evidence),
        *_check_money(evidence),
        *_check_files(evidence),
        *_check_outputs(evidence),
        *_check_exit_codes(evidence),
    ]


def _check_paid_once(evidence: Evidence) -> Iterator[str]:
    transactions = evidence.books["transactions"]
    for id_, count in Counter(entry["external_id"] for entry in transactions).items():
        if count > 1:
            yield f"Paid twice: {count} transactions have the external ID {id_}."
    paid = [entry for entry in transactions if entry["status_class"] not in UNPAID]
    for base, count in Counter(_base(entry["external_id"]) for entry in paid).items():
        if count > 1:
            yield f"Paid twice: {count} attempts of row {base} were paid."
    allowed = _allowed_payments(evidence.lists)
    for (party, product), count in Counter(map(_credited, paid)).items():
        if count > allowed[party, product]:
            yield f"Paid twice: {party} got product {product} {count} times, at most {allowed[party, product]} allowed."
    exactly = _allowed_amounts(evidence.lists)
    for (party, product, amount), count in Counter(
        (*_credited(entry), Decimal(entry["amount"])) for entry in paid
    ).items():
        most = max(exactly[party, product, amount], exactly[party, product, None])
        if party is not None and 0 < most < count:
            yield f"Paid twice: {party} got {amount} of product {product} {count} times, at most {most} allowed."
    amounts = {(*_requested(line), _number(line["amount"])) for lines in evidence.lists for line in lines}
    for entry in paid:
        key = _credited(entry)
        if not {(*key, None), (*key, Decimal(entry["amount"]))} & amounts:
            yield f"Wrong payment: {entry['external_id']} is {entry['amount']}, which no list contains."


def _check_all_reported(evidence: Evidence) -> Iterator[str]:
    """Check that every line of the last list is reported once, and paid if it can be."""
    if evidence.has_several_runs:
        yield from _check_everybody_paid(evidence)
    else:
        yield from _check_lines_reported(evidence)
    by_id = {row["external_id"] for row in evidence.rows}
    bases = _reported_bases(evidence)
    for entry in evidence.books["transactions"]:
        id_ = entry["external_id"]
        if _base(id_) not in bases:
            if not _is_lost_with_ledger(evidence, entry):
                yield f"Forgotten: transaction {id_} is not in the report."
        elif id_ not in by_id and entry["status_class"] not in UNPAID and not _is_left_unconfirmed(evidence, entry):
            yield f"Forgotten: {id_} was paid, and the report contains another attempt."


def _check_everybody_paid(evidence: Evidence) -> Iterator[str]:
    """Check that everybody of the last list is paid, by whatever run."""
    paid = Counter(_credited(entry) for entry in evidence.books["transactions"] if entry["status_class"] == "COMPLETED")
    for (party, product), count in Counter(map(_requested, evidence.lists[-1])).items():
        if paid[party, product] < count:
            yield f"Forgotten: {party or 'a card'} got product {product} {paid[party, product]} times, not {count}."


def _check_lines_reported(evidence: Evidence) -> Iterator[str]:
    lines = evidence.lists[-1]
    rows_of_line: dict[int, list[Row]] = {}
    for row in evidence.rows:
        rows_of_line.setdefault(row["line"], []).append(row)
    columns = [column for column in lines[0] if column not in UNLISTED] if lines else []
    for number, line in enumerate(lines, start=2):
        cells = [line[column] for column in columns]
        own = [row for row in rows_of_line.get(number, []) if [row["list"].get(column) for column in columns] == cells]
        if len(own) != 1:
            yield f"Forgotten: line {number} is in the report {len(own)} times."
            continue
        yield from _check_state(evidence, number, line, own[0])


def _reported_bases(evidence: Evidence) -> set[str]:
    """Return the external IDs of the report without attempt numbers."""
    return {_base(row["external_id"]) for row in evidence.rows if row["external_id"]}


def _is_lost_with_ledger(evidence: Evidence, entry: Row) -> bool:
    """Return True if only a lost ledger contained a transaction, whose line was removed from the list."""
    if not evidence.is_ledger_lost or _base(entry["external_id"]) in _reported_bases(evidence):
        return False
    key = _credited(entry)
    # Among equal lines, as many as were removed may be unknown.
    listed = sum(requested == key for requested in map(_requested, evidence.lists[-1]))
    booked = {_base(other["external_id"]) for other in evidence.books["transactions"] if _credited(other) == key}
    return listed < len(booked) or entry["product_id"] in CARDS


def _is_left_unconfirmed(evidence: Evidence, entry: Row) -> bool:
    """Return True if only a lost ledger contained a transaction that was created, and is never confirmed or paid."""
    known = {row["external_id"] for row in evidence.rows}
    return evidence.is_ledger_lost and entry["status_class"] == "CREATED" and entry["external_id"] not in known


def _uncounted(evidence: Evidence, total: str) -> list[Row]:
    """Return the transactions that the report cannot include in a total: lost with the ledger, or conflicts."""
    conflicts = {row["external_id"] for row in evidence.rows if row["state"] == "conflict"}
    return [
        entry
        for entry in evidence.books["transactions"]
        if _total_of(entry) == total
        and (
            entry["external_id"] in conflicts
            or _is_lost_with_ledger(evidence, entry)
            or _is_left_unconfirmed(evidence, entry)
        )
    ]


def _total_of(entry: Row) -> str | None:
    """Return the total of the report that includes a transaction."""
    if entry["status_class"] in UNPAID:
        return None
    return "charged" if entry["status_class"] == "COMPLETED" else "held"


def _check_state(evidence: Evidence, number: int, line: dict[str, str], row: Row) -> Iterator[str]:
    party, state, is_card = line["number"], row["state"], int(line["product_id"]) in CARDS
    if not PHONE.fullmatch(party) and not (is_card and not party):
        expected = {"refused"}
    elif not is_card and DECLINED.fullmatch(party[-3:]):
        expected = {"failed"}
    else:
        expected = (
            {"completed", "failed"} if evidence.is_hold_mode and row["status_class"] == "CANCELLED" else {"completed"}
        )
    if party in _phones_of_removed_lines(evidence):
        expected = expected | {"refused"}  # it may be a possible duplicate of the payment for the removed line
    if _has_other_reference(evidence, line):
        expected = expected | {"refused"}  # and of the payment under the person's former reference
    if evidence.is_ledger_lost and len(evidence.lists) > 1:
        expected = expected | {"conflict"}  # the provider has it with the amount of an earlier version
    if state not in expected:
        yield f"Wrong state: line {number} is {state}, not {' or '.join(sorted(expected))}: {row['reason']}"


def _has_other_reference(evidence: Evidence, line: dict[str, str]) -> bool:
    """Return True if a person's reference was edited; of cards, whose rows have nothing else, that of any person."""
    references: dict[str, set[str]] = {}
    for lines in evidence.lists:
        for each in lines:
            if line.get("reference") and (each["person"] == line["person"] or _is_same_card(each, line)):
                references.setdefault(each["person"], set()).add(_spelled_alike(each["reference"]))
    return any(len(names) > 1 for names in references.values())


def _is_same_card(line: dict[str, str], other: dict[str, str]) -> bool:
    return not line["number"] and line["product_id"] == other["product_id"]


def _spelled_alike(reference: str) -> str:
    """Return a reference without case, white space and kinds of dashes."""
    return unicodedata.normalize("NFKC", reference).casefold().strip().replace("\u2013", "-")


def _phones_of_removed_lines(evidence: Evidence) -> set[str | None]:
    last = Counter(map(_requested, evidence.lists[-1]))
    return {party for lines in evidence.lists for party, _ in Counter(map(_requested, lines)) - last}


def _check_rows(evidence: Evidence) -> Iterator[str]:
    """Check that each row matches its transaction at the provider."""
    by_id = {entry["external_id"]: entry for entry in evidence.books["transactions"]}
    for row in evidence.rows:
        entry = by_id.get(row["external_id"])
        where = f"line {row['line']} ({row['external_id']})"
        if entry is None:
            if row["state"] not in {"refused", "failed", "pending"} or row["transaction_id"] is not None:
                yield f"Books: {where} is {row['state']}, and the provider has no transaction."
            continue
        if row["state"] == "conflict":
            continue  # it needs review, since the two differ
        if STATES.get(entry["status_class"]) != row["state"]:
            yield f"Books: {where} is {row['state']}, at the provider {entry['status_class']}."
        for ours, theirs in (
            ("transaction_id", "id"),
            ("product_id", "product_id"),
            ("credit_party", "credit_party"),
            ("unit", "unit"),
            ("status_class", "status_class"),
            ("status", "status_message"),
        ):
            if row[ours] != entry[theirs]:
                yield f"Books: {where} has {ours} {row[ours]}, at the provider it is {entry[theirs]}."
        yield from _check_amounts(row, entry, where)


def _check_amounts(row: Mapping[str, Any], entry: Mapping[str, Any], where: str) -> Iterator[str]:
    """Check amount and price of a row; one that failed or was reversed has no price, since nothing is charged."""
    has_price = row["state"] not in {"failed", "reversed"}
    unit = entry["price_unit"] if has_price else None
    if row["price_unit"] != unit:
        yield f"Books: {where} has price_unit {row['price_unit']}, expected is {unit}."
    # The amount of a failed row may differ from that of its last attempt if the list was corrected.
    for name in ("price", "fee") if row["state"] == "failed" else ("amount", "price", "fee"):
        expected = Decimal(entry[name]) if has_price or name == "amount" else None
        if _number(row[name]) != expected:
            yield f"Books: {where} has {name} {row[name]}, expected is {expected}."


def _check_money(evidence: Evidence) -> Iterator[str]:
    """Check that the totals of the report equal the movements of the wallet, to the last decimal."""
    wallets = evidence.books["wallets"]
    for unit, opening in evidence.books["opening_balances"].items():
        if sum(Decimal(part) for part in wallets[unit].values()) != Decimal(opening):
            yield f"Money: the provider's {unit} wallet does not add up."
    for total, moved in (("charged", "spent"), ("held", "holding")):
        sums = {unit: Decimal(amount) for unit, amount in evidence.summary[total].items()}
        real = {unit: Decimal(wallet[moved]) for unit, wallet in wallets.items()}
        for entry in _uncounted(evidence, total):
            real[entry["price_unit"]] -= Decimal(entry["price"]) + Decimal(entry["fee"])
        if _without_zeros(sums) != _without_zeros(real):
            yield f"Money: the report has {total} {sums}, the wallets have {moved} {real}."
    charged: dict[str, Decimal] = {}
    for row in evidence.rows:
        if row["state"] == "completed":
            cost = Decimal(row["price"]) + Decimal(row["fee"])
            charged[row["price_unit"]] = charged.get(row["price_unit"], Decimal(0)) + cost
    if charged != {unit: Decimal(amount) for unit, amount in evidence.summary["charged"].items()}:
        yield f"Money: the report's rows add up to {charged}, its summary says {evidence.summary['charged']}."


def _check_files(evidence: Evidence) -> Iterator[str]:
    """Check that the files of the report agree, and that only their owner can read them."""
    counts = Counter(row["state"] for row in evidence.rows)
    if {state: count for state, count in evidence.summary["counts"].items() if count} != dict(counts):
        yield f"Files: the summary counts {evidence.summary['counts']}, the rows are {dict(counts)}."
    names = ("line", "state", "external_id", "transaction_id", "price", "fee", "credit_party")
    as_json = [tuple("" if row[name] is None else str(row[name]) for name in names) for row in evidence.rows]
    as_csv = [tuple(row[f"result_{name}"].removeprefix("'") for name in names) for row in evidence.csv_rows]
    if as_json != as_csv:
        yield "Files: results.csv and results.jsonl differ."
    for path in evidence.public_files:
        yield f"Secret: other users can read {path}."


def _check_outputs(evidence: Evidence) -> Iterator[str]:
    for name, text in evidence.texts.items():
        for secret in sorted({what for secret, what in evidence.secrets.items() if secret in text}):
            yield f"Secret: {name} shows {secret}."
        for raw in RAW_ERRORS:
            if name.endswith(".txt") and raw in text:
                yield f'Output: {name} has "{raw}".'


def _check_exit_codes(evidence: Evidence) -> Iterator[str]:
    for number, start in enumerate(evidence.exits):
        if start["code"] not in EXIT_CODES and not start["killed"]:
            yield f"Exit code: start {number} ended with {start['code']}, which is not documented."
    if evidence.has_several_runs:
        return  # what one run refuses, another one has paid
    last = evidence.exits[-1]["code"]
    is_completed = all(row["state"] == "completed" and not row["note"] for row in evidence.rows)
    if last not in FINISHED:
        yield f"Exit code: after all faults the run still ends with {last}."
    elif (last == 0) is not is_completed:
        yield f"Exit code: it is {last}, and {'every' if is_completed else 'not every'} row completed."


def _base(external_id: str) -> str:
    """Return an external ID without its attempt number, which all attempts of a row share."""
    return external_id.rpartition("-")[0]


def _requested(line: dict[str, str]) -> tuple[str | None, int]:
    """Return the number of the person behind a line, however it is spelled, and the product."""
    return line["number"] or None, int(line["product_id"])


def _credited(entry: Row) -> tuple[str | None, int]:
    """Return credit party and product of a transaction."""
    return entry["credit_party"], entry["product_id"]


def _number(text: str | None) -> Decimal | None:
    return Decimal(text) if text else None


def _without_zeros(sums: dict[str, Decimal]) -> dict[str, Decimal]:
    return {unit: amount for unit, amount in sums.items() if amount}


def _allowed_payments(lists: Sequence[Sequence[dict[str, str]]]) -> Counter[tuple[str | None, int]]:
    """Return how often each product may be paid to each credit party: the maximum over all versions."""
    most: Counter[tuple[str | None, int]] = Counter()
    for lines in lists:
        most |= Counter(map(_requested, lines))
    cards = {(line["person"], _requested(line)) for lines in lists for line in lines}
    for product in CARDS:
        most[None, product] = sum(requested == (None, product) for _, requested in cards)
    return most


def _allowed_amounts(lists: Sequence[Sequence[dict[str, str]]]) -> Counter[tuple[str | None, int, Decimal | None]]:
    """Return how often each amount of a product may be paid to each credit party: the maximum over all versions."""
    most: Counter[tuple[str | None, int, Decimal | None]] = Counter()
    for lines in lists:
        most |= Counter((*_requested(line), _number(line["amount"])) for line in lines)
    return most
