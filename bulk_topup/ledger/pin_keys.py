"""The keys that PINs are encrypted with in the ledger; touches the environment and the key file, and nothing else.

A PIN is sealed with AES-256-GCM under the first key, bound to the external id and the field that it belongs to, so that
a sealed text which is moved to another row opens no more. Every key at hand opens what it sealed. What encrypts is
imported where it is used: most commands meet no PIN.
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

from bulk_topup.errors import PinKeyError
from bulk_topup.system.files import OWNER_ONLY, atomic_write, create_whole, private_folder

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

#: Names the keys themselves, the newest first, with commas between them; it wins over any file.
KEY_VARIABLE: Final = "BULK_TOPUP_PIN_KEY"
#: Names another file than the usual one; a key a line, the newest first.
FILE_VARIABLE: Final = "BULK_TOPUP_PIN_KEY_FILE"

KEY_BYTES: Final = 32
#: What AES-GCM takes; drawn at random, it may serve 4 billion PINs a key.
NONCE_BYTES: Final = 12
#: Begins every sealed text; no PIN begins with it.
SEALED: Final = "sealed-pin:1:"
#: What the cipher adds to a text, in bytes, and so the length of a sealed text that holds nothing.
_TAG_BYTES: Final = 16
_KEY_ID_LENGTH: Final = 8
_SEALED_NOTHING: Final = len(SEALED) + _KEY_ID_LENGTH + len(":") + -(-(NONCE_BYTES + _TAG_BYTES) // 3) * 4


def default_key_file() -> Path:
    """Give the key file's usual place: apart from the ledgers, so that a copied data folder holds no key."""
    return user_config_path("bulk-topup") / "pin.key"


