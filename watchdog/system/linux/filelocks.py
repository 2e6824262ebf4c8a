"""Locks on files, by the kernel's own list: who holds one, who waits for one. SQLite's locks are among them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from watchdog.model.facts import FileLock

_ROW = re.compile(
    r"^\d+:\s+(?P<waits>->\s+)?(?P<kind>\S+)\s+\S+\s+(?P<mode>\S+)\s+(?P<pid>-?\d+)\s+"
    r"[0-9a-f]+:[0-9a-f]+:(?P<inode>\d+)\s+(?P<start>\d+)\s",
    re.MULTILINE,
)


def rows() -> tuple[FileLock, ...]:
    """Empty where the kernel has no such list."""
    try:
        text = Path("/proc/locks").read_text()
    except OSError:
        return ()
    return tuple(
        FileLock(
            int(found["inode"]),
            int(found["pid"]),
            found["kind"],
            found["mode"] == "WRITE",
            int(found["start"]),
            bool(found["waits"]),
        )
        for found in _ROW.finditer(text)
    )


def inodes(pid: int, numbers: Mapping[int, str]) -> dict[int, str]:
    """Inode -> path of the open files, without asking the file system (which may hang). Needs Linux 5.14."""
    found = {}
    for number, path in numbers.items():
        try:
            text = Path(f"/proc/{pid}/fdinfo/{number}").read_text()
        except OSError:
            continue
        inode = re.search(r"^ino:\s*(\d+)", text, re.MULTILINE)
        if inode:
            found[int(inode[1])] = path
    return found
