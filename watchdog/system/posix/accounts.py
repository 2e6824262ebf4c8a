"""The accounts of a POSIX system: who we are, and what a service of some user finds."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def our_id() -> int:
    """The number of the user whose rights this program has."""
    return os.geteuid()


def is_admin() -> bool:
    """Whether this program may do everything on this machine."""
    return os.geteuid() == 0


def entry_of(user: str | None) -> pwd.struct_passwd:
    """The account of a name or number; without one our own. LookupError if there is none."""
    try:
        if user is None:
            return pwd.getpwuid(os.geteuid())
        return pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    except KeyError:
        if user is None:  # a container may run under a number that nobody has given a name
            number = os.geteuid()
            return pwd.struct_passwd((str(number), "x", number, os.getegid(), "", "/", "/bin/sh"))
        raise LookupError(f"there is no user {user!r} on this machine") from None


def our_name() -> str:
    """The name of the user whose rights this program has, or the number."""
    return entry_of(None).pw_name


def user_id(user: str | None) -> int:
    """LookupError if there is no such user."""
    return entry_of(user).pw_uid


def user_name(uid: int) -> str:
    """The account's name, or the number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def home_of(user: str | None) -> str:
    """The user's own folder, or the root folder where that is missing: where a service without `cwd` runs."""
    folder = entry_of(user).pw_dir
    return folder if Path(folder).is_dir() else "/"


def base_environment(user: str | None = None) -> dict[str, str]:
    """What every process of a service finds, no matter who starts it, from where: nothing of the caller's surroundings.

    LookupError if there is no such user.
    """
    who = entry_of(user)
    return {"PATH": PATH, "HOME": who.pw_dir, "LANG": "C.UTF-8", "USER": who.pw_name, "LOGNAME": who.pw_name}


def to_run_as(user: str | None) -> dict[str, Any]:
    """What `subprocess.Popen` needs to run as that user, supplementary groups included. LookupError if unknown."""
    if user is None:
        return {}
    entry = entry_of(user)
    if entry.pw_uid == os.geteuid():
        return {}
    return {
        "user": entry.pw_uid,
        "group": entry.pw_gid,
        "extra_groups": os.getgrouplist(entry.pw_name, entry.pw_gid),
    }
