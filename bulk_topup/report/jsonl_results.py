"""The results as JSON lines: one object a row, amounts as strings in plain notation; writes the path it is given."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bulk_topup.money import plain
from bulk_topup.records import Outcome, Run
from bulk_topup.report.batches import Sink
from bulk_topup.report.cells import list_cells, secret_text, time_text
from bulk_topup.report.columns import unused
from bulk_topup.report.reasons import note, reason


@contextmanager
def jsonl_results(path: Path, run: Run, *, reveal_pins: bool) -> Iterator[Sink]:
    """Give a sink that writes every row as a JSON object on a line of its own."""
    keys = _keys(run.columns)
    encode = msgspec.json.Encoder().encode

    def line(outcome: Outcome) -> bytes:
        values = _values(outcome, keys, reveal_pins=reveal_pins)
        try:
            return encode(values)
        except UnicodeEncodeError:
            # Half a surrogate pair has no UTF-8 form; JSON can still spell it as an escape.
            return json.dumps(values).encode()

    def write(outcomes: Sequence[Outcome]) -> None:
        file.write(b"\n".join([*map(line, outcomes), b""]))

    with path.open("wb") as file:
        yield write


def _values(outcome: Outcome, keys: Sequence[str], *, reveal_pins: bool) -> dict[str, object]:
    columns = len(keys)
    return {
        "line": outcome.line,
        "state": outcome.state.value,
        "reason": reason(outcome),
        "note": note(outcome, columns),
        "product_id": outcome.product_id,
        "credit_party": outcome.credit_party,
        "amount": None if outcome.amount is None else plain(outcome.amount),
        "unit": outcome.unit,
        "attempt": outcome.attempt,
        "external_id": outcome.external_id,
        "transaction_id": outcome.transaction_id,
        "status_class": outcome.status_class,
        "status": outcome.status_message,
        "price": None if outcome.price is None else plain(outcome.price),
        "fee": None if outcome.fee is None else plain(outcome.fee),
        "price_unit": outcome.price_unit,
        "operator_reference": outcome.operator_reference,
        "pin_code": secret_text(outcome.pin_code, reveal=reveal_pins) or None,
        "pin_serial": secret_text(outcome.pin_serial, reveal=reveal_pins) or None,
        "created": time_text(outcome.creation_date) or None,
        "final": time_text(outcome.final_at) or None,
        "problems": [{"column": problem.column, "message": problem.message} for problem in outcome.problems],
        "list": dict(zip(keys, list_cells(outcome, columns), strict=True)),
    }


def _keys(columns: Sequence[str]) -> list[str]:
    # Two columns without a name would be one key, and a cell would be lost.
    keys: dict[str, None] = {}
    for column in columns:
        keys[unused(column, keys)] = None
    return list(keys)
