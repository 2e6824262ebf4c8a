"""Stops many processes before they are killed, and sees to it that none stays stopped if wd dies in between."""

from __future__ import annotations

import sys

if sys.platform == "linux":
    from watchdog.system.linux.freeze import Freezer
else:
    from watchdog.system.portable.freeze import Freezer

__all__ = ["Freezer"]
