"""Invents the eSIMs that transactions sell, and their metadata (reference: Transactions); touches nothing.

An eSIM product with an ICCID as account number recharges that eSIM; without one it sells a new eSIM.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from bulk_topup.dvs.models.base import UNLIMITED
from bulk_topup.sandbox.catalogue.entries import is_esim
from bulk_topup.sandbox.provider.transaction import Transaction

#: How the ICCIDs of new eSIMs start: 89 for telecommunications, then a country that does not exist.
_ISSUER: Final = "89000"
#: The second and third last digits of a new ICCID: no suffix that decides how a recharge of it ends.
_WITHOUT_OUTCOME: Final = "55"
_HOST: Final = "esim.orbit.example"
#: What is left of an unlimited product when its fast volume is used up.
_UNLIMITED_POLICY: Final = {
    "type": "UNLIMITED",
    "reset_type": "TIME_INTERVAL",
    "interval": "24h",
    "throttle_speed": "512 KB/s",
    "total_high_speed_volume": {"amount": 2, "unit": "GB"},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class NewEsim:
    """A new eSIM."""

    iccid: str
    activation_code: str

    @property
    def pin(self) -> dict[str, str]:
        """The `pin` of its transaction."""
        return {"code": self.activation_code, "serial": self.iccid}

    @property
    def profile(self) -> dict[str, str]:
        """The `profile` in the metadata of its transaction."""
        return {
            "iccid": self.iccid,
            "activation_code": self.activation_code,
            "apple_universal_link": f"https://{_HOST}/apple?carddata={self.activation_code}",
            "android_universal_link": f"https://{_HOST}/android?carddata={self.activation_code}",
            "installation_url": f"https://{_HOST}/install?carddata={self.activation_code}",
        }


def new_esim(transaction: Transaction, seed: str) -> NewEsim | None:
    """Return the eSIM that a completed transaction sold, the same after a restart; None if it sold none."""
    if not transaction.sells_esim:
        return None
    digest = hashlib.blake2b(f"eSIM {transaction.id}".encode(), key=seed.encode(), digest_size=16).digest()
    digits = str(int.from_bytes(digest)).zfill(11)[-11:]
    number = f"{_ISSUER}{digits}{_WITHOUT_OUTCOME}"
    return NewEsim(iccid=number + _check_digit(number), activation_code=f"LPA:1${_HOST}${digest.hex().upper()[:20]}")


def esim_metadata(transaction: Transaction, esim: NewEsim | None) -> dict[str, Any] | None:
    """Return the metadata of a completed transaction; None if its product is no eSIM.

    Args:
        transaction: the transaction.
        esim: the eSIM that it sold; None for a recharge.
    """
    product = transaction.quote.product
    if not is_esim(product):
        return None
    data, validity = (product.benefits or [])[0], product.validity
    policy = _UNLIMITED_POLICY if data.amount.base == UNLIMITED else {"type": "STANDARD"}
    metadata: dict[str, Any] = {
        "type": "ESIM",
        "activation_type": "TOP_UP" if esim is None else "DATA_PLAN",
        "balance": {
            "size": {"amount": data.amount.base, "unit": data.unit},
            "validity": {"quantity": validity and validity.quantity, "unit": validity and validity.unit},
            "country_set": "WWW",
            "extended_data_policy": policy,
        },
    }
    return metadata if esim is None else metadata | {"profile": esim.profile}


def _check_digit(number: str) -> str:
    """Return the digit that makes a number an ICCID (ISO/IEC 7812, Luhn)."""
    doubled = [int(digit) * (2 - index % 2) for index, digit in enumerate(reversed(number))]
    return str(-sum(value // 10 + value % 10 for value in doubled) % 10)
