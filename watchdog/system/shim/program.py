"""The small process between wd and a service: it starts the service, and stays as its parent until it ends."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from watchdog.system.windows.shim_program import main
else:
    from watchdog.system.posix.shim_program import main

__all__ = ["main"]
