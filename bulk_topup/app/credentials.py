"""Credentials; reads the process environment, a .env file or a named file, and nothing else."""

from pathlib import Path
from typing import get_args

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bulk_topup.dvs.transports.choice import DEFAULT_TRANSPORT, TransportName
from bulk_topup.errors import ConfigurationError


class Credentials(BaseSettings):
    """The key pair of the account (reference: Authentication)."""

    model_config = SettingsConfigDict(env_prefix="DVS_", env_file_encoding="utf-8", extra="ignore")

    api_key: str = Field(repr=False)
    api_secret: SecretStr


def load_credentials(file: Path | None = None) -> Credentials:
    """Read `DVS_API_KEY` and `DVS_API_SECRET` from the environment, else from `file`, else from `.env` here.

    Raises:
        ConfigurationError: one of them is missing, or the named file is.
    """
    if file is not None and not file.is_file():
        raise ConfigurationError(f"The credentials file {file} does not exist.")
    try:
        return Credentials(_env_file=file or Path(".env"))
    except ValidationError as error:
        # The cause is left out: its text would quote what was given.
        missing = " and ".join(f"DVS_{str(problem['loc'][0]).upper()}" for problem in error.errors(include_input=False))
        raise ConfigurationError(
            f"Credentials are missing: set {missing} in the environment or in a .env file, "
            "or name a file that holds them with --credentials FILE."
        ) from None


class _Sending(BaseSettings):
    """By what requests are sent."""

    model_config = SettingsConfigDict(env_prefix="DVS_", extra="ignore")

    transport: TransportName = DEFAULT_TRANSPORT


def load_transport() -> TransportName:
    """Read from the environment's `DVS_TRANSPORT` which HTTP client sends.

    Raises:
        ConfigurationError: there is none of that name.
    """
    try:
        return _Sending().transport
    except ValidationError:
        names = ", ".join(get_args(TransportName))
        raise ConfigurationError(
            f"DVS_TRANSPORT names no transport; set it to one of {names}, or not at all."
        ) from None


class _ApprovalSecret(BaseSettings):
    """What planner's and approver's machines share where approvals are not signed with keys."""

    model_config = SettingsConfigDict(env_prefix="BULK_TOPUP_", env_file_encoding="utf-8", extra="ignore")

    approval_secret: SecretStr


def load_approval_secret() -> bytes:
    """Read `BULK_TOPUP_APPROVAL_SECRET` from the environment, else from `.env` here.

    Raises:
        ConfigurationError: it is missing.
    """
    try:
        return _ApprovalSecret(_env_file=Path(".env")).approval_secret.get_secret_value().encode()
    except ValidationError:
        raise ConfigurationError(
            "The approval secret is missing: set BULK_TOPUP_APPROVAL_SECRET in the environment or in a .env file."
        ) from None
