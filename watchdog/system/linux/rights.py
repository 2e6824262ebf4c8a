"""What a process may read: its user, its groups and its root folder.

A tool with root must not read for a process what that process may not read itself. The rights are those that the
kernel asks for at an open, reduced to the least: a program that an ordinary user began and that runs with another
user's rights (setuid) counts as that ordinary user's.
"""

from __future__ import annotations

import os
import pwd
from dataclasses import field

from watchdog.model.records import record

_READS_ALL = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
_SEES_ALL = 1 << 19  # CAP_SYS_PTRACE
_OUR_ROOT = (0, 0, 0)
_NOBODY = 65534


@record(frozen=True)
class Rights:
    """As whom files are opened, and below which root folder."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    reads_all: bool = False  # root with the capability to read every file
    root: tuple[int, int, int] = _OUR_ROOT  # device and inode of the root folder, and its mount namespace
    pid: int = field(default=0, compare=False)  # whose root folder it is; 0: ours

    @property
    def user(self) -> str:
        """The account's name, or the number."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return f"user {self.uid}"

    @property
    def elsewhere(self) -> bool:
        """Whether its root folder is not ours."""
        return self.root != _OUR_ROOT


def of(pid: int) -> Rights | None:
    """None if it is gone, cannot be looked at, or acts for two ordinary users at once."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            facts = dict(line.split(":", 1) for line in file if ":" in line)
        uid, gid = _least(facts["Uid"]), _least(facts["Gid"])
        if uid is None or gid is None:
            return None
        ours = os.readlink(f"/proc/{pid}/ns/user") == os.readlink("/proc/self/ns/user")  # noqa: PTH115
        reads_all = uid == 0 and ours and bool(int(facts["CapEff"], 16) & _READS_ALL)
        groups = tuple(sorted(int(group) for group in facts["Groups"].split()))
        return Rights(uid, gid, groups, reads_all, root_of(pid), pid)
    except (OSError, ValueError, KeyError):
        return None


def ours() -> Rights:
    """Those of this program."""
    return of(os.getpid()) or Rights(os.geteuid(), os.getegid(), tuple(sorted(os.getgroups())))


def of_user(name: str | None) -> Rights:
    """Those of an account; of nobody in particular, who reads what everybody may, if it is missing or there is none."""
    try:
        account = pwd.getpwnam(name or "")
    except KeyError:
        return Rights(_NOBODY, _NOBODY)
    groups = os.getgrouplist(account.pw_name, account.pw_gid)
    return Rights(account.pw_uid, account.pw_gid, tuple(sorted(groups)), account.pw_uid == 0)


def root_of(pid: int) -> tuple[int, int, int]:
    """What tells one root folder from another; `_OUR_ROOT` where it is the same as ours."""
    found, here = _root(pid), _root(os.getpid())
    return _OUR_ROOT if found == here else found


def _root(pid: int) -> tuple[int, int, int]:
    facts = os.stat(f"/proc/{pid}/root/")  # noqa: PTH116
    mounts = os.stat(f"/proc/{pid}/ns/mnt")  # noqa: PTH116
    return facts.st_dev, facts.st_ino, mounts.st_ino


def privileged() -> bool:
    """Whether this program may read what an ordinary user may not."""
    return os.geteuid() == 0 or bool(_capabilities() & _READS_ALL)


def sees_all() -> bool:
    """Whether this program may look into every process. Root in a container usually may not."""
    return bool(_capabilities() & _SEES_ALL)


def remedy(owner: str = "root") -> str:
    """What to type where a process of that user cannot be looked at."""
    if os.geteuid() == 0:
        return "Give wd the capability SYS_PTRACE (in a container: --cap-add SYS_PTRACE)."
    return "Run wd as root: sudo wd …" if owner == "root" else f"Run wd as {owner} or as root: sudo wd …"


def may_more(than: Rights) -> bool:
    """Whether this program could read files that those rights do not cover."""
    if not privileged():
        return False  # what we may read, the person who started us may read
    mine = ours()
    return mine.uid != than.uid or than.elsewhere or (not than.reads_all and mine != than)


def _least(ids: str) -> int | None:
    """Of real, effective, saved and file-system id the ordinary one; None if there are two."""
    found = {int(one) for one in ids.split()}
    ordinary = found - {0}
    return None if len(ordinary) > 1 else min(ordinary, default=0)


def _capabilities() -> int:
    """The effective ones of this program; 0 where the system has none."""
    try:
        with open("/proc/self/status", encoding="utf-8") as file:  # noqa: PTH123
            line = next(line for line in file if line.startswith("CapEff:"))
    except (OSError, StopIteration):
        return 0
    return int(line.split()[1], 16)


def trace_scope() -> int | None:
    """How far the kernel (Yama) forbids reading another process's stack; None where it does not."""
    try:
        with open("/proc/sys/kernel/yama/ptrace_scope", encoding="ascii") as file:  # noqa: PTH123
            return int(file.read())
    except (OSError, ValueError):
        return None
