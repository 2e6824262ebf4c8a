"""Which services of the system a process is, where the system itself keeps a list with pids."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from watchdog.system.windows.services import names_of
else:
    from watchdog.system.portable.untold import names_of

__all__ = ["names_of"]
