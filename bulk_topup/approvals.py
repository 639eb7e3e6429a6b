"""Two people for one payment: what a plan states, who signed it, and whether that holds; touches key files only."""

import base64
import binascii
import hashlib
import hmac
import json
import os
import pwd
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeVar

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

from bulk_topup.domain.guards import Guards
from bulk_topup.errors import ApprovalError
from bulk_topup.system.files import OWNER_ONLY

#: How long an approval holds unless its approver says otherwise.
VALID_FOR: Final = timedelta(hours=24)
#: Bytes of a shared secret, at least.
SHORTEST_SECRET: Final = 32
#: The trusted key that stands for the shared secret.
HMAC: Final = "hmac"

_ED25519: Final = "ed25519:"
_PUBLIC_LENGTH: Final = 32
#: Before what is signed, so that a signature for something else is none for this.
_PURPOSE: Final = b"bulk-topup approval 1\n"


def _checked_key(text: str) -> str:
    if text != HMAC:
        _public_key(text)
    return text


def _checked_guards(text: str) -> str:
    Guards.model_validate_json(text)
    return text


class ApprovalPolicy(BaseModel):
    """Whose approval a job needs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Nothing is sent without an approval.
    required: bool = False
    #: The public keys whose signatures count, as `approval-key new` prints them, or "hmac" for the shared secret.
    keys: tuple[Annotated[str, AfterValidator(_checked_key)], ...] = ()
    #: Who must not approve: the user who made the plan; "nobody" lets one person do both.
    not_by: Literal["planner", "nobody"] = "planner"

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        if self.required and not self.keys:
            raise ValueError("an approval is required, and no key is trusted; state keys")
        return self


class _Signed(BaseModel):
    """Plain texts and numbers only: what is read and written again gives the same bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Statement(_Signed):
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


class Approval(_Signed):
    """Who agreed, when, and until when that holds."""

    #: Operating system's user.
    approved_by: str
    approved_at: str
    valid_until: str
    #: Which key signed.
    key: str
    #: Over the statement and all of the above, in hexadecimal.
    signature: str


class ApprovedPlan(_Signed):
    """A statement with its approval: what `approve` writes and `run` takes."""

    statement: Statement
    approval: Approval

    def signed_bytes(self) -> bytes:
        """Give what the signature is over: the same bytes for the same values, and for no others."""
        values = {"statement": self.statement.model_dump(), **self.approval.model_dump(exclude={"signature"})}
        return _PURPOSE + json.dumps(values, sort_keys=True, separators=(",", ":")).encode()


class _PlanFile(BaseModel):
    """The part of a plan's file that is approved."""

    to_approve: Statement


@dataclass(frozen=True, kw_only=True, slots=True)
class Signer:
    """A key that signs."""

    #: Which key; nothing of it can be told from this.
    id: str
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Presented:
    """An approval that a start presents, with the shared secret where one is needed to check it."""

    plan: ApprovedPlan
    secret: bytes | None = None


def approve(
    statement: Statement, signer: Signer, *, approver: str, now: datetime, valid_for: timedelta
) -> ApprovedPlan:
    """Sign what a plan states.

    Raises:
        ApprovalError: the approver made the plan.
    """
    if statement.not_by == "planner" and approver == statement.planned_by:
        raise ApprovalError(f"{approver} made this plan, so somebody else has to approve it.")
    approval = Approval(
        approved_by=approver,
        approved_at=now.isoformat(),
        valid_until=(now + valid_for).isoformat(),
        key=signer.id,
        signature="",
    )
    unsigned = ApprovedPlan(statement=statement, approval=approval)
    signature = signer.sign(unsigned.signed_bytes()).hex()
    return unsigned.model_copy(update={"approval": approval.model_copy(update={"signature": signature})})


def demand_valid(presented: Presented, policy: ApprovalPolicy, now: datetime) -> None:
    """Demand that an approval is signed with a trusted key, by somebody else than the planner, and holds now.

    Raises:
        ApprovalError: it is not.
    """
    plan, approval = presented.plan, presented.plan.approval
    if not policy.keys:
        raise ApprovalError(
            "No key is trusted to approve; state keys in the job file's [approval] table, or --approver-key."
        )
    if not any(_is_signed(plan, key, presented.secret) for key in policy.keys):
        raise ApprovalError(
            f"The approval by {approval.approved_by} (key {approval.key}) is not signed with a trusted key, or was "
            "changed after it was signed; have the plan approved again."
        )
    if policy.not_by == "planner" and approval.approved_by == plan.statement.planned_by:
        raise ApprovalError(f"{approval.approved_by} both made and approved the plan; somebody else has to approve it.")
    if now >= datetime.fromisoformat(approval.valid_until):
        raise ApprovalError(
            f"The approval by {approval.approved_by} was valid until {approval.valid_until}; have the plan approved "
            "again. What a run has already begun under it goes on with `bulk-topup resume`."
        )


