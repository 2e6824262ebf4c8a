"""The TCP sockets of this network namespace as the Linux kernel lists them.

Asked over netlink (socket diagnosis), which filters in the kernel and is the only source of a listener's backlog; where
that is not offered, from /proc/net/tcp and tcp6. Neither takes a lock of any process.
"""
# ruff: noqa: PTH115, PTH208 - these lines run for every descriptor of the machine, pathlib costs three times as much

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping

from watchdog.model.errors import CannotTell
from watchdog.model.process import Listener
from watchdog.model.records import record
from watchdog.system.linux import processes

SERVERS_REUSE = True  # servers set SO_REUSEADDR here
LISTEN = 10
STATES = {
    1: "ESTABLISHED",
    2: "SYN_SENT",
    3: "SYN_RECV",
    4: "FIN_WAIT1",
    5: "FIN_WAIT2",
    6: "TIME_WAIT",
    7: "CLOSE",
    8: "CLOSE_WAIT",
    9: "LAST_ACK",
    LISTEN: "LISTEN",
    11: "CLOSING",
    12: "SYN_RECV",
}
ALL_STATES = frozenset(STATES)

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST_DUMP = 0x0001 | 0x0300  # NLM_F_REQUEST and NLM_F_DUMP
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_ANSWER = struct.Struct("=BBBB2s2s16s16sI8sIIIII")
_PATIENCE = 2.0  # seconds for one answer of the kernel


@record(frozen=True)
class Row:
    """One socket. Of a listener, `received` is its accept queue and `sent` its backlog (None: not told)."""

    state: int
    local: str
    local_port: int
    remote: str
    remote_port: int
    received: int  # bytes not yet read by the program
    sent: int | None  # bytes not yet acknowledged by the peer
    uid: int
    inode: int  # 0: no process holds it any more


def rows(states: Collection[int], port: int = 0) -> list[Row]:
    """Every TCP socket, IPv4 and IPv6, in one of these states, with this local port if one is given."""
    found: list[Row] = []
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            found.extend(_netlink(family, states, port))
        except OSError:
            found.extend(row for row in table_rows(family) if row.state in states and port in (0, row.local_port))
    return found


def table_rows(family: int, pid: int | None = None) -> Iterator[Row]:
    """The same from /proc, also of another process's network namespace. Empty where it cannot be read."""
    name = "tcp6" if family == socket.AF_INET6 else "tcp"
    try:
        with open(f"/proc/{pid or 'self'}/net/{name}", encoding="ascii", errors="replace") as file:  # noqa: PTH123
            lines = file.readlines()[1:]
    except FileNotFoundError:  # no such family here, or no such process any more
        return
    except OSError as error:
        if pid is not None:
            return
        raise CannotTell(
            "The sockets of this machine cannot be read.", f"/proc/net/{name}: {error.strerror}."
        ) from error
    for line in lines:
        parts = line.split()
        if len(parts) < 10:
            continue
        local, remote = _proc_address(parts[1]), _proc_address(parts[2])
        sent, _, received = parts[4].partition(":")
        state = int(parts[3], 16)
        waiting = None if state == LISTEN else int(sent, 16)
        yield Row(state, *local, *remote, int(received, 16), waiting, int(parts[7]), int(parts[9]))


def holders(inodes: Collection[int], pids: Iterable[int] | None = None) -> dict[int, tuple[int, ...]]:
    """Which processes have each of these sockets open: of everybody, for children inherit sockets, or of these pids.

    A process whose descriptors may not be read (another user's, without rights) is missing here.
    """
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[int, list[int]] = {inode: [] for inode in inodes}
    if not wanted:
        return {}
    for pid in processes.pids() if pids is None else pids:
        for inode in _held(f"/proc/{pid}/fd", wanted):
            found[inode].append(pid)
    return {inode: tuple(sorted(pids)) for inode, pids in found.items()}


def listening() -> tuple[Listener, ...]:
    """Every listening socket, without those who hold it."""
    return _listeners(rows({LISTEN}), {})


def listeners(port: int | None = None) -> tuple[Listener, ...]:
    """Every listening socket, or those of one port, with all processes that hold it."""
    found = rows({LISTEN}, port or 0)
    return _listeners(found, holders({row.inode for row in found if row.inode}))


def connected(port: int) -> dict[int, int]:
    """Processes with open connections whose own end has this port, with how many."""
    open_ = [state for state, name in STATES.items() if name in ("ESTABLISHED", "CLOSE_WAIT")]
    found: dict[int, int] = {}
    for pids in holders({row.inode for row in rows(open_, port) if row.inode and row.local_port == port}).values():
        for pid in pids:
            found[pid] = found.get(pid, 0) + 1
    return found


