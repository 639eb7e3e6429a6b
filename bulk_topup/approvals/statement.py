"""The statement of a plan, which an approval signs; reads plan files."""

import hmac
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from bulk_topup.domain.guards import Guards
from bulk_topup.domain.money import format_money, parse_plain_amount
from bulk_topup.domain.run_names import fold_name
from bulk_topup.domain.verdict import format_rows
from bulk_topup.errors import ApprovalError

#: Most bytes of a plan file; one that names refused rows is long.
MAX_PLAN_BYTES: Final = 64 * 2**20


def _checked_guards(text: str) -> str:
    Guards.model_validate_json(text)
    return text


class SignedModel(BaseModel):
    """A model of texts and whole numbers only, so that reading and writing it again gives the same bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class StatedRepetition(SignedModel):
    """Rows of a plan that another run has paid, and that are paid again on purpose."""

    #: The other run.
    run: str
    rows: int
    #: Why they are paid again.
    reason: str


class PlanStatement(SignedModel):
    """What a plan pays, in figures that a run computes again before it sends anything."""

    format: Literal["bulk-topup plan 1"] = "bulk-topup plan 1"
    #: The version of bulk-topup that planned.
    version: str
    job: str
    run_key: str
    environment: str
    #: The account that pays.
    account: str
    #: The list's file name, and the SHA-256 of its bytes.
    list: str
    list_sha256: str
    #: Valid rows of the list, sent before or not.
    rows: int
    #: Their requested amounts and their costs, per unit, in plain notation.
    amounts: dict[str, str]
    costs: dict[str, str]
    rows_without_known_cost: int
    #: Pairs of similar credit parties that the list pays as different ones, by a person's decision. Not written where
    #: there are none, so that statements of earlier versions keep their signed bytes; nor are the next four.
    pairs_not_the_same: int = 0
    #: Rows whose values in the run differ from those in the list's file, because they were corrected.
    corrected: int = 0
    #: What the list pays again that other runs have paid.
    paid_again: tuple[StatedRepetition, ...] = ()
    #: Whether the list is added to a run that has other rows.
    is_added: bool = False
    #: Where callbacks are posted, without the token; empty for nowhere, or this machine.
    callback_url: str = ""
    #: SHA-256 of all rows' identities, external IDs and requests, with these pairs and with the payments of other runs
    #: that they repeat on purpose and the reasons; and of their costs.
    requests_sha256: str
    costs_sha256: str
    #: The run's guards, as JSON of `Guards` with sorted keys.
    guards: Annotated[str, AfterValidator(_checked_guards)]
    not_by: str
    #: The operating system's user, and the time in UTC.
    planned_by: str
    planned_at: str

    @model_serializer(mode="wrap")
    def _without_empty(self, serialize: SerializerFunctionWrapHandler) -> dict[str, object]:
        values: dict[str, object] = serialize(self)
        for name in ("pairs_not_the_same", "paid_again", "is_added", "corrected", "callback_url"):
            if not values[name]:
                del values[name]
        return values


class _PlanFile(BaseModel):
    """The part of a plan file that is approved."""

    to_approve: PlanStatement


#: Names that are compared in one form.
_NAMES: Final = frozenset({"job", "run_key"})


def _differences(approved: PlanStatement, found: PlanStatement) -> Iterator[str]:
    for name, what in (
        ("job", "the job"),
        ("run_key", "the run key"),
        ("environment", "the environment"),
        ("account", "the account"),
        ("rows", "the number of rows"),
        ("not_by", "the person who must not approve"),
        ("pairs_not_the_same", "the number of pairs that are not the same"),
        ("is_added", "whether the list is added to the run"),
        ("corrected", "the number of corrected rows"),
        ("rows_without_known_cost", "the number of rows without a known cost"),
        ("list_sha256", "the SHA-256 of the list"),
        ("callback_url", "the callback address (--callback-url or BULK_TOPUP_CALLBACK_URL)"),
    ):
        was, is_ = getattr(approved, name), getattr(found, name)
        if was != is_ and not (name in _NAMES and fold_name(was) == fold_name(is_)):
            yield f"{what} is {_or_none(is_)}, approved was {_or_none(was)}"
    if approved.paid_again != found.paid_again:
        yield f"what is paid again is {_repetitions(found)}; approved was {_repetitions(approved)}"
    for name, what in (("amounts", "the requested amount"), ("costs", "the cost")):
        before, after = getattr(approved, name), getattr(found, name)
        for unit in sorted({*before, *after}):
            if before.get(unit) != after.get(unit):
                yield f"{what} is {_money(after, unit)}, approved was {_money(before, unit)}"
    if not hmac.compare_digest(approved.requests_sha256, found.requests_sha256):
        yield "at least one row has another identity, credit party or requested amount, or repeats another payment"
    if not hmac.compare_digest(approved.costs_sha256, found.costs_sha256):
        yield "at least one row has another cost"
    if approved.guards != found.guards:
        before, after = json.loads(approved.guards), json.loads(found.guards)
        names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        yield f"the guards differ: {', '.join(names)}"


def _or_none(value: object) -> object:
    return "none" if value == "" else value


def check_same_plan(approved: PlanStatement, found: PlanStatement) -> None:
    """Check that exactly the approved plan would be sent.

    Args:
        approved: the statement that was approved.
        found: the statement of what would be sent.

    Raises:
        ApprovalError: they differ; the message names every difference.
    """
    if differences := list(_differences(approved, found)):
        lines = "\n".join(f"  {difference}" for difference in differences)
        raise ApprovalError(
            f"Run {approved.job}/{approved.run_key} differs from its approved plan. Nothing was sent.\n"
            f"{lines}\nWrite a new plan, and have it approved."
        )


def _repetitions(statement: PlanStatement) -> str:
    """Return for people what a plan pays again."""
    return "; ".join(map(format_repetition, statement.paid_again)) or "nothing"


def format_repetition(repetition: StatedRepetition) -> str:
    """Return for people what is paid again and why: `2 rows of payroll/may: second bonus`."""
    return f"{format_rows(repetition.rows)} of {repetition.run}: {repetition.reason}"


def _money(sums: Mapping[str, str], unit: str) -> str:
    """Return a statement's amount for people; a text that is no amount, as a changed file may have, stays as it is."""
    text = sums.get(unit, "0")
    amount = parse_plain_amount(text)
    return f"{text} {unit}" if amount is None else format_money(amount, unit)


