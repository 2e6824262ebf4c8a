"""Which native libraries a process has loaded."""

from __future__ import annotations

import sys

if sys.platform == "linux":
    from watchdog.system.linux.libraries import loads
else:
    from watchdog.system.portable.libraries import loads

__all__ = ["loads"]
