"""Tells systemd how the daemon is, where systemd asked for it; nothing happens elsewhere."""

from __future__ import annotations

import contextlib
import os
import socket


def tell(state: str) -> bool:
    """Send one message of the sd_notify protocol, such as "READY=1"; False if nobody wants it. Never raises."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")) or not hasattr(socket, "AF_UNIX"):
        return False
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1.0)
        # A name that begins with @ is an abstract one, which begins with a zero byte for the kernel.
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.sendall(state.encode())
        return True
    return False


def watchdog_period() -> float | None:
    """How often systemd wants a WATCHDOG=1, in seconds: half of its limit; None if it does not watch this process."""
    limit, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not limit.isdecimal() or not int(limit) or (pid and pid != str(os.getpid())):
        return None
    return int(limit) / 2_000_000
