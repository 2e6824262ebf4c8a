"""Whether a shim can hear what its server says by sd_notify."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from watchdog.system.portable.untold import CAN_HEAR
else:
    from watchdog.system.posix.notified import CAN_HEAR

__all__ = ["CAN_HEAR"]
