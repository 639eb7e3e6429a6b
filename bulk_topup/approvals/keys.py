"""Keys that approve plans, and their signatures; reads and writes key files."""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bulk_topup.errors import ApprovalError
from bulk_topup.security.secret_file import read_secret_file
from bulk_topup.system.files import OWNER_ONLY

#: Fewest bytes of a shared secret.
SHORTEST_SECRET: Final = 32
#: Stands for the shared secret among the trusted keys.
HMAC: Final = "hmac"
#: Begins the text of a public key.
_ED25519: Final = "ed25519:"
#: Bytes of a public key.
_PUBLIC_LENGTH: Final = 32


def public_key(text: str) -> Ed25519PublicKey:
    """Return the public key of a text; raise ValueError if it is none."""
    try:
        raw = base64.b64decode(text.removeprefix(_ED25519), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not text.startswith(_ED25519) or len(raw) != _PUBLIC_LENGTH:
        raise ValueError(f'"{text}" is not a public key of `bulk-topup approval-key new`')
    return Ed25519PublicKey.from_public_bytes(raw)


def checked_key(text: str) -> str:
    """Return the text of a trusted key; raise ValueError if it is neither a public key nor "hmac"."""
    if text != HMAC:
        public_key(text)
    return text


@dataclass(frozen=True, kw_only=True, slots=True)
class Signer:
    """A key that signs."""

    #: Identifies the key, and reveals nothing of it.
    id: str
    sign: Callable[[bytes], bytes]


def _public_file(file: Path) -> Path:
    return file.with_name(f"{file.name}.pub")


def make_key(file: Path) -> str:
    """Create a key pair: the private key in `file`, for its owner only, and the public key beside it in a .pub file.

    Args:
        file: the file of the private key.

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
            f"Can't write the key to {error.filename}: {error.strerror}. Choose another file."
        ) from None
    return public


def key_id(public: Ed25519PublicKey) -> str:
    """Return the short ID of a public key."""
    return f"{_ED25519}{hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]}"


def load_signer(file: Path) -> Signer:
    """Read a private key that `make_key` created.

    Raises:
        ApprovalError: the file cannot be read, is no such key, or can be read by others.
    """
    try:
        content, state = read_secret_file(file)
    except OSError as error:
        raise ApprovalError(f"Can't read the key {file}: {error.strerror}.") from None
    if state.st_mode & 0o077:
        raise ApprovalError(f"Others can read the key {file}. Make it private with `chmod 600`, or create a new one.")
    try:
        private = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise ApprovalError(f"{file} is not a private key of `bulk-topup approval-key new`.")
    return Signer(id=key_id(private.public_key()), sign=private.sign)


def _mac(secret: bytes, text: bytes) -> bytes:
    return hmac.digest(secret, text, "sha256")


def secret_signer(secret: bytes) -> Signer:
    """Return the signer of a shared secret.

    Raises:
        ApprovalError: it is too short.
    """
    if len(secret) < SHORTEST_SECRET:
        raise ApprovalError(f"The approval secret has fewer than {SHORTEST_SECRET} bytes. Choose a longer one.")
    return Signer(id=f"{HMAC}:{_mac(secret, b'which key')[:8].hex()}", sign=lambda text: _mac(secret, text))


def trusted_key(text: str) -> str:
    """Return the text of a trusted key.

    Args:
        text: a public key, "hmac", or a file with a public key.

    Raises:
        ApprovalError: it is neither.
    """
    if text != HMAC and not text.startswith(_ED25519):
        try:
            text = read_secret_file(Path(text))[0].decode("ascii").strip()
        except (OSError, ValueError):
            raise ApprovalError(f'"{text}" is neither a public key nor a file with one.') from None
    try:
        return checked_key(text)
    except ValueError as error:
        raise ApprovalError(f"{error}.") from None
