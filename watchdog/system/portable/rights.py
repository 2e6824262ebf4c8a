"""What a process may read, where only its user is known: either that of an ordinary user, or everything."""

from __future__ import annotations

from dataclasses import field

import psutil

from watchdog.model.records import record
from watchdog.system.host import accounts
from watchdog.system.process import processes


@record(frozen=True)
class Rights:
    """As whom files are opened."""

    uid: int
    gid: int = -1
    groups: tuple[int, ...] = ()
    reads_all: bool = False
    pid: int = field(default=0, compare=False)

    @property
    def user(self) -> str:
        """The account's name, or the number."""
        return accounts.user_name(self.uid)

    @property
    def elsewhere(self) -> bool:
        """Every process has the same root folder here."""
        return False


def of(pid: int) -> Rights | None:
    """None if it is gone or cannot be looked at."""
    found = processes.read(pid)
    return None if found is None or found.uid < 0 else Rights(found.uid, reads_all=found.uid == 0, pid=pid)


def ours() -> Rights:
    """Those of this program."""
    return Rights(accounts.our_id(), reads_all=accounts.is_admin())


def of_user(name: str | None) -> Rights:
    """Those of an account; of nobody in particular if it is missing or there is none."""
    try:
        return Rights(accounts.user_id(name or ""))
    except LookupError:
        return Rights(-1)


def privileged() -> bool:
    """Whether this program may read what an ordinary user may not."""
    return accounts.is_admin()


def sees_all() -> bool:
    """Whether this program may look into every process."""
    return accounts.is_admin()


def remedy(owner: str = "root") -> str:
    """What to type where a process of that user cannot be looked at."""
    if psutil.WINDOWS:
        return "Run wd in a terminal that was opened with `Run as administrator`."
    return "Run wd as root: sudo wd …" if owner == "root" else f"Run wd as {owner} or as root: sudo wd …"


def may_more(than: Rights) -> bool:
    """Whether this program could read files that those rights do not cover."""
    return privileged() and accounts.our_id() != than.uid


def trace_scope() -> int | None:
    """Only Linux has it."""
    return None
