"""The accounts of Windows: a user is a security identifier (SID), and wd tells them apart by a number made of it."""

from __future__ import annotations

import ctypes
import getpass
import os
import zlib
from functools import cache
from pathlib import Path
from typing import Any

from watchdog.system.windows import kernel

_ROOT = os.environ.get("SYSTEMROOT", "C:\\Windows")
PATH = f"{_ROOT}\\System32;{_ROOT};{_ROOT}\\System32\\Wbem"
_THE_SYSTEM = "S-1-5-18"  # the account of Windows itself: number 0, as root elsewhere
_KEPT = (
    "ALLUSERSPROFILE", "APPDATA", "COMMONPROGRAMFILES", "COMPUTERNAME", "COMSPEC", "HOMEDRIVE", "HOMEPATH",
    "LOCALAPPDATA", "NUMBER_OF_PROCESSORS", "OS", "PATHEXT", "PROCESSOR_ARCHITECTURE", "PROGRAMDATA", "PROGRAMFILES",
    "PUBLIC", "SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "TMP", "USERDOMAIN", "USERNAME", "USERPROFILE", "WINDIR",
)  # fmt: skip

_names: dict[int, str] = {}  # of the users whose processes were looked at


def number_of(sid: str) -> int:
    """The number that stands for a user."""
    return 0 if sid == _THE_SYSTEM else zlib.crc32(sid.encode("ascii", "replace")) | 1


def learn(sid: str, name: str) -> int:
    """The number of a user whose name is known; `user_name` gives the name back."""
    number = number_of(sid)
    _names.setdefault(number, name)
    return number


def known(sid: str) -> str | None:
    """The name of a user that was learned; None for one that was not."""
    return _names.get(number_of(sid))


@cache
def our_id() -> int:
    """The number of the user whose rights this program has."""
    return learn(kernel.user_sid(), our_name())


@cache
def is_admin() -> bool:
    """Whether this program has the rights of an administrator."""
    try:
        return bool(ctypes.WinDLL("shell32").IsUserAnAdmin())
    except OSError:
        return False


def our_name() -> str:
    """The name of the user whose rights this program has."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "?"


def user_id(user: str | None) -> int:
    """LookupError for another user than our own: Windows starts nothing as another user without a password."""
    if user is None or user.rpartition("\\")[2].lower() == our_name().lower():
        return our_id()
    raise LookupError(f"wd runs as {our_name()}, and cannot start anything as {user!r} on Windows")


def user_name(uid: int) -> str:
    """The account's name, or the number."""
    return _names.get(uid, str(uid))


def home_of(user: str | None) -> str:
    """The user's own folder."""
    user_id(user)
    return str(Path.home())


def base_environment(user: str | None = None) -> dict[str, str]:
    """What every process of a service finds, no matter who starts it, from where: nothing of the caller's surroundings.

    LookupError if there is no such user.
    """
    user_id(user)
    return {"PATH": PATH} | {name: os.environ[name] for name in _KEPT if name in os.environ}


def to_run_as(user: str | None) -> dict[str, Any]:
    """What `subprocess.Popen` needs to run as that user: nothing, for it is our own. LookupError for others."""
    user_id(user)
    return {}
