"""What a plan states and an approval confirms; reads the plan file."""

import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from bulk_topup.domain.guards import Guards
from bulk_topup.errors import ApprovalError


def _checked_guards(text: str) -> str:
    Guards.model_validate_json(text)
    return text


class Signed(BaseModel):
    """Plain texts and numbers only: what is read and written again gives the same bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PlanStatement(Signed):
    """What a plan would do, in figures that a start computes anew."""

    format: Literal["bulk-topup plan 1"] = "bulk-topup plan 1"
    #: The version that planned.
    version: str
    job: str
    run_key: str
    environment: str
    #: Whose wallet pays.
    account: str
    #: The list's file name, and the SHA-256 of its bytes.
    list: str
    list_sha256: str
    #: Rows that the list pays, sent before or not.
    rows: int
    #: What they ask for and what they cost, per unit, in plain notation.
    amounts: dict[str, str]
    costs: dict[str, str]
    rows_without_known_cost: int
    #: SHA-256 over each row's identity, external id and request, and over its cost.
    requests_sha256: str
    costs_sha256: str
    #: What the run is allowed to do with money, as JSON of `Guards` with sorted keys.
    guards: Annotated[str, AfterValidator(_checked_guards)]
    not_by: str
    #: Operating system's user, and time in UTC.
    planned_by: str
    planned_at: str


class _PlanFile(BaseModel):
    """The part of a plan's file that is approved."""

    to_approve: PlanStatement


def _differences(approved: PlanStatement, found: PlanStatement) -> Iterator[str]:
    for name, what in (
        ("job", "the job"),
        ("run_key", "the run key"),
        ("environment", "the environment"),
        ("account", "the account"),
        ("rows", "the number of rows"),
        ("not_by", "who may not approve"),
        ("rows_without_known_cost", "the number of rows without a known cost"),
        ("list_sha256", "the SHA-256 of the list"),
    ):
        was, is_ = getattr(approved, name), getattr(found, name)
        if was != is_:
            yield f"{what} is {is_}, approved was {was}"
    for name, what in (("amounts", "what the rows ask for"), ("costs", "what the rows cost")):
        before, after = getattr(approved, name), getattr(found, name)
        for unit in sorted({*before, *after}):
            if before.get(unit) != after.get(unit):
                yield f"{what} is {after.get(unit, '0')} {unit}, approved was {before.get(unit, '0')} {unit}"
    if not hmac.compare_digest(approved.requests_sha256, found.requests_sha256):
        yield "at least one row differs in who it is, whom it credits or what it asks for"
    if not hmac.compare_digest(approved.costs_sha256, found.costs_sha256):
        yield "at least one row has another cost"
    if approved.guards != found.guards:
        before, after = json.loads(approved.guards), json.loads(found.guards)
        names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        yield f"the guards differ: {', '.join(names)}"


def check_same_plan(approved: PlanStatement, found: PlanStatement) -> None:
    """Demand that what would be sent is what was approved.

    Raises:
        ApprovalError: it differs; every difference is named.
    """
    if differences := list(_differences(approved, found)):
        told = "\n".join(f"  {difference}" for difference in differences)
        raise ApprovalError(
            f"What would be sent is not what {approved.job}/{approved.run_key} was approved for, so nothing was sent:\n"
            f"{told}\nPlan it again and have that plan approved."
        )


M = TypeVar("M", bound=BaseModel)


def _read(file: Path, model: type[M], what: str) -> M:
    try:
        return model.model_validate_json(file.read_bytes())
    except OSError as error:
        raise ApprovalError(f"{file} cannot be read: {error.strerror}.") from None
    except ValidationError:
        raise ApprovalError(f"{file} is not {what}.") from None


def read_statement(file: Path) -> PlanStatement:
    """Read what a plan's file wants approved.

    Raises:
        ApprovalError: the file cannot be read, or nothing in it can be approved.
    """
    return _read(
        file, _PlanFile, "a plan that can be approved; make one with `bulk-topup plan --output FILE`"
    ).to_approve
