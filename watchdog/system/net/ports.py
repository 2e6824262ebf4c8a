"""Who listens on which TCP port, and whether a port could be bound again."""

from __future__ import annotations

import errno
import socket
import sys
import time
from collections.abc import Collection, Iterable
from dataclasses import replace

from watchdog.model.process import Listener
from watchdog.system.shim import posts

if sys.platform == "linux":
    from watchdog.system.linux import diag as system
elif sys.platform == "win32":
    from watchdog.system.windows import ports as system
else:
    from watchdog.system.portable import ports as system

REUSE = system.SERVERS_REUSE  # whether servers set SO_REUSEADDR, and may
_NO_FAMILY = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT}


def listeners(port: int | None = None) -> tuple[Listener, ...]:
    """Every listening TCP socket, or those of one port, IPv4 and IPv6, each with all processes that hold it.

    No holders: they belong to another user and may not be seen, or the kernel is just closing the socket. A shim of
    ours that keeps a socket for its service is not a holder: it serves nobody.
    """
    found, shims = system.listeners(port), posts.holding()
    if not shims:
        return found
    kept = ((one, tuple(pid for pid in one.holders if pid not in shims)) for one in found)
    return tuple(replace(one, holders=left) for one, left in kept if left or not one.holders)


def listening() -> tuple[Listener, ...]:
    """Every listening TCP socket as the kernel names it at once. Holders are not looked for."""
    return system.listening()


def holders(inodes: Collection[int], pids: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """Which of these processes have which of these sockets open."""
    return system.holders(inodes, pids)


def is_held(port: int) -> bool:
    """Whether only a shim of ours holds that port, for the next start of its service."""
    shims = posts.holding()
    found = system.listeners(port) if shims else ()
    return bool(found) and all(one.holders and set(one.holders) <= shims for one in found)


def hidden(port: int | None = None) -> tuple[Listener, ...]:
    """Listening sockets whose holders we may not see: other users', or those of processes outside this container."""

    def unheld() -> dict[int, Listener]:
        return {one.inode: one for one in system.listeners(port) if one.inode and not one.holders}

    found = unheld()
    if found:  # a server that ends, or begins, at this very moment looks the same for one
        again = unheld()
        found = {inode: one for inode, one in found.items() if inode in again}
    return tuple(found.values())


def listeners_elsewhere(port: int, pids: Iterable[int]) -> tuple[tuple[Listener, int], ...]:
    """Listeners of that port in other network namespaces (containers), each with one process that lives there."""
    return system.listeners_elsewhere(port, pids)


def accept_queue(port: int) -> tuple[int, int | None] | None:
    """(connections that wait for the program, how many the queue takes) of a port; None if nobody listens there.

    Cheaper than `listeners`: who holds the socket is not looked for.
    """
    return system.accept_queue(port)


def connected(port: int) -> dict[int, int]:
    """Processes that have open connections on this port of their own, with how many: servers, and also clients whose
    end of a connection happens to have this number."""
    return system.connected(port)


def free_port() -> int:
    """A port of this machine's loopback that nobody holds now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def can_bind(port: int, address: str = "") -> bool:
    """Whether a server could bind it now, as servers do (with SO_REUSEADDR): on IPv4 and IPv6, or on one address."""
    return not _bind_error(port, address)


def is_free(port: int) -> bool:
    """Whether the next start of the service gets the port: it could be bound, or a shim of ours holds it ready."""
    return can_bind(port) or is_held(port)


def why_not_bound(port: int) -> str:
    """One sentence on what keeps the port from being bound; empty if nothing does."""
    error = ""
    for _ in range(3):
        error = _bind_error(port, "")
        if not error:
            return ""
        held = listeners(port)
        pids = sorted({pid for listener in held for pid in listener.holders})
        if pids:
            return f"port {port} is held by pid {', '.join(map(str, pids))}"
        if held:
            return f"port {port} is held by a process of user id {held[0].uid} that cannot be seen without more rights"
        lingering = system.lingering(port)
        if lingering:
            return f"no process holds port {port}: the kernel keeps {lingering} until its timer ends"
        # A connection that just passes from one state to the next is in none of the kernel's lists.
        time.sleep(0.02)
    return f"port {port} cannot be bound ({error}), and no listener is seen"


def _bind_error(port: int, address: str) -> str:
    """Why a server's bind would fail now; empty if it would not."""
    addresses = (address,) if address else ("0.0.0.0", "::")
    for one in addresses:
        family = socket.AF_INET6 if ":" in one else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_STREAM) as sock:
                if REUSE:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind((one, port))
        except OSError as error:
            if error.errno in _NO_FAMILY and not address:  # this machine has no IPv6, or no IPv4
                continue
            if error.errno in (errno.EACCES, errno.EPERM):  # a port for root: a listener is all that can be looked for
                return "held" if listeners(port) else ""
            return error.strerror or str(error)
    return ""
