"""TCP connections with their queues, and how long ago data last moved on each.

The table is /proc/PID/net/tcp and tcp6, which names the queues. The kernel's socket diagnosis (netlink, unprivileged)
adds the ages of the last data in each direction; where it cannot be had those fields stay None.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from watchdog.model.facts import UnixSocket
from watchdog.model.open_files import Connection

_STATES = {
    1: "ESTABLISHED", 2: "SYN_SENT", 3: "SYN_RECV", 4: "FIN_WAIT1", 5: "FIN_WAIT2", 6: "TIME_WAIT", 7: "CLOSE",
    8: "CLOSE_WAIT", 9: "LAST_ACK", 10: "LISTEN", 11: "CLOSING",
}  # fmt: skip
_LISTEN = "0A"  # in the table
_MOST = 20_000  # rows of one table
_NEVER = 365 * 86400.0  # an age beyond this is the kernel's zero, not an age


class Ages(NamedTuple):
    """Seconds since data last moved; None: never."""

    received: float | None
    sent: float | None
    bytes_received: int
    bytes_sent: int  # and acknowledged


def connections(pids: Iterable[int], ports: Iterable[int], owners: dict[int, int]) -> tuple[Connection, ...]:
    """What touches the ports, or is held by the processes. `owners` maps socket inodes to the pids that hold them."""
    wanted, all_pids = frozenset(ports), tuple(pids)
    ages = _ages()
    found = []
    for row in _rows(all_pids[0] if all_pids else os.getpid(), wanted, owners):
        local, remote, state, unsent, unread, inode = row
        served = local[1] in wanted
        age = ages.get((local, remote))
        found.append(
            Connection(
                pid=owners.get(inode),
                local=_text(local),
                remote=_text(remote),
                state=state,
                unread=unread,
                unsent=unsent,
                inode=inode,
                served=served,
                received_ago=age.received if age else None,
                sent_ago=age.sent if age else None,
                received=age.bytes_received if age else None,
                sent=age.bytes_sent if age else None,
            )
        )
    return tuple(found)


Address = tuple[str, int]


def _text(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _rows(
    pid: int, ports: Container[int], inodes: Container[int]
) -> Iterator[tuple[Address, Address, str, int, int, int]]:
    """Connections on these local ports or with these inodes. The others are not parsed: there may be thousands."""
    for name, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        try:
            lines = Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1 : _MOST + 1]
        except OSError:
            continue
        for line in lines:
            field = line.split(None, 10)
            if len(field) < 10 or field[3] == _LISTEN:
                continue
            if int(field[9]) not in inodes and int(field[1].rpartition(":")[2], 16) not in ports:
                continue
            unsent, _, unread = field[4].partition(":")
            yield (
                _address(field[1], family),
                _address(field[2], family),
                _STATES.get(int(field[3], 16), field[3]),
                int(unsent, 16),
                int(unread, 16),
                int(field[9]),
            )


def _address(text: str, family: socket.AddressFamily) -> Address:
    """The kernel prints the address as 32-bit words in the machine's byte order."""
    host, _, port = text.rpartition(":")
    words = [int(host[at : at + 8], 16) for at in range(0, len(host), 8)]
    return _host(family, struct.pack(f"={len(words)}I", *words)), int(port, 16)


def _host(family: int, raw: bytes) -> str:
    """IPv4 written inside IPv6 is shown as IPv4: it is the same peer."""
    if family == socket.AF_INET6 and raw[:12] == b"\0" * 10 + b"\xff\xff":
        return socket.inet_ntop(socket.AF_INET, raw[12:])
    return socket.inet_ntop(socket.AF_INET if family == socket.AF_INET else socket.AF_INET6, raw)


_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _DUMP, _DONE, _ERROR = 4, 20, 0x301, 3, 2
_WANT_INFO = 1 << 1  # INET_DIAG_INFO is attribute 2


def _ages() -> dict[tuple[Address, Address], Ages]:
    """Empty where netlink is not to be had (a strict sandbox)."""
    found: dict[tuple[Address, Address], Ages] = {}
    with contextlib.suppress(OSError, struct.error):
        for family in (socket.AF_INET, socket.AF_INET6):
            for message in _dump(family):
                key, ages = _diagnosis(family, message)
                if ages is not None:
                    found[key] = ages
    return found


def _dump(family: int) -> Iterator[bytes]:
    states = 0xFFFFFFFF & ~(1 << 10 | 1 << 6)  # listeners and TIME_WAIT have no ages
    return _ask(struct.pack("=BBBBI48x", family, socket.IPPROTO_TCP, _WANT_INFO, 0, states))


def _ask(body: bytes) -> Iterator[bytes]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as sock:
        sock.settimeout(0.5)
        sock.send(struct.pack("=IHHII", 16 + len(body), _SOCK_DIAG_BY_FAMILY, _DUMP, 1, 0) + body)
        for _ in range(_MOST):
            data = sock.recv(1 << 16)
            while len(data) >= 16:
                length, kind = struct.unpack_from("=IH", data)
                if kind in (_DONE, _ERROR) or length < 16:
                    return
                yield data[16:length]
                data = data[(length + 3) & ~3 :]


def _diagnosis(family: int, message: bytes) -> tuple[tuple[Address, Address], Ages | None]:
    """struct inet_diag_msg (72 bytes), then attributes; tcp_info holds the ages in milliseconds."""
    sport, dport = struct.unpack_from("!HH", message, 4)
    size = 4 if family == socket.AF_INET else 16
    key = (
        (_host(family, message[8 : 8 + size]), sport),
        (_host(family, message[24 : 24 + size]), dport),
    )
    at = 72
    while at + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, at)
        if length < 4:
            break
        if kind == 2 and length >= 4 + 136:
            info = message[at + 4 : at + length]
            sent, _, received = struct.unpack_from("=III", info, 44)
            acknowledged, total = struct.unpack_from("=QQ", info, 120)
            return key, Ages(_age(received), _age(sent), total, acknowledged)
        at += (length + 3) & ~3
    return key, None


def _age(milliseconds: int) -> float | None:
    seconds = milliseconds / 1000
    return seconds if seconds < _NEVER and milliseconds < 0x7FFFFFFF else None


def unix_sockets() -> dict[int, UnixSocket]:
    """Every local socket by its inode; empty where netlink is not to be had."""
    found: dict[int, UnixSocket] = {}
    # struct unix_diag_req: family, protocol, pad, states, inode, show (name, peer, queues), cookie
    body = struct.pack("=BBHIII8x", socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, 1 | 4 | 16)
    with contextlib.suppress(OSError, struct.error):
        for message in _ask(body):
            (inode,) = struct.unpack_from("=I", message, 4)
            found[inode] = _unix(message)
    return found


def _unix(message: bytes) -> UnixSocket:
    name, peer, unread = "", 0, None
    at = 16
    while at + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, at)
        if length < 4:
            break
        value = message[at + 4 : at + length]
        if kind == 0:
            name = value.rstrip(b"\0").replace(b"\0", b"@").decode("utf-8", "replace")
        elif kind == 2:
            (peer,) = struct.unpack_from("=I", value)
        elif kind == 4:
            (unread,) = struct.unpack_from("=I", value)
        at += (length + 3) & ~3
    return UnixSocket(name, peer, unread)
