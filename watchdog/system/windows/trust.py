"""Reading what decides over a server: a regular file, not too long, and no link.

Who else could have written it is not looked at yet: keep playbooks and runbooks in a folder that only administrators
may write.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from watchdog.model.errors import BadConfig
from watchdog.system.windows.paths import is_link

LIMIT = 256 * 1024  # bytes; a playbook or runbook is far below


def check_trusted_folder(path: Path) -> str:
    """Empty if it is a real folder; else the sentence that says what it is."""
    return _why_not(path, folder=True)


def check_trusted_file(path: Path) -> str:
    """The same for a regular file."""
    return _why_not(path, folder=False)


def is_private(path: Path) -> bool:
    """Files of wd get an access list of their owner when they are written; who else may read is not looked at."""
    return path.is_file()


def others_can_write(facts: os.stat_result, owner: int) -> bool:
    """Not looked at yet: on Windows a mode says nothing about that."""
    return False


def read_trusted(path: Path, limit: int = LIMIT) -> bytes:
    """The whole content of a regular file of at most `limit` bytes; BadConfig says why it is not read."""
    if problem := _why_not(path, folder=False):
        raise BadConfig(f"{path} is not used", problem, "put the file itself there")
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise BadConfig(f"{path} cannot be read", error.strerror or str(error)) from None
    if len(content) > limit:
        raise BadConfig(f"{path} is not used", f"it is larger than {limit // 1024} KiB")
    return content


def why_not_a_program(path: Path, owner: int) -> str:
    """Why a file cannot be started; empty if it can."""
    if not path.is_file():
        return f"{path} is not a program"
    known = os.environ.get("PATHEXT", ".EXE;.COM;.BAT;.CMD").lower().split(";")
    return "" if path.suffix.lower() in known else f"{path} is not executable: Windows knows {' '.join(known)}"


def why_not_safe(path: Path, owner: int) -> str:
    """Whether others could change it is not looked at yet."""
    return "" if path.exists() else f"{path} is not there"


def _why_not(path: Path, *, folder: bool) -> str:
    try:
        facts = path.lstat()
    except OSError as error:
        return f"{path}: {error.strerror}"
    if is_link(facts):
        return f"{path} is a link"
    fine = stat.S_ISDIR(facts.st_mode) if folder else stat.S_ISREG(facts.st_mode)
    return "" if fine else f"{path} is not a {'folder' if folder else 'regular file'}"
