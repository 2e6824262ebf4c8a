"""What ties a process to those it came from when parent and session no longer do."""

from __future__ import annotations

import sys

if sys.platform == "linux":
    from watchdog.system.linux.lineage import (
        born_together,
        group_folder,
        group_members,
        is_settled,
        layout,
        layout_of,
        newest_pid,
        ticks_now,
        wait_channel,
    )
elif sys.platform == "win32":
    from watchdog.system.windows.lineage import (
        born_together,
        group_folder,
        group_members,
        is_settled,
        layout,
        layout_of,
        newest_pid,
        ticks_now,
        wait_channel,
    )
else:
    from watchdog.system.portable.untold import (
        born_together,
        group_folder,
        group_members,
        is_settled,
        layout,
        layout_of,
        newest_pid,
        ticks_now,
        wait_channel,
    )

__all__ = [
    "born_together",
    "group_folder",
    "group_members",
    "is_settled",
    "layout",
    "layout_of",
    "newest_pid",
    "ticks_now",
    "wait_channel",
]
