"""Finds ledgers that may pay the same people: of other users, and those that cron and systemd name; changes nothing."""

import os
import pwd
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

from platformdirs import site_data_path

from bulk_topup.app.doctor.findings import CheckStatus, Finding
from bulk_topup.domain.environment import Environment, default_ledger

#: Most ledgers, and most lines of cron and systemd, that are named one by one.
MAX_NAMED: Final = 5
#: Most bytes of a crontab or a unit that are read.
_MAX_BYTES: Final = 1024 * 1024
#: Seconds that `crontab -l` may take.
_CRONTAB_TIMEOUT: Final = 5.0
#: Where a user's ledgers are below the home folder, if this user's are somewhere else.
_USUAL: Final = Path(".local/share/bulk-topup")
_COMMAND: Final = re.compile(r"\bbulk[-_]topup\b")
_VARIABLE: Final = re.compile(r"\bBULK_TOPUP_LEDGER=([\"']?)(?P<path>[^\s\"']+)\1")
_SERVICE: Final = re.compile(r"^\[Service\]\s*$", re.MULTILINE)
_UNIT_FOLDER: Final = re.compile(r"^WorkingDirectory=-?(?P<path>.+?)\s*$", re.MULTILINE)
_UNIT_USER: Final = re.compile(r"^User=(?P<user>\S+)\s*$", re.MULTILINE)
#: Fields of times before the user in lines of /etc/crontab and /etc/cron.d.
_TIME_FIELDS: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Where a machine has users, crontabs and units."""

    #: The home folders of all users, by name.
    homes: Mapping[str, Path]
    #: The name of the user of this process.
    user: str
    #: The user's own crontab; empty without one.
    crontab: str = ""
    #: Files and folders of crontabs whose lines name a user, and folders of units.
    system_crontabs: tuple[Path, ...] = ()
    units: tuple[Path, ...] = ()
    #: Folders of ledgers that no user owns.
    shared: tuple[Path, ...] = field(default=())


def places_of_machine() -> Places:
    """Return the places of this machine; what this user can't read is left out."""
    entries = pwd.getpwall()
    user = next((entry.pw_name for entry in entries if entry.pw_uid == os.geteuid()), "")
    return Places(
        homes={entry.pw_name: Path(entry.pw_dir) for entry in entries if entry.pw_dir not in {"", "/", "/nonexistent"}},
        user=user,
        crontab=_own_crontab(),
        system_crontabs=(Path("/etc/crontab"), Path("/etc/cron.d")),
        units=(Path("/etc/systemd/system"), Path.home() / ".config/systemd/user"),
        shared=(site_data_path("bulk-topup"), Path("/var/lib/bulk-topup")),
    )


def examine_other_ledgers(path: Path, environment: Environment, places: Places) -> Iterator[Finding]:
    """Name the ledgers of an environment that this user can see beside the one that is used, if there are any.

    Args:
        path: the ledger that is used.
        environment: its environment.
        places: where to look.
    """
    here = os.path.realpath(path)
    others = list(_existing(here, environment, places))
    lines = list(_scheduled(here, environment, places))
    if others:
        yield Finding(
            check="other ledgers",
            status=CheckStatus.WARN,
            message=f"More ledgers of {environment} on this machine: {_named(others)}. Each knows only what it paid "
            "itself.",
            fix="Pay one list with one ledger: name it with --ledger or BULK_TOPUP_LEDGER for all users.",
        )
    if lines:
        yield Finding(
            check="other ledgers",
            status=CheckStatus.WARN,
            message=f"Scheduled commands use another ledger than {path}: {_named(lines)}.",
            fix=f"Add `--ledger {shlex.quote(str(path.absolute()))}` to them, or name theirs here.",
        )


def _named(texts: list[str]) -> str:
    more = f" and {len(texts) - MAX_NAMED:,} more" if len(texts) > MAX_NAMED else ""
    return f"{', '.join(texts[:MAX_NAMED])}{more}"


def _existing(here: str, environment: Environment, places: Places) -> Iterator[str]:
    """Yield the ledgers that exist, each once, with their users."""
    seen = {here}
    own = default_ledger(environment)
    candidates = [(own, "")]
    candidates += [(_ledger_of(home, environment), f" ({user})") for user, home in places.homes.items()]
    candidates += [(folder / own.name, "") for folder in places.shared]
    for candidate, whose in candidates:
        try:
            real = os.path.realpath(candidate)
            is_there = real not in seen and Path(real).is_file()
        except OSError:  # a folder that this user can't look into
            continue
        seen.add(real)
        if is_there:
            yield f"{candidate}{whose}"


