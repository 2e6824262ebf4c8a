"""Open files, pipes and sockets of a process, and who holds the other end of a pipe."""

from __future__ import annotations

import sys

if sys.platform == "linux":
    from watchdog.system.linux.descriptors import count, holders, holds_socket, limit, of, of_all
elif sys.platform == "win32":
    from watchdog.system.windows.descriptors import count, holders, holds_socket, limit, of, of_all
else:
    from watchdog.system.portable.descriptors import count, holders, holds_socket, limit, of, of_all

__all__ = ["count", "holders", "holds_socket", "limit", "of", "of_all"]
