"""Whether what the server waits for can be reached at all: a connection is opened and closed, nothing is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from watchdog.model.evidence import Connection, PeerLook
from watchdog.system.net import ports, sockets
from watchdog.system.process import processes

_MOST = 8  # different addresses
TIMEOUT = 1.0  # seconds for a connection; within a data centre a millisecond is usual


def look(connections: Iterable[Connection], own_ports: Iterable[int]) -> tuple[PeerLook, ...]:
    """Ask every address to which the server itself has a connection, or tries to have one, the most used first."""
    own = set(own_ports)
    wanted: Counter[str] = Counter(
        connection.remote
        for connection in connections
        if not connection.served
        and connection.pid is not None
        and connection.state in ("ESTABLISHED", "SYN_SENT", "CLOSE_WAIT")
        and int(connection.remote.rpartition(":")[2]) not in own
    )
    addresses = [address for address, _ in wanted.most_common(_MOST)]
    if not addresses:
        return ()
    with ThreadPoolExecutor(len(addresses)) as pool:
        return tuple(pool.map(_look, addresses))


def _look(address: str) -> PeerLook:
    host, _, port = address.rpartition(":")
    state = sockets.try_connect(host.strip("[]"), int(port), TIMEOUT)
    return PeerLook(address, state, owner=_owner(host.strip("[]"), int(port)))


def _owner(host: str, port: int) -> str | None:
    """The command of who listens there, if that is on this machine."""
    if not host.startswith("127.") and host != "::1" and not sockets.is_local(host):
        return None
    for listener in ports.listeners(port):
        for pid in listener.holders[:1]:
            process = processes.read(pid)
            if process is not None:
                found = processes.with_commands([process], within=0.3).get(pid, process)
                stopped = {"T": " (stopped)", "t": " (held by a debugger)", "D": " (waits for a disk)"}
                return f"{found.command} (pid {pid}){stopped.get(found.state, '')}"
    return None