def _ledger_of(home: Path, environment: Environment) -> Path:
    """Return the default ledger of a user with that home folder."""
    own = default_ledger(environment)
    below = own.relative_to(Path.home()) if own.is_relative_to(Path.home()) else _USUAL / own.name
    return home / below


def _scheduled(here: str, environment: Environment, places: Places) -> Iterator[str]:
    """Yield the scheduled commands that use another ledger than one, each with the ledger."""
    for where, user, text in _commands(places):
        try:
            words = shlex.split(text.replace("\\%", "%"))
        except ValueError:
            words = text.split()
        named = _option(words, "--env")
        if named is not None and named != environment:
            continue
        variable = _VARIABLE.search(text)
        ledger = _option(words, "--ledger") or (variable["path"] if variable else None)
        home = places.homes.get(user)
        if ledger is not None:
            found = _folder_of(where, words, text, home) / _expanded(ledger, home)
        elif home is not None:
            found = _ledger_of(home, environment)
        else:
            continue
        if os.path.realpath(found) != here:
            yield f"{where} ({user}) uses {found}"


def _folder_of(where: str, words: list[str], text: str, home: Path | None) -> Path:
    """Return the folder in which a scheduled command is started: that of its unit or last `cd`, or the user's home."""
    folder = home or Path("/")
    if _SERVICE.search(text):
        directory = _UNIT_FOLDER.search(text)
        if directory is not None:
            return _expanded(directory["path"].replace("%h", str(folder)), home)
        return folder if Path(where).is_relative_to(Path.home()) else Path("/")
    start = next((index for index, word in enumerate(words) if _COMMAND.search(word)), len(words))
    for word, following in pairwise(words[:start]):
        if word == "cd":
            folder /= _expanded(following.rstrip(";"), home)
    return folder


def _expanded(path: str, home: Path | None) -> Path:
    if home is not None and (path == "~" or path.startswith("~/")):
        return home / path.removeprefix("~").lstrip("/")
    return Path(path)


def _option(words: list[str], name: str) -> str | None:
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == name:
            return following
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None


def _commands(places: Places) -> Iterator[tuple[str, str, str]]:
    """Yield the commands of crontabs and units: where each is, its user, and its text with the variables before it."""
    for line in _crontab_lines(places.crontab):
        yield "the crontab", places.user, line
    for file in _files(places.system_crontabs, "*"):
        for line in _crontab_lines(_text(file)):
            fields = line.rpartition("\n")[2].split(maxsplit=_TIME_FIELDS + 1)
            start = 1 if fields[0].startswith("@") else _TIME_FIELDS
            yield str(file), fields[start] if len(fields) > start else "", line
    for file in _files(places.units, "*.service"):
        text = _text(file)
        if _COMMAND.search(text):
            user = _UNIT_USER.search(text)
            default = places.user if file.is_relative_to(Path.home()) else "root"
            yield str(file), user["user"] if user else default, text


def _crontab_lines(text: str) -> Iterator[str]:
    """Yield the commands of a crontab that start bulk-topup, with the ledger variable that holds for them."""
    variable = ""
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("BULK_TOPUP_LEDGER="):
            variable = f"{stripped}\n"
        elif _COMMAND.search(stripped) and not stripped.startswith("#") and len(stripped.split()) > 1:
            yield f"{variable}{stripped}"


def _files(places: tuple[Path, ...], pattern: str) -> Iterator[Path]:
    for place in places:
        try:
            yield from sorted(place.glob(pattern)) if place.is_dir() else [place]
        except OSError:
            continue


def _text(file: Path) -> str:
    """Return a small text file; empty if it can't be read."""
    try:
        if not file.is_file():
            return ""
        with file.open("rb") as opened:
            return _decoded(opened.read(_MAX_BYTES))
    except OSError:
        return ""


def _own_crontab() -> str:
    """Return the crontab of the user; empty without one, or without cron."""
    program = shutil.which("crontab")
    if program is None:
        return ""
    try:
        shown = subprocess.run([program, "-l"], capture_output=True, timeout=_CRONTAB_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return _decoded(shown.stdout[:_MAX_BYTES]) if shown.returncode == 0 else ""


def _decoded(content: bytes) -> str:
    """Return the text of a file that anybody may have written; it has no NUL, which no path can have."""
    return content.decode(errors="replace").replace("\0", "\ufffd")
