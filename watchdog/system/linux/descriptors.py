"""Open files, pipes and sockets of a process, and who holds the other end of a pipe.

Only the links in /proc/PID/fd are read. Nothing is opened: opening an end of a pipe would for a moment change what its
other end sees (a writer would get no EPIPE), and a file may lie on a file system that hangs.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path

from watchdog.model.open_files import Descriptor

_MOST = 4000  # descriptors looked at one by one
_INODE = re.compile(r"(socket|pipe):\[(\d+)\]", re.ASCII)
_LIMIT = re.compile(r"^Max open files\s+(\d+|unlimited)", re.MULTILINE)


def count(pid: int) -> int | None:
    """How many are open; None without the right to look."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208
    except OSError:
        return None


def limit(pid: int) -> int | None:
    """The soft limit; None where it is unlimited or cannot be read."""
    try:
        found = _LIMIT.search(Path(f"/proc/{pid}/limits").read_text())
    except OSError:
        return None
    return int(found[1]) if found and found[1] != "unlimited" else None


def of(pid: int, kind: str = "") -> tuple[Descriptor, ...]:
    """Each open descriptor, or those of one kind; empty without the right to look."""
    try:
        numbers = sorted(int(name) for name in os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208
    except OSError:
        return ()
    found = (_one(pid, number) for number in numbers[:_MOST])
    return tuple(one for one in found if one is not None and kind in ("", one.kind))


def of_all(pids: Iterable[int]) -> tuple[Descriptor, ...]:
    """Each open descriptor of several processes."""
    return tuple(one for pid in pids for one in of(pid))


def holds_socket(pid: int, inodes: Collection[int]) -> bool:
    """Whether it has one of these sockets open now. Far quicker than to look at everybody."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd")[:_MOST]:  # noqa: PTH208
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                if os.readlink(f"/proc/{pid}/fd/{name}") in wanted:  # noqa: PTH115
                    return True
    return False


def _one(pid: int, number: int) -> Descriptor | None:
    path = f"/proc/{pid}/fd/{number}"
    try:
        target = os.readlink(path)  # noqa: PTH115
        # The link's own permission bits are the mode in which it was opened.
        writable = bool(os.lstat(path).st_mode & stat.S_IWUSR)
    except OSError:
        return None
    match = _INODE.fullmatch(target)
    return Descriptor(
        pid=pid,
        number=number,
        kind=match[1] if match else _kind(target),
        target=target,
        inode=int(match[2]) if match else None,
        writable=writable,
    )


def _kind(target: str) -> str:
    if target.startswith("anon_inode:"):
        inner = target.partition(":")[2].strip("[]")
        return inner if inner in ("eventpoll", "eventfd") else "other"
    if target.startswith("/dev/"):
        return "device"
    return "file" if target.startswith("/") else "other"


def holders(inodes: Iterable[int], kind: str = "pipe") -> dict[int, tuple[tuple[int, bool], ...]]:
    """For each pipe (or socket) its holders on the whole machine: (pid, whether open for writing)."""
    wanted = {f"{kind}:[{inode}]": inode for inode in inodes}
    found: defaultdict[int, set[tuple[int, bool]]] = defaultdict(set)
    if not wanted:
        return {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if not name.isdigit():
            continue
        try:
            numbers = os.listdir(f"/proc/{name}/fd")  # noqa: PTH208
        except OSError:
            continue
        for number in numbers[:_MOST]:
            path = f"/proc/{name}/fd/{number}"
            try:
                inode = wanted.get(os.readlink(path))  # noqa: PTH115
                if inode is not None:
                    found[inode].add((int(name), bool(os.lstat(path).st_mode & stat.S_IWUSR)))
            except OSError:
                continue
    return {inode: tuple(sorted(ends)) for inode, ends in found.items()}
