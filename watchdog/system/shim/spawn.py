"""Spawns a shim: an interpreter that outlives wd, with a line to us."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from watchdog.system.windows.shim_spawn import spawned
else:
    from watchdog.system.posix.shim_spawn import spawned

__all__ = ["spawned"]
