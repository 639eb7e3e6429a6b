"""The keys that encrypt PINs in the ledger; touches the environment and the key file alone.

A PIN is encrypted with AES-256-GCM under the first key, bound to its external ID and field, so that a ciphertext moved
to another row can't be decrypted. Every available key decrypts what it encrypted. The cipher is imported where it is
used, because most commands meet no PIN.
"""

import base64
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from platformdirs import user_config_path

from bulk_topup.domain.purchase_secrets import UndecryptedSecret
from bulk_topup.errors import PinKeyError
from bulk_topup.security.secret_file import read_secret_file
from bulk_topup.system.files import OWNER_ONLY, atomic_write, create_whole, private_folder

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

#: Holds the keys themselves, the newest first, separated by commas; takes precedence over any file.
KEY_VARIABLE: Final = "BULK_TOPUP_PIN_KEY"
#: Names a key file other than the default: one key per line, the newest first.
FILE_VARIABLE: Final = "BULK_TOPUP_PIN_KEY_FILE"

KEY_BYTES: Final = 32
#: For AES-GCM; random, so one key is good for 4 billion PINs.
NONCE_BYTES: Final = 12
#: Starts every encrypted PIN; no PIN starts with it.
ENCRYPTED_PREFIX: Final = "sealed-pin:1:"
#: Bytes that the cipher adds to a text, and so the length of an encrypted empty text.
_TAG_BYTES: Final = 16
_KEY_ID_LENGTH: Final = 8
_EMPTY_LENGTH: Final = len(ENCRYPTED_PREFIX) + _KEY_ID_LENGTH + len(":") + -(-(NONCE_BYTES + _TAG_BYTES) // 3) * 4


def default_key_file() -> Path:
    """Return the default key file: apart from the ledgers, so that a copied data folder holds no key."""
    return user_config_path("bulk-topup") / "pin.key"


@dataclass(frozen=True, kw_only=True, slots=True)
class PinKey:
    """One key."""

    #: Identifies a key without revealing anything of it: 8 hexadecimal digits of a hash.
    id: str
    #: URL-safe base64, as in the key file.
    secret: str = field(repr=False)

    @classmethod
    def of(cls, text: str, where: str) -> Self:
        """Read a key: 32 bytes in URL-safe base64.

        Raises:
            PinKeyError: the text is no key; it is not quoted.
        """
        try:
            key = base64.b64decode(text, altchars=b"-_", validate=True)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise PinKeyError(
                f"{where} has an invalid PIN key (not 32 bytes in URL-safe base64). "
                "Create one: `bulk-topup pin-key new`."
            )
        digest = hashlib.sha256(b"bulk-topup pin key\0" + key).hexdigest()
        return cls(id=digest[:_KEY_ID_LENGTH], secret=text)

    @classmethod
    def new(cls) -> Self:
        """Create a random key."""
        return cls.of(base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode(), "A new key")

    def cipher(self) -> "AESGCM":
        """Return the cipher of this key."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(base64.urlsafe_b64decode(self.secret))


class PinKeys:
    """All available keys: the first one encrypts, each decrypts what it encrypted.

    Args:
        keys: the newest first; without any, nothing can be encrypted or decrypted.
        where: where they come from, as a sentence names it.
    """

    def __init__(self, keys: Sequence[PinKey], where: str) -> None:
        self.ids = tuple(key.id for key in keys)
        self.where = where
        self._keys = {key.id: key for key in keys}
        self._ciphers: dict[str, AESGCM] = {}

    @property
    def newest(self) -> str:
        """The ID of the key that encrypts.

        Raises:
            PinKeyError: there is no key.
        """
        if not self.ids:
            raise PinKeyError(f"No PIN key in {self.where}. Create one: `bulk-topup pin-key new`.")
        return self.ids[0]

    def encrypt(self, pin: str | None, external_id: str, field: str) -> str | None:
        """Return an encrypted PIN code or serial for the ledger; None for None.

        Args:
            pin: the PIN code or serial from DVS.
            external_id: external ID of its attempt.
            field: name of the attempt's field.

        Raises:
            PinKeyError: there is no key.
        """
        if pin is None:
            return None
        key_id = self.newest
        nonce = secrets.token_bytes(NONCE_BYTES)
        encrypted = nonce + self._cipher(key_id).encrypt(nonce, pin.encode(), _bound_to(external_id, field))
        return f"{ENCRYPTED_PREFIX}{key_id}:{base64.urlsafe_b64encode(encrypted).decode()}"

    def decrypt_or_explain(self, stored: str | None, external_id: str, field: str) -> str | None:
        """Return a stored PIN decrypted, or the reason and fix in parentheses, which reports show in its place.

        A PIN that an older version stored unencrypted is returned as it is.
        """
        if stored is None or not stored.startswith(ENCRYPTED_PREFIX):
            return stored
        try:
            return self.decrypt(stored, external_id, field)
        except PinKeyError as error:
            return UndecryptedSecret(f"({error})")

    def decrypt(self, encrypted: str, external_id: str, field: str) -> str:
        """Return an encrypted PIN decrypted.

        Raises:
            PinKeyError: its key is not available, or the text was changed or moved to another row.
        """
        from cryptography.exceptions import InvalidTag

        key_id, _, text = encrypted.removeprefix(ENCRYPTED_PREFIX).partition(":")
        if key_id not in self._keys:
            raise PinKeyError(
                f"This PIN is encrypted with the key {key_id}, which is not in {self.where}. Restore that key, "
                "or fetch the PIN from DVS: `bulk-topup transaction show ID --reveal-pins`."
            )
        try:
            content = base64.urlsafe_b64decode(text)
            return (
                self._cipher(key_id)
                .decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], _bound_to(external_id, field))
                .decode()
            )
        except (InvalidTag, ValueError):
            raise PinKeyError(
                "This PIN was changed in the ledger, or moved here from another row. "
                "Fetch it from DVS: `bulk-topup transaction show ID --reveal-pins`."
            ) from None

    def _cipher(self, key_id: str) -> "AESGCM":
        if key_id not in self._ciphers:
            self._ciphers[key_id] = self._keys[key_id].cipher()
        return self._ciphers[key_id]


def is_empty(stored: str) -> bool:
    """Return True if a stored PIN is an empty text, encrypted or not; needs no key."""
    return len(stored) in {0, _EMPTY_LENGTH}


def load_pin_keys(environment: Mapping[str, str] = os.environ) -> PinKeys:
    """Read the keys from the environment, else from the key file; without either there are none.

    Raises:
        PinKeyError: a text is no key, or the file can't be read.
    """
    if value := environment.get(KEY_VARIABLE):
        texts = [text.strip() for text in value.split(",")]
        return PinKeys([PinKey.of(text, KEY_VARIABLE) for text in texts], KEY_VARIABLE)
    file = key_file(environment)
    return PinKeys(_keys_in(file), f"the key file {file}")


def load_or_create_pin_keys(environment: Mapping[str, str] = os.environ) -> PinKeys:
    """Read the keys; if there is none, create the key file with one.

    Raises:
        PinKeyError: a text is no key, or the file can't be read or created.
    """
    found = load_pin_keys(environment)
    if not found.ids:
        file = key_file(environment)
        with _translate_errors(file):
            private_folder(file.parent)
            # Of two processes that start at the same time, the second uses the key of the first.
            create_whole(file, _lines([PinKey.new()]))
    return found if found.ids else load_pin_keys(environment)


def add_pin_key(environment: Mapping[str, str] = os.environ) -> PinKeys:
    """Add a new key as the first of the key file; the others stay, to decrypt what they encrypted.

    Raises:
        PinKeyError: the keys come from the environment, or the file can't be read or written.
    """
    if environment.get(KEY_VARIABLE):
        raise PinKeyError(
            f"The PIN keys are in {KEY_VARIABLE}. Add the new key there before the others, followed by a comma."
        )
    from bulk_topup.system.lock_file import FOR_EVER, locked_file  # heavy, and only needed here

    file = key_file(environment)
    with _translate_errors(file):
        private_folder(file.parent)
        with locked_file(file.with_name(f"{file.name}.lock"), timeout=FOR_EVER):
            lines = _lines([PinKey.new(), *_keys_in(file)])
            with atomic_write(file) as temporary:
                temporary.write_bytes(lines)
    return load_pin_keys(environment)


def key_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the path of the key file."""
    value = environment.get(FILE_VARIABLE)
    return Path(value) if value else default_key_file()


def _keys_in(file: Path) -> list[PinKey]:
    with _translate_errors(file):
        if not file.exists():
            return []
        content, found = read_secret_file(file)
    texts = content.decode("ascii", errors="replace").split()
    # A file of another owner is a secret that the system or a container provides, which sets its mode.
    if found.st_uid == os.geteuid() and found.st_mode & ~OWNER_ONLY & 0o777:
        raise PinKeyError(f"Other users can read the key file {file}. Make it private: `chmod 600 {file}`.")
    return [PinKey.of(text, f"The key file {file}") for text in texts]


def _lines(keys: Sequence[PinKey]) -> bytes:
    return "".join(f"{key.secret}\n" for key in keys).encode()


def _bound_to(external_id: str, field: str) -> bytes:
    return f"{external_id}\n{field}".encode()


@contextmanager
def _translate_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PinKeyError(
            f"Can't use the key file {file}: {error.strerror}. PINs are never stored without a key. Fix that, "
            f"choose another file with {FILE_VARIABLE}, or set the key in {KEY_VARIABLE}."
        ) from error
