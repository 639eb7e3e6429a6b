"""Reads files of KEY=VALUE lines that hold credentials and other secrets; touches such a file alone."""

import re
import shlex
import stat
from pathlib import Path

from dotenv import dotenv_values

from bulk_topup.errors import ConfigurationError

#: Read from the current folder if no other file is named.
DEFAULT_FILE = Path(".env")
#: Names of secrets of ours; `.env` may be a public file of another program.
_SECRET = re.compile(r"(DVS_API_(KEY|SECRET)|BULK_TOPUP_(APPROVAL_SECRET|CALLBACK_TOKEN))$", re.IGNORECASE)


def read_env_file(file: Path | None = None) -> dict[str, str]:
    """Return the values of a file of KEY=VALUE lines, such as `.env`; a line without a value is left out.

    Args:
        file: the file, which must exist; None for `.env` in the current folder, which need not exist.

    Raises:
        ConfigurationError: the named file does not exist, a file cannot be read, or every user can read one with
            secrets. The message quotes nothing of it.
    """
    path = file or DEFAULT_FILE
    try:
        if not path.is_file():
            if file is not None:
                raise ConfigurationError(f"The credentials file {file} does not exist. Check the path.")
            return {}
        values = dotenv_values(path, encoding="utf-8-sig")
        is_public = bool(path.stat().st_mode & stat.S_IROTH)
    except OSError as error:
        raise ConfigurationError(f"Can't read the credentials file {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        # The cause is left out: its text would quote the file.
        raise ConfigurationError(f"Can't read the credentials file {path}: it is not UTF-8 text.") from None
    if is_public and (file is not None or any(_SECRET.match(name) for name in values)):
        raise ConfigurationError(
            f"Every user of this machine can read the credentials file {path}. Make it private: `chmod 600 "
            f"{shlex.quote(str(path))}`, or `chmod 640` for a group. For a mounted Kubernetes secret, set "
            "`defaultMode: 0400`."
        )
    return {name: value for name, value in values.items() if value is not None}
