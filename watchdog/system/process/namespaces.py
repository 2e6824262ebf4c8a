"""Numbers of threads in a container and outside of it."""

from __future__ import annotations

import sys

if sys.platform == "linux":
    from watchdog.system.linux.namespaces import thread_numbers
else:
    from watchdog.system.portable.untold import thread_numbers

__all__ = ["thread_numbers"]
