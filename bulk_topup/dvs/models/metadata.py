"""Define the models of what a transaction yields besides its other fields: so far eSIMs (reference: Transactions).

The profile of an eSIM is as secret as a PIN: its activation code or any of its links installs the eSIM. So is metadata
of an unknown type, which is kept as it came.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from bulk_topup.dvs.models.base import DVSModel, Number, Unit


class EsimQuantity(DVSModel):
    """A size in TB, GB, MB, KB or B, of which -1 is unlimited."""

    amount: Number | None = None
    unit: Unit | None = None


class EsimPeriod(DVSModel):
    """A time in units from SECOND to YEAR. DVS says neither that it remains nor that it was the whole."""

    quantity: Number | None = None
    unit: Unit | None = None


class EsimDataPolicy(DVSModel):
    """What happens when the fast volume is used up; `type` is STANDARD or UNLIMITED."""

    type: str | None = None
    #: TIME_INTERVAL, FIXED_TIME or NONE: when the fast volume starts again.
    reset_type: str | None = None
    #: With TIME_INTERVAL, e.g. `24h`, from the activation on.
    interval: str | None = None
    #: With FIXED_TIME: hour and minute in UTC.
    fixed_time: str | None = None
    throttle_speed: str | None = None
    total_high_speed_volume: EsimQuantity | None = None


class EsimBalance(DVSModel):
    """The data of an eSIM."""

    size: EsimQuantity | None = None
    validity: EsimPeriod | None = None
    #: Where it can be used, e.g. WWW.
    country_set: str | None = None
    extended_data_policy: EsimDataPolicy | None = None


class EsimProfile(DVSModel):
    """A new eSIM and the ways to install it; all are kept out of `repr`, so that no log or traceback shows them."""

    iccid: str | None = Field(default=None, repr=False)
    #: The content of the QR code.
    activation_code: str | None = Field(default=None, repr=False)
    apple_universal_link: str | None = Field(default=None, repr=False)
    android_universal_link: str | None = Field(default=None, repr=False)
    installation_url: str | None = Field(default=None, repr=False)


class EsimMetadataOutcome(DVSModel):
    """The part of an eSIM's metadata that its buyer needs; nothing else is read, so that it can't hide the profile."""

    type: Literal["ESIM"]
    #: None for TOP_UP.
    profile: EsimProfile | None = None

    def masked(self, mask: str) -> Self:
        """Return the same with a mask in place of each secret."""
        if self.profile is None:
            return self
        secrets = {name: mask for name, value in self.profile if value is not None}
        return self.model_copy(update={"profile": EsimProfile.model_validate(secrets)})


class EsimMetadata(EsimMetadataOutcome):
    """The eSIM that a transaction sold or recharged."""

    #: DATA_PLAN for a new eSIM, TOP_UP for more data on an earlier one.
    activation_type: str | None = None
    balance: EsimBalance | None = None


class UnknownMetadata(DVSModel):
    """Metadata of a type that this version does not know, with its fields as they came; none of them is in `repr`."""

    model_config = ConfigDict(extra="allow")

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Return nothing."""
        return ()

    def masked(self, mask: str) -> "UnknownMetadata":
        """Return the same with a mask in place of each field but the name of the type."""
        fields = self.model_extra or {}
        return UnknownMetadata.model_validate(
            {name: value if name == "type" and isinstance(value, str) else mask for name, value in fields.items()}
        )


def _known_or_as_it_came(value: object, read: ValidatorFunctionWrapHandler) -> object:
    """Read the metadata of an eSIM; keep any other, and one that can't be read, since none may hide an outcome."""
    try:
        return read(value)
    except ValidationError:
        return UnknownMetadata.model_validate(value if isinstance(value, dict) else {"value": value})


MetadataOutcome = Annotated[EsimMetadataOutcome | UnknownMetadata | None, WrapValidator(_known_or_as_it_came)]
Metadata = Annotated[EsimMetadata | UnknownMetadata | None, WrapValidator(_known_or_as_it_came)]
