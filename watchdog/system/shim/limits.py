"""What keeps the limits of a playbook (`start.limits`) from being set on this machine."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from watchdog.system.windows.limits import problems
else:
    from watchdog.system.posix.limits import problems

__all__ = ["problems"]
