"""Runs the long part of a program in a child, and starts it again when it is killed or stands still."""

from __future__ import annotations

import sys

from watchdog.system.child.link import Link

if sys.platform == "win32":
    from watchdog.system.windows.overseer import oversee
else:
    from watchdog.system.posix.overseer import oversee

__all__ = ["Link", "oversee"]
