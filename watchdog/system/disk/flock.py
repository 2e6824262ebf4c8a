"""A lock on an open file that ends with its holder."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from watchdog.system.windows.flock import Busy, held
else:
    from watchdog.system.posix.flock import Busy, held

__all__ = ["Busy", "held"]
