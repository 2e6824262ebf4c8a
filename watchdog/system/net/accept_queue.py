"""Connections that the kernel took for a server and the server has not taken yet."""

from __future__ import annotations

import sys

if sys.platform == "linux":
    from watchdog.system.net import diag


def waiting(port: int) -> tuple[int, int | None] | None:
    """(how many wait, how many the queue takes) on a port; None if nobody listens there, or the system does not tell.

    Who holds the socket is not looked for: this costs next to nothing.
    """
    if sys.platform != "linux":
        return None
    rows = diag.rows({diag.LISTEN}, port)
    return max(((row.received, row.sent) for row in rows), key=lambda pair: pair[0]) if rows else None
