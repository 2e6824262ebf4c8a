"""How the C library hands out memory to threads."""

from __future__ import annotations

import sys

if sys.platform == "linux":
    from watchdog.system.linux.allocator import share_one_arena
else:
    from watchdog.system.portable.untold import share_one_arena

__all__ = ["share_one_arena"]
