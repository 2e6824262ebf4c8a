"""What the system wrote into its log about programs that crashed."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from watchdog.system.windows.event_log import crashes
else:
    from watchdog.system.portable.untold import crashes

__all__ = ["crashes"]
