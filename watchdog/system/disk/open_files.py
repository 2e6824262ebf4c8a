"""The content of a file that another process has open, whatever its name by now, in its own file system or none."""

from __future__ import annotations

import os
import stat


def read_open_file(pid: int, number: int, limit: int) -> bytes | None:
    """The first bytes behind one of its descriptors; None if it is no regular file or we have no right to it."""
    try:
        opened = os.open(f"/proc/{pid}/fd/{number}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(opened, "rb", buffering=0) as file:
        try:
            return file.read(limit) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None
        except OSError:
            return None
