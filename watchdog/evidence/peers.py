"""Whether what the server waits for can be reached at all: a connection is opened and closed.

Nothing is sent, except to redis, which has a question for that: PING.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from watchdog.model.evidence import PeerLook
from watchdog.model.open_files import Connection
from watchdog.model.process import Process
from watchdog.system.net import ports, sockets
from watchdog.system.process import processes

_MOST = 8  # different addresses
TIMEOUT = 1.0  # seconds for a connection; within a data centre a millisecond is usual
_HELLOS = {"redis": b"PING\r\n"}
_SPEAKS = {"redis-server": "redis", "valkey-server": "redis", "keydb-server": "redis"}  # programs
_STATES = {"T": " (stopped)", "t": " (held by a debugger)", "D": " (waits for a disk)"}


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
    return _all({address: "" for address, _ in wanted.most_common(_MOST)}, named=False)


def look_at_named(brokers: Mapping[str, str]) -> tuple[PeerLook, ...]:
    """The same for addresses that were named as the server's message brokers, each with its protocol."""
    return _all(brokers, named=True)


def _all(addresses: Mapping[str, str], *, named: bool) -> tuple[PeerLook, ...]:
    if not addresses:
        return ()
    with ThreadPoolExecutor(len(addresses)) as pool:
        return tuple(pool.map(partial(_look, named=named), addresses.keys(), addresses.values()))


def _look(address: str, protocol: str, *, named: bool) -> PeerLook:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    owner = _owner(host, int(port))
    protocol = _SPEAKS.get(owner.name, protocol) if owner else protocol
    state = sockets.try_connect(host, int(port), TIMEOUT, _HELLOS.get(protocol, b""))
    words = f"{owner.command} (pid {owner.pid}){_STATES.get(owner.state, '')}" if owner else None
    return PeerLook(address, state, words, owner.pid if owner and owner.state == "T" else None, named)


def _owner(host: str, port: int) -> Process | None:
    """Who listens there, if that is on this machine."""
    if not host.startswith("127.") and host != "::1" and not sockets.is_local(host):
        return None
    for listener in ports.listeners(port):
        for pid in listener.holders[:1]:
            process = processes.read(pid)
            if process is not None:
                return processes.with_commands([process], within=0.3).get(pid, process)
    return None
