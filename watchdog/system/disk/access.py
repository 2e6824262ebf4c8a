"""What a user may do with a file or folder."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from watchdog.system.windows.access import may_enter, may_run, may_write
else:
    from watchdog.system.posix.access import may_enter, may_run, may_write

__all__ = ["may_enter", "may_run", "may_write"]
