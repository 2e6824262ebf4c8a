"""The threads of a process: state, CPU time, what each waits in."""

from __future__ import annotations

import sys

if sys.platform == "linux":
    from watchdog.system.linux.threads import ACTIVE_IS_TOLD, children, facts, is_runnable, look, with_memory
elif sys.platform == "win32":
    from watchdog.system.windows.threads import ACTIVE_IS_TOLD, children, facts, is_runnable, look, with_memory
else:
    from watchdog.system.portable.threads import ACTIVE_IS_TOLD, children, facts, is_runnable, look, with_memory

__all__ = ["ACTIVE_IS_TOLD", "children", "facts", "is_runnable", "look", "with_memory"]
