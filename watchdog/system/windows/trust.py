"""Reading what decides over a server's life or death: only bytes that nobody else could have put there.

The rules are those of the other systems, by access lists: a file belongs to us, the administrators or Windows itself,
nobody else may change it, and nobody else may replace it or a folder above it. Others may add files in a folder above.
The bytes come from the open file that was looked at.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from watchdog.model.errors import BadConfig
from watchdog.system.windows import access_lists, accounts, kernel, rights
from watchdog.system.windows.paths import is_link
from watchdog.system.windows.rights import AccessList

LIMIT = 256 * 1024  # bytes; a playbook or runbook is far below


class _Untrusted(Exception):
    """Says who can change which part of a path, and what to type; never leaves this file."""

    def __init__(self, why: str, todo: str) -> None:
        super().__init__(why)
        self.todo = todo


def check_trusted_folder(path: Path) -> str:
    """Empty if only we, the administrators and Windows can change the folder, or replace one above; else who can."""
    return _problem(path, folder=True)[0]


def check_trusted_file(path: Path) -> str:
    """The same for a regular file; a link in its place is reported as one."""
    return _problem(path, folder=False)[0]


def is_private(path: Path) -> bool:
    """Whether nobody but its owner, administrators and Windows can read or change the file."""
    return not _why_open(access_lists.of(path), path, rights.TO_SEE_OR_CHANGE)


def how_to_protect(path: Path) -> str:
    """What to type so that nobody else can change this file or folder."""
    return _problem(path, folder=path.is_dir())[1]


def how_to_hide(path: Path) -> str:
    """What to type so that nobody else can read it."""
    try:
        _check(access_lists.of(path), path, rights.TO_SEE_OR_CHANGE)
    except _Untrusted as trouble:
        return trouble.todo
    return ""


def who_else_wrote(descriptor: int, owner: int) -> str:
    """Who else than we, the administrators and Windows could have written an open file; empty if nobody could."""
    return _why_open(access_lists.of_open(descriptor), Path("it"), rights.TO_CHANGE)


def read_trusted(path: Path, limit: int = LIMIT) -> bytes:
    """The whole content of a regular file of at most `limit` bytes; BadConfig says why it is not read.

    An administrator reads only what nobody else can change. Others may name somebody else's home: for them only links
    and overlong files are refused.
    """
    try:
        opened = _open(path, strict=accounts.is_admin())
    except _Untrusted as trouble:
        raise BadConfig(f"{path} is not used", str(trouble), trouble.todo) from None
    except OSError as error:
        raise BadConfig(f"{path} cannot be read", error.strerror or str(error)) from None
    with os.fdopen(opened, "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise BadConfig(f"{path} is not used", f"it is larger than {limit // 1024} KiB")
    return content


def why_not_a_program(path: Path, owner: int) -> str:
    """Why a file cannot be started; empty if it can."""
    if not path.is_file():
        return f"{path} is not a program"
    known = os.environ.get("PATHEXT", ".EXE;.COM;.BAT;.CMD").lower().split(";")
    if path.suffix.lower() not in known:
        return f"{path} is not executable: Windows knows {' '.join(known)}"
    return why_not_safe(path, owner)


def why_not_safe(path: Path, owner: int) -> str:
    """What an administrator starts must not be another one's to change."""
    try:
        found = access_lists.of(path)
    except OSError as error:
        return f"{path}: {error.strerror}"
    return _why_open(found, path, rights.TO_CHANGE) if accounts.is_admin() else ""


def _problem(path: Path, *, folder: bool) -> tuple[str, str]:
    """(why others can change it, what to type); empty if they cannot."""
    try:
        if folder:
            _enter(path, itself=rights.TO_CHANGE)
        else:
            os.close(_open(path, strict=True))
    except _Untrusted as trouble:
        return str(trouble), trouble.todo
    except OSError as error:
        return f"{path}: {error.strerror}", ""
    return "", ""


def _open(path: Path, *, strict: bool) -> int:
    """A descriptor of the file. OSError if it is not a regular file, _Untrusted if others can change it."""
    if strict:
        _enter(path.parent)
    opened = access_lists.open_for_reading(path)
    try:
        _check_kind(os.fstat(opened), "regular file")
        if strict:
            _check(access_lists.of_open(opened), path)
    except BaseException:
        os.close(opened)
        raise
    return opened


def _enter(path: Path, itself: int = rights.TO_REPLACE) -> None:
    """Look at the folder and all above it; where a link leads elsewhere, at both ways to it."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100  (links must stay visible)
    if itself == rights.TO_CHANGE:
        _check_kind(whole.lstat(), "folder")
    real = Path(os.path.realpath(whole))
    for place in dict.fromkeys((*reversed(whole.parents), *reversed(real.parents), whole, real)):
        _check(access_lists.of(place), place, itself if place in (whole, real) else rights.TO_REPLACE)


def _check_kind(facts: os.stat_result, wanted: str) -> None:
    fine = stat.S_ISDIR(facts.st_mode) if wanted == "folder" else stat.S_ISREG(facts.st_mode)
    if is_link(facts) or not fine:
        raise OSError(0, "it is a link" if is_link(facts) else f"it is not a {wanted}")


def _check(found: AccessList, path: Path, wanted: int = rights.TO_CHANGE) -> None:
    ours = kernel.user_sid()
    if owner := rights.strange_owner(found, ours):
        everything = f'icacls "{path}" /setowner "*{rights.ADMINISTRATORS}" /T'
        raise _Untrusted(f"{path} belongs to {kernel.account_name(owner)}", everything)
    if who := rights.stranger(found, ours, wanted):
        can = "changed" if not wanted & rights.READ else "read or changed"
        raise _Untrusted(f"{path} can be {can} by {kernel.account_name(who)}", _take_away(path, who))


def _take_away(path: Path, account: str) -> str:
    return f'icacls "{path}" /inheritance:d, then icacls "{path}" /remove:g "*{account}" /T'


def _why_open(found: AccessList, path: Path, wanted: int) -> str:
    try:
        _check(found, path, wanted)
    except _Untrusted as trouble:
        return str(trouble)
    return ""
