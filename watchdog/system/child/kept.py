"""A child whose whole tree ends with us, and the streams that our host gave us: where the system can do that."""

from __future__ import annotations

from watchdog.system.posix.detach import adopt_orphans
from watchdog.system.posix.kept import KeptChild
from watchdog.system.posix.own_streams import STDERR, HostStreams, parent_watch

__all__ = ["STDERR", "HostStreams", "KeptChild", "adopt_orphans", "parent_watch"]
