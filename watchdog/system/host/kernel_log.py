"""What the kernel wrote down about processes that it ended because memory ran out."""

from __future__ import annotations

import sys

if sys.platform == "linux":
    from watchdog.system.linux.kernel_log import oom_kills
else:
    from watchdog.system.portable.untold import oom_kills

__all__ = ["oom_kills"]
