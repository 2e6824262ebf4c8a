"""The listening sockets that shims hold for their services."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from watchdog.system.windows.held import release
else:
    from watchdog.system.posix.held import release

__all__ = ["release"]