M = TypeVar("M", bound=BaseModel)


def read_model(file: Path, model: type[M], what: str) -> M:
    """Read a JSON file as a model.

    Args:
        file: the file.
        model: the model.
        what: what the file should be and how to write one, as the end of a sentence.

    Raises:
        ApprovalError: the file cannot be read, is too long, or is something else.
    """
    try:
        # A pipe or a device may never end, so it is not even opened.
        if file.exists() and not file.is_file():
            raise ApprovalError(f"{file} is not a file. Write the plan to a file, and name that.")
        with file.open("rb") as opened:
            content = opened.read(MAX_PLAN_BYTES + 1)
        if len(content) > MAX_PLAN_BYTES:
            raise ApprovalError(f"{file} has more than {MAX_PLAN_BYTES // 2**20} MB, so it is not {what}.")
        return model.model_validate_json(content)
    except OSError as error:
        raise ApprovalError(f"Can't read {file}: {error.strerror}.") from None
    except ValidationError:
        raise ApprovalError(f"{file} is not {what}.") from None


def read_statement(file: Path) -> PlanStatement:
    """Read the statement of a plan file.

    Raises:
        ApprovalError: the file cannot be read, or has no statement.
    """
    return read_model(
        file, _PlanFile, "a plan that can be approved. Write one with `bulk-topup plan --output FILE`"
    ).to_approve
