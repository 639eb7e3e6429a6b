"""Reads files of KEY=VALUE lines that hold credentials and other secrets; touches such a file alone."""

from pathlib import Path

from dotenv import dotenv_values

from bulk_topup.errors import ConfigurationError

#: Read from the current folder if no other file is named.
DEFAULT_FILE = Path(".env")


def read_env_file(file: Path | None = None) -> dict[str, str]:
    """Return the values of a file of KEY=VALUE lines, such as `.env`; a line without a value is left out.

    Args:
        file: the file, which must exist; None for `.env` in the current folder, which need not exist.

    Raises:
        ConfigurationError: the named file does not exist, or a file cannot be read. The message quotes nothing of it.
    """
    path = file or DEFAULT_FILE
    try:
        if not path.is_file():
            if file is not None:
                raise ConfigurationError(f"The credentials file {file} does not exist. Check the path.")
            return {}
        values = dotenv_values(path, encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"Can't read the credentials file {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        # The cause is left out: its text would quote the file.
        raise ConfigurationError(f"Can't read the credentials file {path}: it is not UTF-8 text.") from None
    return {name: value for name, value in values.items() if value is not None}
