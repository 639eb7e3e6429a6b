"""Loads API credentials and other secrets; reads the process environment and a file of KEY=VALUE lines."""

import os
import re
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bulk_topup.dvs.transports.choice import DEFAULT_TRANSPORT, TransportName
from bulk_topup.errors import ConfigurationError
from bulk_topup.security.env_file import DEFAULT_FILE, read_env_file
from bulk_topup.security.redaction import register_secret
from bulk_topup.security.secret_file import read_secret_file

#: The names of the pair.
CREDENTIAL_NAMES: Final = frozenset({"DVS_API_KEY", "DVS_API_SECRET"})
#: Fewest characters of a callback token.
MIN_TOKEN_LENGTH: Final = 32
_TOKEN: Final = re.compile(rf"[A-Za-z0-9_-]{{{MIN_TOKEN_LENGTH},}}")
_CREATE_ONE: Final = "`openssl rand -hex 32` makes one."


class Credentials(BaseSettings):
    """API key and secret of the account (reference: Authentication)."""

    model_config = SettingsConfigDict(env_prefix="DVS_", extra="ignore")

    api_key: str = Field(repr=False)
    api_secret: SecretStr


def load_credentials(file: Path | None = None) -> Credentials:
    """Read `DVS_API_KEY` and `DVS_API_SECRET` from the environment, else from a file.

    Args:
        file: a file of KEY=VALUE lines; None for `.env` in the current folder, if it exists.

    Raises:
        ConfigurationError: one of them is missing, or the file cannot be read.
    """
    try:
        return Credentials(**_missing_in_environment(Credentials, read_env_file(file)))
    except ValidationError as error:
        # The cause is left out: its text would quote what was given.
        missing = " and ".join(f"DVS_{str(problem['loc'][0]).upper()}" for problem in error.errors(include_input=False))
        raise ConfigurationError(
            f"API credentials are missing. Set {missing} in the environment or in a .env file, or choose a file that "
            "has them with --credentials FILE."
        ) from None


def where_given(file: Path | None = None) -> str:
    """Return where API credentials are given, one of the pair being enough; empty if they are not.

    Args:
        file: the file that an option names; it counts whatever it has. None for `.env` in the current folder.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    names = [name for name in os.environ if name.upper() in CREDENTIAL_NAMES and os.environ[name]]
    if names:
        return f"{' and '.join(sorted(names))} in the environment"
    if file is not None:
        return f"--credentials {file}"
    in_file = [name for name, value in read_env_file().items() if name.upper() in CREDENTIAL_NAMES and value]
    return f"{' and '.join(sorted(in_file))} in {DEFAULT_FILE}" if in_file else ""


class _TransportSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="DVS_", extra="ignore")

    transport: TransportName = DEFAULT_TRANSPORT


def load_transport() -> TransportName:
    """Read the name of the HTTP client from `DVS_TRANSPORT` in the environment.

    Raises:
        ConfigurationError: the name is unknown.
    """
    try:
        return _TransportSettings().transport
    except ValidationError:
        names = ", ".join(get_args(TransportName))
        raise ConfigurationError(
            f"DVS_TRANSPORT is not a known transport. Set it to one of {names}, or unset it."
        ) from (None)


class _ApprovalSecret(BaseSettings):
    """The secret that planner and approver share when approvals are not signed with keys."""

    model_config = SettingsConfigDict(env_prefix="BULK_TOPUP_", extra="ignore")

    approval_secret: SecretStr


def load_approval_secret() -> bytes:
    """Read `BULK_TOPUP_APPROVAL_SECRET` from the environment, else from `.env` in the current folder.

    Raises:
        ConfigurationError: it is missing, or `.env` cannot be read.
    """
    try:
        settings = _ApprovalSecret(**_missing_in_environment(_ApprovalSecret, read_env_file()))
    except ValidationError:
        raise ConfigurationError(
            "The approval secret is missing. Set BULK_TOPUP_APPROVAL_SECRET in the environment or in a .env file."
        ) from None
    return settings.approval_secret.get_secret_value().encode()


class _CallbackToken(BaseSettings):
    """The token that ends the URL of callbacks."""

    model_config = SettingsConfigDict(env_prefix="BULK_TOPUP_", extra="ignore")

    callback_token: SecretStr = SecretStr("")


def load_callback_token(file: Path | None = None) -> str:
    """Read the token of callbacks, and register it as a secret; empty if there is none.

    Args:
        file: the token's file; None for `BULK_TOPUP_CALLBACK_TOKEN` in the environment, else in `.env`.

    Raises:
        ConfigurationError: the file cannot be read, others can read it, or the token is too short or has characters
            that a URL's path does not have.
    """
    if file is None:
        settings = _CallbackToken(**_missing_in_environment(_CallbackToken, read_env_file()))
        token = settings.callback_token.get_secret_value()
    else:
        try:
            content, state = read_secret_file(file)
        except OSError as error:
            raise ConfigurationError(f"Can't read the callback token in {file}: {error.strerror}.") from None
        # A file of another owner, as containers mount for secrets, has the mode that its owner chose.
        if state.st_uid == os.geteuid() and state.st_mode & 0o077:
            raise ConfigurationError(f"Other users can read {file}. Make it private with `chmod 600 {file}`.")
        token = content.decode(errors="replace").strip()
        if not token:
            raise ConfigurationError(f"{file} has no callback token. {_CREATE_ONE}")
    register_secret(token)
    if token and not _TOKEN.fullmatch(token):
        raise ConfigurationError(
            f"The callback token is not {MIN_TOKEN_LENGTH} or more letters, digits, hyphens and underscores. "
            f"{_CREATE_ONE}"
        )
    return token


def require_callback_token(file: Path | None) -> str:
    """Return the token of callbacks.

    Raises:
        ConfigurationError: there is none, or it can't be used.
    """
    if token := load_callback_token(file):
        return token
    raise ConfigurationError(
        "The callback token is missing. Set BULK_TOPUP_CALLBACK_TOKEN in the environment or in a .env file, or add "
        f"--callback-token-file. {_CREATE_ONE}"
    )


def _missing_in_environment(settings: type[BaseSettings], values: dict[str, str]) -> dict[str, Any]:
    """Return a file's values for those fields that the environment does not set; names are compared without case."""
    prefix = settings.model_config["env_prefix"]
    in_file = {name.lower(): value for name, value in values.items()}
    in_environment = {name.lower() for name in os.environ}
    names = {field: f"{prefix}{field}".lower() for field in settings.model_fields}
    return {field: in_file[name] for field, name in names.items() if name in in_file and name not in in_environment}
