"""The content of a file that another process has open for reading, whatever its name by now."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

_FLAGS = re.compile(r"^flags:\s*([0-7]+)", re.MULTILINE | re.ASCII)
_INODE = re.compile(r"^ino:\s*(\d+)", re.MULTILINE | re.ASCII)
_MOUNT = re.compile(r"^mnt_id:\s*(\d+)", re.MULTILINE | re.ASCII)
_O_PATH = getattr(os, "O_PATH", 0)
_ACCESS = 0o3  # the bits of reading and writing


def read_open_file(pid: int, number: int, limit: int) -> bytes | None:
    """The first bytes behind one of its descriptors.

    None if it is not a regular file, if we may not read it, or if the process itself could not read it through this
    very descriptor: one that was opened for writing or for its path alone proves no right to the content.
    """
    try:
        allowed = _readable(Path(f"/proc/{pid}/fdinfo/{number}").read_text())
        opened = os.open(f"/proc/{pid}/fd/{number}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(opened, "rb", buffering=0) as file:
        try:
            if allowed is None or allowed != _readable(Path(f"/proc/self/fdinfo/{opened}").read_text()):
                return None
            return file.read(limit) if stat.S_ISREG(os.fstat(opened).st_mode) else None
        except OSError:
            return None


def _readable(info: str) -> tuple[str, str] | None:
    """Mount and inode (from Linux 5.14 on) of a descriptor that can be read through; None of any other."""
    flags, inode, mount = _FLAGS.search(info), _INODE.search(info), _MOUNT.search(info)
    if flags is None or mount is None:
        return None
    value = int(flags[1], 8)
    return None if value & _O_PATH or value & _ACCESS == os.O_WRONLY else (mount[1], inode[1] if inode else "")
