"""Which process has accepted a connection of ours, where several accept from one listening socket."""

from __future__ import annotations

import sys

if sys.platform == "linux":
    from watchdog.system.linux.accepted import CAN_TELL, only_by
else:
    from watchdog.system.portable.accepted import CAN_TELL, only_by

__all__ = ["CAN_TELL", "only_by"]
