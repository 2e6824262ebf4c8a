"""Locks on files by the system's own list: who holds one, who waits for one."""

from __future__ import annotations

import sys

if sys.platform == "linux":
    from watchdog.system.linux.filelocks import inodes, rows
else:
    from watchdog.system.portable.untold import inodes, rows

__all__ = ["inodes", "rows"]
