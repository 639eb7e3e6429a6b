"""Define the secrets that a purchase yields: a PIN, and the profile of an eSIM; pure.

Anyone who knows one of them can use what was bought. So all of them are encrypted in the ledger, masked wherever they
are shown, revealed only on request, and never logged or sent.
"""

from dataclasses import asdict, dataclass, field
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class PurchaseSecrets:
    """The secrets of one transaction; each is None if it has none."""

    pin_code: str | None = field(default=None, repr=False)
    #: The ICCID of a new eSIM.
    pin_serial: str | None = field(default=None, repr=False)
    #: The content of the QR code that installs an eSIM.
    esim_activation_code: str | None = field(default=None, repr=False)
    esim_apple_universal_link: str | None = field(default=None, repr=False)
    esim_android_universal_link: str | None = field(default=None, repr=False)
    esim_installation_url: str | None = field(default=None, repr=False)

    def by_field(self) -> dict[str, str | None]:
        """Return each secret by its field."""
        return asdict(self)


class UndecryptedSecret(str):
    """The reason why a secret can't be decrypted, in parentheses, which stands in its place."""

    __slots__ = ()


#: The fields of a purchase that are secret: in rows, in columns of the ledger and of reports.
SECRET_FIELDS: Final = tuple(PurchaseSecrets.__dataclass_fields__)
NO_SECRETS: Final = PurchaseSecrets()
