"""A control group around one service, which bounds its memory."""

from __future__ import annotations

import sys

if sys.platform == "linux":
    from watchdog.system.linux.groups import MemoryGroup
else:
    from watchdog.system.portable.groups import MemoryGroup

__all__ = ["MemoryGroup"]
