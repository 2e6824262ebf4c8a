"""A child whose whole tree ends with us, and the streams that our host gave us: where the system can do that."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from watchdog.system.windows.kept import (
        STDERR,
        HostStreams,
        KeptChild,
        adopt_orphans,
        new_loop,
        parent_watch,
        write_pieces,
    )
else:
    from watchdog.system.posix.detach import adopt_orphans
    from watchdog.system.posix.kept import KeptChild
    from watchdog.system.posix.own_streams import STDERR, HostStreams, new_loop, parent_watch, write_pieces

__all__ = ["STDERR", "HostStreams", "KeptChild", "adopt_orphans", "new_loop", "parent_watch", "write_pieces"]
