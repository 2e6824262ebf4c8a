"""A listening socket of our own, and who connects to it from this machine."""

from __future__ import annotations

import socket
import sys

from watchdog.system.net.ports import REUSE

if sys.platform == "linux":
    from watchdog.system.linux.diag import is_ours_or_roots
elif sys.platform == "win32":
    from watchdog.system.windows.sockets import is_ours_or_roots
else:
    from watchdog.system.portable.sockets import is_ours_or_roots

__all__ = ["is_ours_or_roots", "listen"]

_BACKLOG = 512


def listen(host: str, port: int) -> socket.socket:
    """OSError if the address is taken or is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        if REUSE:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(_BACKLOG)
    except OSError:
        found.close()
        raise
    return found