def listeners_elsewhere(port: int, pids: Iterable[int]) -> tuple[tuple[Listener, int], ...]:
    """Listeners of that port in other network namespaces (containers), each with one process that lives there."""
    found: list[tuple[Listener, int]] = []
    seen = {processes.namespace(os.getpid(), "net"), None}
    for pid in pids:
        lives_in = processes.namespace(pid, "net")
        if lives_in in seen:
            continue
        seen.add(lives_in)
        for family in (socket.AF_INET, socket.AF_INET6):
            there = (row for row in table_rows(family, pid) if row.state == LISTEN)
            here = [row for row in there if row.local_port == port]
            held = holders({row.inode for row in here if row.inode})
            found.extend((listener, pid) for listener in _listeners(here, held))
    return tuple(found)


def is_ours_or_roots(port: int, peer_port: int) -> bool:
    """Whether the process at the other end of a local connection runs as our own user or as root.

    `port` is its end, `peer_port` ours.
    """
    found = {row.uid for row in rows(ALL_STATES - {LISTEN}, port) if row.remote_port == peer_port and row.inode}
    return bool(found) and found <= {0, os.geteuid()}


def accept_queue(port: int) -> tuple[int, int | None] | None:
    """The longest queue of a port and how many it takes; None if nobody listens there."""
    return max(((row.received, row.sent) for row in rows({LISTEN}, port)), key=lambda pair: pair[0], default=None)


def lingering(port: int) -> str:
    """Sockets of that port that no process holds any more, in words."""
    counts: dict[str, int] = {}
    for row in rows(ALL_STATES - {LISTEN}, port):
        if not row.inode:
            name = STATES[row.state]
            counts[name] = counts.get(name, 0) + 1
    return " and ".join(f"{count} in {name}" for name, count in sorted(counts.items()))


def _listeners(found: list[Row], held: Mapping[int, tuple[int, ...]]) -> tuple[Listener, ...]:
    return tuple(
        Listener(
            port=row.local_port,
            address=row.local,
            inode=row.inode,
            holders=held.get(row.inode, ()),
            queue=row.received,
            backlog=row.sent,
            uid=row.uid,
        )
        for row in found
    )


def _held(folder: str, wanted: dict[str, int]) -> set[int]:
    held: set[int] = set()
    try:
        for descriptor in os.listdir(folder):
            try:
                inode = wanted.get(os.readlink(f"{folder}/{descriptor}"))
            except OSError:  # closed meanwhile
                continue
            if inode is not None:
                held.add(inode)
    except OSError as error:  # gone, or not ours to see
        if error.errno in processes.STARVED:
            raise processes.cannot_look(error) from error
    return held


def _netlink(family: int, states: Collection[int], port: int) -> list[Row]:
    mask = sum(1 << state for state in states)
    identity = struct.pack("!HH", port, 0) + bytes(36) + b"\xff" * 8
    body = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, mask) + identity
    header = _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0)
    with socket.socket(16, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as sock:  # AF_NETLINK
        sock.settimeout(_PATIENCE)
        sock.sendto(header + body, (0, 0))
        found: list[Row] = []
        while _take(sock.recv(1 << 18), family, found):
            pass
    return [row for row in found if port in (0, row.local_port)]


def _take(packet: bytes, family: int, found: list[Row]) -> bool:
    """Read the messages of one packet; False after the last."""
    offset = 0
    while offset + _HEADER.size <= len(packet):
        length, kind, _, _, _ = _HEADER.unpack_from(packet, offset)
        if kind == _DONE or length < _HEADER.size:
            return False
        if kind == _ERROR:
            number = struct.unpack_from("=i", packet, offset + _HEADER.size)[0]
            raise OSError(-number, "socket diagnosis")
        found.append(_row(_ANSWER.unpack_from(packet, offset + _HEADER.size), family))
        offset += (length + 3) & ~3
    return True


def _row(fields: tuple[object, ...], family: int) -> Row:
    _, state, _, _, local_port, remote_port, local, remote, _, _, _, received, sent, uid, inode = fields
    assert isinstance(local, bytes) and isinstance(remote, bytes)
    assert isinstance(local_port, bytes) and isinstance(remote_port, bytes)
    size = 16 if family == socket.AF_INET6 else 4
    numbers = (state, received, sent, uid, inode)
    state, received, sent, uid, inode = (number for number in numbers if isinstance(number, int))
    return Row(
        state,
        socket.inet_ntop(family, local[:size]),
        int.from_bytes(local_port, "big"),
        socket.inet_ntop(family, remote[:size]),
        int.from_bytes(remote_port, "big"),
        received,
        sent,
        uid,
        inode,
    )


def _proc_address(text: str) -> tuple[str, int]:
    address, _, port = text.partition(":")
    raw = bytes.fromhex(address)
    if sys.byteorder == "little":  # printed as 32-bit numbers of the machine
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    family = socket.AF_INET6 if len(raw) == 16 else socket.AF_INET
    return socket.inet_ntop(family, raw), int(port, 16)