@dataclass(frozen=True, kw_only=True, slots=True)
class PinKey:
    """One key."""

    #: Tells keys apart without giving anything of them away: 8 hexadecimal digits of a hash.
    id: str
    #: URL-safe base64, as it stands in the key file.
    secret: str = field(repr=False)

    @classmethod
    def of(cls, text: str, where: str) -> Self:
        """Read a key: 32 bytes in URL-safe base64.

        Raises:
            PinKeyError: it is none; the text is not quoted.
        """
        try:
            key = base64.b64decode(text, altchars=b"-_", validate=True)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise PinKeyError(
                f"{where} holds something else than a PIN key (32 bytes in URL-safe base64); "
                "`bulk-topup pin-key new` makes one."
            )
        digest = hashlib.sha256(b"bulk-topup pin key\0" + key).hexdigest()
        return cls(id=digest[:_KEY_ID_LENGTH], secret=text)

    @classmethod
    def new(cls) -> Self:
        """Draw a key."""
        return cls.of(base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode(), "A new key")

    def cipher(self) -> "AESGCM":
        """Give what seals and opens with this key."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(base64.urlsafe_b64decode(self.secret))


class PinKeys:
    """All keys at hand: the first one seals, each opens what it sealed.

    Args:
        keys: the newest first; without any, nothing can be sealed and nothing opened.
        where: where they come from, as a sentence names it.
    """

    def __init__(self, keys: Sequence[PinKey], where: str) -> None:
        self.ids = tuple(key.id for key in keys)
        self.where = where
        self._keys = {key.id: key for key in keys}
        self._ciphers: dict[str, AESGCM] = {}

    @property
    def newest(self) -> str:
        """The id of the key that seals.

        Raises:
            PinKeyError: there is none.
        """
        if not self.ids:
            raise PinKeyError(f"There is no PIN key in {self.where}; `bulk-topup pin-key new` makes one.")
        return self.ids[0]

    def seal(self, pin: str | None, external_id: str, field: str) -> str | None:
        """Encrypt a PIN code or serial for the ledger; None for none.

        Args:
            pin: what the provider gave.
            external_id: of the attempt that it belongs to.
            field: which of the attempt's fields it is.
        """
        if pin is None:
            return None
        key_id = self.newest
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + self._cipher(key_id).encrypt(nonce, pin.encode(), _bound_to(external_id, field))
        return f"{SEALED}{key_id}:{base64.urlsafe_b64encode(sealed).decode()}"

    def open(self, sealed: str | None, external_id: str, field: str) -> str | None:
        """Decrypt what the ledger holds; where that is not possible, give a text that says so and the cure.

        A report shows that text in the PIN's place. What an older ledger holds unsealed is given as it is.
        """
        if sealed is None or not sealed.startswith(SEALED):
            return sealed
        try:
            return self.opened(sealed, external_id, field)
        except PinKeyError as error:
            return f"({error})"

    def opened(self, sealed: str, external_id: str, field: str) -> str:
        """Decrypt what the ledger holds.

        Raises:
            PinKeyError: its key is not at hand, or the text was changed or moved to another row.
        """
        from cryptography.exceptions import InvalidTag

        key_id, _, text = sealed.removeprefix(SEALED).partition(":")
        if key_id not in self._keys:
            raise PinKeyError(
                f"This PIN is encrypted with the key {key_id}, which is not in {self.where}; bring that key back, "
                "or ask the provider with `bulk-topup transaction show ID --reveal-pins`."
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
                "This PIN was changed in the ledger, or moved here from another row; "
                "ask the provider with `bulk-topup transaction show ID --reveal-pins`."
            ) from None

    def _cipher(self, key_id: str) -> "AESGCM":
        if key_id not in self._ciphers:
            self._ciphers[key_id] = self._keys[key_id].cipher()
        return self._ciphers[key_id]


def is_nothing(sealed: str) -> bool:
    """Tell, without any key, whether what the ledger holds is an empty text, sealed or not."""
    return len(sealed) in {0, _SEALED_NOTHING}


def load_pin_keys(environment: Mapping[str, str] = os.environ) -> PinKeys:
    """Read the keys from the environment, else from the key file; none where there is neither.

    Raises:
        PinKeyError: what is there is not a key, or cannot be read.
    """
    if stated := environment.get(KEY_VARIABLE):
        texts = [text.strip() for text in stated.split(",")]
        return PinKeys([PinKey.of(text, KEY_VARIABLE) for text in texts], KEY_VARIABLE)
    file = key_file(environment)
    return PinKeys(_keys_in(file), f"the key file {file}")


def load_or_make_pin_keys(environment: Mapping[str, str] = os.environ) -> PinKeys:
    """Read the keys; where there is none at all, make the key file with one.

    Raises:
        PinKeyError: what is there is not a key, or the file cannot be read or made.
    """
    found = load_pin_keys(environment)
    if not found.ids:
        file = key_file(environment)
        with _told(file):
            private_folder(file.parent)
            # Of two that start at once, the second takes the key of the first.
            create_whole(file, _lines([PinKey.new()]))
    return found if found.ids else load_pin_keys(environment)


def add_pin_key(environment: Mapping[str, str] = os.environ) -> PinKeys:
    """Put a new key first in the key file; the others stay, to open what they sealed.

    Raises:
        PinKeyError: the keys come from the environment, or the file cannot be read or written.
    """
    if environment.get(KEY_VARIABLE):
        raise PinKeyError(
            f"The PIN keys come from {KEY_VARIABLE}, so the new one belongs there too: put it before the others, "
            "with a comma after it."
        )
    from filelock import FileLock

    file = key_file(environment)
    with _told(file):
        private_folder(file.parent)
        with FileLock(file.with_name(f"{file.name}.lock"), mode=OWNER_ONLY):
            lines = _lines([PinKey.new(), *_keys_in(file)])
            with atomic_write(file) as temporary:
                temporary.write_bytes(lines)
    return load_pin_keys(environment)


def key_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Give the place of the key file."""
    stated = environment.get(FILE_VARIABLE)
    return Path(stated) if stated else default_key_file()


def _keys_in(file: Path) -> list[PinKey]:
    with _told(file):
        if not file.exists():
            return []
        found, texts = file.stat(), file.read_text(encoding="ascii", errors="replace").split()
    # One that the system hands out, as containers do, belongs to somebody else, who sees to its mode.
    if found.st_uid == os.geteuid() and found.st_mode & ~OWNER_ONLY & 0o777:
        raise PinKeyError(f"The key file {file} can be read by others; make it private with chmod 600.")
    return [PinKey.of(text, f"The key file {file}") for text in texts]


def _lines(keys: Sequence[PinKey]) -> bytes:
    return "".join(f"{key.secret}\n" for key in keys).encode()


def _bound_to(external_id: str, field: str) -> bytes:
    return f"{external_id}\n{field}".encode()


@contextmanager
def _told(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PinKeyError(
            f"The key file {file} cannot be used: {error.strerror}. PINs are never stored without a key: mend that, "
            f"name another file with {FILE_VARIABLE}, or state the key in {KEY_VARIABLE}."
        ) from error
