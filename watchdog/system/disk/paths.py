"""Opening a log whose path other users could have tampered with."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from watchdog.system.windows.paths import open_for_reading
else:
    from watchdog.system.posix.paths import open_for_reading

__all__ = ["open_for_reading"]
