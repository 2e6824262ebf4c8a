"""The shim of a server that has just ended waits a moment for the next start."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from watchdog.system.windows.standby import call, sweep
else:
    from watchdog.system.posix.standby import call, sweep

__all__ = ["call", "sweep"]
