"""What a process may read, and what this program may."""

from __future__ import annotations

import sys

if sys.platform == "linux":
    from watchdog.system.linux.rights import (
        Rights,
        may_more,
        of,
        of_user,
        ours,
        privileged,
        remedy,
        sees_all,
        trace_scope,
    )
else:
    from watchdog.system.portable.rights import (
        Rights,
        may_more,
        of,
        of_user,
        ours,
        privileged,
        remedy,
        sees_all,
        trace_scope,
    )

__all__ = ["Rights", "may_more", "of", "of_user", "ours", "privileged", "remedy", "sees_all", "trace_scope"]