def demand_same(approved: Statement, found: Statement) -> None:
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


def user_name() -> str:
    """Give the operating system's name of who runs this process; no environment variable changes it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"


def make_key(file: Path) -> str:
    """Make a key pair: the private key in `file`, for its owner only, the public one beside it with the ending .pub.

    Returns:
        The public key as job files name it.

    Raises:
        ApprovalError: one of the files exists already, or cannot be written.
    """
    private = Ed25519PrivateKey.generate()
    public = f"{_ED25519}{base64.b64encode(private.public_key().public_bytes_raw()).decode()}"
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        for path, content in ((file, pem), (_public_file(file), f"{public}\n".encode())):
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ONLY), "wb") as opened:
                opened.write(content)
    except OSError as error:
        raise ApprovalError(
            f"The key cannot be written to {error.filename}: {error.strerror}. Name another file."
        ) from None
    return public


def load_signer(file: Path) -> Signer:
    """Read a private key that `make_key` made.

    Raises:
        ApprovalError: the file cannot be read, is no such key, or can be read by others.
    """
    try:
        mode, content = file.stat().st_mode, file.read_bytes()
    except OSError as error:
        raise ApprovalError(f"The key {file} cannot be read: {error.strerror}.") from None
    if mode & 0o077:
        raise ApprovalError(f"The key {file} can be used by others than its owner; chmod 600 it, or make a new one.")
    try:
        private = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise ApprovalError(f"{file} is not a private key of `bulk-topup approval-key new`.")
    return Signer(id=_key_id(private.public_key()), sign=private.sign)


def secret_signer(secret: bytes) -> Signer:
    """Make a signer of a shared secret.

    Raises:
        ApprovalError: it is too short.
    """
    if len(secret) < SHORTEST_SECRET:
        raise ApprovalError(f"The approval secret has fewer than {SHORTEST_SECRET} bytes; choose a longer one.")
    return Signer(
        id=f"{HMAC}:{_authenticated(secret, b'which key')[:8].hex()}", sign=lambda text: _authenticated(secret, text)
    )


def trusted_key(text: str) -> str:
    """Read a trusted key: its text, or the file that holds it.

    Raises:
        ApprovalError: it is neither.
    """
    if text != HMAC and not text.startswith(_ED25519):
        try:
            text = Path(text).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            raise ApprovalError(f'"{text}" is neither a public key nor a file that holds one.') from None
    try:
        return _checked_key(text)
    except ValueError as error:
        raise ApprovalError(f"{error}.") from None


def read_statement(file: Path) -> Statement:
    """Read what a plan's file wants approved.

    Raises:
        ApprovalError: the file cannot be read, or nothing in it can be approved.
    """
    return _read(file, _PlanFile, "a plan that can be approved; make one with `bulk-topup plan --out FILE`").to_approve


def read_approved(file: Path) -> ApprovedPlan:
    """Read an approved plan.

    Raises:
        ApprovalError: the file cannot be read, or is none.
    """
    return _read(file, ApprovedPlan, "an approved plan; make one with `bulk-topup approve`")


M = TypeVar("M", bound=BaseModel)


def _read(file: Path, model: type[M], what: str) -> M:
    try:
        return model.model_validate_json(file.read_bytes())
    except OSError as error:
        raise ApprovalError(f"{file} cannot be read: {error.strerror}.") from None
    except ValidationError:
        raise ApprovalError(f"{file} is not {what}.") from None


def _differences(approved: Statement, found: Statement) -> Iterator[str]:
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


def _is_signed(plan: ApprovedPlan, key: str, secret: bytes | None) -> bool:
    approval = plan.approval
    try:
        signature = bytes.fromhex(approval.signature)
    except ValueError:
        return False
    if signature.hex() != approval.signature:
        return False
    if key == HMAC:
        if secret is None:
            return False
        signer = secret_signer(secret)
        return hmac.compare_digest(signer.sign(plan.signed_bytes()), signature) and approval.key == signer.id
    public = _public_key(key)
    try:
        public.verify(signature, plan.signed_bytes())
    except InvalidSignature:
        return False
    return approval.key == _key_id(public)


def _public_key(text: str) -> Ed25519PublicKey:
    try:
        raw = base64.b64decode(text.removeprefix(_ED25519), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not text.startswith(_ED25519) or len(raw) != _PUBLIC_LENGTH:
        raise ValueError(f'"{text}" is not a public key of `bulk-topup approval-key new`')
    return Ed25519PublicKey.from_public_bytes(raw)


def _key_id(public: Ed25519PublicKey) -> str:
    return f"{_ED25519}{hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]}"


def _public_file(file: Path) -> Path:
    return file.with_name(f"{file.name}.pub")


def _authenticated(secret: bytes, text: bytes) -> bytes:
    return hmac.digest(secret, text, "sha256")
